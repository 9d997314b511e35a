import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { createPasswords, type Kdf, type KdfParameters, STANDARD } from '../../src/access/passwords.ts';
import { mintToken } from '../../src/access/tokens.ts';
import { isRefusal } from '../../src/domain/errors.ts';

const quick: Kdf = async (password, salt, parameters) =>
  createHash('sha256').update(JSON.stringify(parameters)).update(salt).update(password).digest();

describe('a password', () => {
  it('fits its verifier only', async () => {
    const { hash, verify } = createPasswords({ kdf: quick });
    const verifier = await hash('correct horse');
    expect(verifier).toMatch(/^\$argon2id\$m=19456,t=2\$/);
    expect(verifier).not.toBe(await hash('correct horse'));
    expect(await verify('correct horse', verifier)).toBe(true);
    expect(await verify('correct horsf', verifier)).toBe(false);
    expect(await verify('', verifier)).toBe(false);
  });

  it('is the same however its accents were typed', async () => {
    const { hash, verify } = createPasswords({ kdf: quick });
    expect(await verify('caf\u0065\u0301-noir', await hash('caf\u00e9-noir'))).toBe(true);
  });

  it.each([
    '',
    '1234567',
    '😀'.repeat(7),
    'x'.repeat(257),
    'with\0zero!',
    'with\nline',
    mintToken('p1').token,
  ])('is not %j', async password => {
    const hashing = createPasswords({ kdf: quick }).hash(password);
    await expect(hashing).rejects.toSatisfy(error => isRefusal(error, 'REQUEST_INVALID'));
  });

  it.each(['12345678', '😀'.repeat(8), 'x'.repeat(256), 'päss wörd:'])('may be %j', async password => {
    await expect(createPasswords({ kdf: quick }).hash(password)).resolves.toEqual(expect.any(String));
  });
});

describe('the real derivation', () => {
  const cheap: KdfParameters[] = [
    { algorithm: 'argon2id', memory: 64, passes: 1 },
    { algorithm: 'scrypt', cost: 16, blockSize: 8 },
  ];
  it.each(cheap)('by $algorithm works, and is checked wherever another one is standard', async parameters => {
    const verifier = await createPasswords({ parameters }).hash('correct horse');
    expect(verifier).toContain(parameters.algorithm);
    const { verify } = createPasswords({ kdf: undefined as unknown as Kdf, parameters: STANDARD });
    expect(await verify('correct horse', verifier)).toBe(true);
    expect(await verify('correct house', verifier)).toBe(false);
  });

  it('takes the parameters that OWASP asks for', () => {
    expect(STANDARD).toEqual({ algorithm: 'argon2id', memory: 19_456, passes: 2 });
  });
});

describe('checking', () => {
  it('does the same work for nobody as for somebody', async () => {
    const kdf = vi.fn(quick);
    const { hash, verify } = createPasswords({ kdf });
    const verifier = await hash('correct horse');
    kdf.mockClear();
    expect(await verify('wrong horse', verifier)).toBe(false);
    expect(await verify('wrong horse', undefined)).toBe(false);
    const [known, unknown] = kdf.mock.calls;
    expect(unknown?.[2]).toEqual(known?.[2]);
    expect(unknown?.[1]).toHaveLength(known![1].length);
    expect(kdf).toHaveBeenCalledTimes(2);
  });

  it('says no for nobody even if the derivation gave the expected bytes', async () => {
    const kdf: Kdf = async () => new Uint8Array(32);
    expect(await createPasswords({ kdf }).verify('anything', undefined)).toBe(false);
  });

  it('runs a few at once, lets some wait, and refuses the rest', async () => {
    let running = 0;
    let most = 0;
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const kdf: Kdf = async () => {
      running += 1;
      most = Math.max(most, running);
      await gate;
      running -= 1;
      return new Uint8Array(32);
    };
    const { verify } = createPasswords({ kdf, concurrency: 2, queue: 3 });
    const checks = Array.from({ length: 7 }, () => verify('x', undefined));
    const settled = Promise.allSettled(checks);
    open();
    const refused = (await settled).filter(check => check.status === 'rejected');
    expect(refused).toHaveLength(2);
    expect(refused.every(({ reason }) => isRefusal(reason, 'TOO_MANY_REQUESTS'))).toBe(true);
    expect(most).toBe(2);
    expect(await verify('x', undefined)).toBe(false);
  });

  it('goes on after a failing derivation', async () => {
    const kdf = vi.fn(quick).mockRejectedValueOnce(new Error('out of memory'));
    const { verify } = createPasswords({ kdf, concurrency: 1 });
    await expect(verify('x', undefined)).rejects.toThrow('out of memory');
    expect(await verify('x', undefined)).toBe(false);
  });

  it.each(['', 'x', '$argon2id$m=1$a$b', '$md5$m=1,t=1$AAAA$AAAA'])(
    'refuses the damaged verifier %j',
    async verifier => {
      const checking = createPasswords({ kdf: quick }).verify('x', verifier);
      await expect(checking).rejects.toSatisfy(error => isRefusal(error, 'INTERNAL'));
    },
  );
});
