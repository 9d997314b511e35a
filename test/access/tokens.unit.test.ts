import { describe, expect, it } from 'vitest';
import { fitsToken, isTokenShaped, mintToken, newTokenId, parseToken } from '../../src/access/tokens.ts';

describe('an API token', () => {
  it('carries its id and a secret that only its verifier fits', () => {
    const minted = mintToken('p1');
    const { tokenId, secret } = parseToken(minted.token)!;
    expect(tokenId).toBe(minted.tokenId);
    expect(secret).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(minted.verifier.principalId).toBe('p1');
    expect(minted.verifier.sha256).not.toContain(secret);
    expect(fitsToken(secret, minted.verifier)).toBe(true);
    expect(fitsToken(secret, mintToken('p1').verifier)).toBe(false);
    expect(fitsToken(`${secret.slice(0, -1)}${secret.endsWith('a') ? 'b' : 'a'}`, minted.verifier)).toBe(
      false,
    );
    expect(fitsToken(secret, undefined)).toBe(false);
    expect(fitsToken('', undefined)).toBe(false);
  });

  it('may be given its id, a UUID for example, but not one that breaks its form', () => {
    const id = '0b0e7a9e-58f6-4d0c-8f5e-2f6f1f0f6c11';
    expect(parseToken(mintToken('p1', id).token)?.tokenId).toBe(id);
    for (const bad of ['', 'short', 'under_score', 'x'.repeat(65), 'späces12'])
      expect(() => mintToken('p1', bad)).toThrow(TypeError);
  });

  it('uses every character alike: bytes beyond the last whole multiple are thrown away', () => {
    let call = 0;
    // every other chunk is all beyond 247; the others count through 0 to 247 twice
    const chunks = (size: number) => {
      const [first, beyond] = [Math.floor(call / 2) * size, call % 2 === 0];
      call += 1;
      return Uint8Array.from({ length: size }, (_, index) =>
        beyond ? 248 + (index % 8) : (first + index) % 248,
      );
    };
    const counts = new Map<string, number>();
    for (const character of Array.from({ length: 31 }, () => newTokenId(chunks)).join(''))
      counts.set(character, (counts.get(character) ?? 0) + 1);
    expect(counts.size).toBe(62);
    expect(new Set(counts.values())).toEqual(new Set([8]));
  });

  it.each([
    '',
    'sr_',
    'sr_abcdefgh',
    'sr_abcdefgh_',
    `sr_abcdefgh_${'a'.repeat(31)}`,
    `sr_abcdefgh_${'a'.repeat(33)}`,
    `SR_abcdefgh_${'a'.repeat(32)}`,
    `sr_abcdefgh_${'a'.repeat(32)}\n`,
    `sr_abcdefgh_${'-'.repeat(32)}`,
  ])('is not %j', text => {
    expect(isTokenShaped(text)).toBe(false);
    expect(parseToken(text)).toBeUndefined();
  });
});
