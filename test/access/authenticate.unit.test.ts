import { beforeEach, describe, expect, it } from 'vitest';
import { createAuthenticator } from '../../src/access/authenticate.ts';
import { isRefusal, refuse, StrongroomError } from '../../src/domain/errors.ts';
import { basic, createWorld, type World } from './fakes.ts';

let world: World;
let ada: string;
beforeEach(async () => {
  world = createWorld();
  ada = await world.addUser('ada', 'correct horse');
});

const login = (authorization?: string, more: { address?: string; idempotencyKey?: string } = {}) =>
  world.authenticator.authenticate({ authorization, address: '10.0.0.1', correlationId: 'c1', ...more });
const code = async (authorization: string, more = {}) => {
  const error = await login(authorization, more).catch((failure: unknown) => failure);
  return error instanceof StrongroomError ? error.code : `no refusal: ${JSON.stringify(error)}`;
};
const password = (word = 'correct horse', name = 'ada') => basic(name, word);

describe('who calls', () => {
  it('is nobody without a header', async () => {
    const stranger = { id: 'anonymous', kind: 'anonymous', authentication: 'anonymous', correlationId: 'c1' };
    expect(await login()).toEqual(stranger);
  });

  it('is known by name and password', async () => {
    expect(await login(password())).toEqual({
      id: ada,
      kind: 'user',
      authentication: 'password',
      credential: 'password',
      correlationId: 'c1',
    });
  });

  it('is known by an API token, as bearer or as anybody’s password, with its limits', async () => {
    const limits = { actions: ['pull' as const] };
    const { tokenId, token } = await world.addToken(ada, { limits });
    const caller = {
      id: ada,
      kind: 'user',
      authentication: 'token',
      credential: tokenId,
      limits,
      correlationId: 'c1',
    };
    for (const header of [
      `Bearer ${token}`,
      basic('__token__', token),
      basic('ada', token),
      basic('x', token),
    ])
      expect(await login(header)).toEqual(caller);
  });

  it('is known by a bearer of a password, of a token, and of nobody', async () => {
    const access = [{ type: 'repository', name: 'a/b/c', actions: ['pull'] }];
    const bearerOf = async (authorization?: string) => {
      const caller = await login(authorization);
      return `Bearer ${(await world.bearers.issueBearer({ caller, service: 's', access })).token}`;
    };
    const limits = { actions: ['pull' as const] };
    const { tokenId, token } = await world.addToken(ada, { limits });
    const known = { id: ada, kind: 'user', authentication: 'bearer', issuedFor: access };
    expect(await login(await bearerOf(password()))).toMatchObject({ ...known, credential: 'password' });
    expect(await login(await bearerOf(`Bearer ${token}`))).toMatchObject({
      ...known,
      credential: tokenId,
      limits,
    });
    expect(await login(await bearerOf())).toMatchObject({
      id: 'anonymous',
      kind: 'anonymous',
      issuedFor: access,
    });
  });

  it('carries a command id of its own', async () => {
    await world.addUser('bob', 'correct horse');
    const ids = await Promise.all(
      [password(), password(), password('correct horse', 'bob')].map(
        async header => (await login(header, { idempotencyKey: 'k1' })).commandId,
      ),
    );
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toBe(ids[2]);
    expect(await code(password(), { idempotencyKey: 'no good' })).toBe('REQUEST_INVALID');
  });
});

describe('what is wrong', () => {
  it('is refused, never taken for nobody', async () => {
    const { tokenId, token } = await world.addToken(ada);
    const other = (await world.addToken(ada)).token;
    const passwordless = await world.addUser('no-password');
    expect(passwordless).toBeDefined();
    const wrong = [
      password('wrong horse'),
      password(''),
      password('correct horse', 'Ada'),
      password('correct horse', 'nobody'),
      password('correct horse', ''),
      password('anything', 'no-password'),
      `Bearer sr_${tokenId}_${other.slice(-32)}`,
      `Bearer ${token.slice(0, -1)}`,
      `Bearer sr_unknown-id_${'a'.repeat(32)}`,
      'Bearer a.b.c',
      'Digest x',
      '',
    ];
    for (const [index, header] of wrong.entries())
      expect(await code(header, { address: `10.1.0.${index}` })).toBe('CREDENTIALS_INVALID');
  });

  it('costs the same work whoever was meant', async () => {
    await world.addUser('no-password');
    const bob = await world.addUser('bob', 'correct horse');
    world.principals.get(bob)!.disabled = true;
    for (const name of ['ada', 'nobody', 'no-password', 'bob']) await code(password('wrong horse', name));
    const [known, ...others] = world.kdfCalls;
    expect(known).toMatchObject({ password: 'wrong horse' });
    expect(others).toEqual([known, known, known]);
  });

  it('is told in the same words whoever was meant', async () => {
    const bob = await world.addUser('bob', 'correct horse');
    world.principals.get(bob)!.disabled = true;
    const messages = await Promise.all(
      ['ada', 'nobody', 'bob'].map(name =>
        login(password('wrong horse', name)).catch((error: Error) => error.message),
      ),
    );
    messages.push(
      await login(password('correct horse', 'bob')).then(String, (error: Error) => error.message),
    );
    expect(new Set(messages).size).toBe(1);
  });
});

describe('what no longer stands', () => {
  it('is refused at the next request, however it was proved before', async () => {
    const { token } = await world.addToken(ada);
    const caller = await login(password());
    const bearer = (await world.bearers.issueBearer({ caller, service: 's', access: [] })).token;
    const headers = [password(), `Bearer ${token}`, `Bearer ${bearer}`];
    for (const header of headers) expect(await login(header)).toMatchObject({ id: ada });
    world.principals.get(ada)!.disabled = true;
    for (const header of headers) expect(await code(header)).toBe('CREDENTIALS_INVALID');
    world.principals.get(ada)!.disabled = false;
    for (const header of headers) expect(await login(header)).toMatchObject({ id: ada });
    world.principals.delete(ada);
    for (const header of headers) expect(await code(header)).toBe('CREDENTIALS_INVALID');
  });

  it('includes a password that was replaced, and the bearers it gave', async () => {
    const caller = await login(password());
    const bearer = `Bearer ${(await world.bearers.issueBearer({ caller, service: 's', access: [] })).token}`;
    await world.setPassword(ada, 'battery staple');
    expect(await code(password())).toBe('CREDENTIALS_INVALID');
    expect(await code(bearer)).toBe('CREDENTIALS_INVALID');
    expect(await login(password('battery staple'))).toMatchObject({ id: ada });
  });

  it('includes a bearer that ended, although its proof was kept', async () => {
    const keeping = createAuthenticator({ ...world, cacheMs: 3_600_000 });
    const caller = await login(password());
    const bearer = (await world.bearers.issueBearer({ caller, service: 's', access: [] })).token;
    const request = { authorization: `Bearer ${bearer}`, address: '10.0.0.1', correlationId: 'c' };
    expect(await keeping.authenticate(request)).toMatchObject({ id: ada });
    world.clock.time += 306_000; // its five minutes, and the five seconds by which clocks may differ
    await expect(keeping.authenticate(request)).rejects.toSatisfy(error =>
      isRefusal(error, 'CREDENTIALS_INVALID'),
    );
  });

  it('includes a token that was revoked, expired or another’s, and the bearers it gave', async () => {
    const { tokenId, token } = await world.addToken(ada, { expiresAt: '2026-01-01T00:01:00.000Z' });
    const caller = await login(`Bearer ${token}`);
    const bearer = (await world.bearers.issueBearer({ caller, service: 's', access: [] })).token;
    const refused = async () => [await code(`Bearer ${token}`), await code(`Bearer ${bearer}`)];
    const both = ['CREDENTIALS_INVALID', 'CREDENTIALS_INVALID'];
    const known = world.tokens.get(tokenId)!;
    world.tokens.set(tokenId, { ...known, revokedAt: '2026-01-01T00:00:00.000Z' });
    expect(await refused()).toEqual(both);
    world.tokens.set(tokenId, { ...known, principalId: 'other' });
    expect(await refused()).toEqual(both);
    world.tokens.set(tokenId, known);
    world.clock.time += 59_999;
    expect(await login(`Bearer ${token}`)).toMatchObject({ id: ada });
    world.clock.time += 1;
    expect(await refused()).toEqual(both);
    world.tokens.delete(tokenId);
    expect(await refused()).toEqual(both);
  });
});

describe('proofs', () => {
  it('are kept for some seconds, per address and password', async () => {
    await login(password());
    await login(password());
    expect(world.kdfCalls).toHaveLength(1);
    await login(password(), { address: '10.0.0.2' });
    expect(world.kdfCalls).toHaveLength(2);
    world.clock.time += 4999;
    await login(password());
    expect(world.kdfCalls).toHaveLength(2);
    world.clock.time += 1;
    await login(password());
    expect(world.kdfCalls).toHaveLength(3);
  });

  it('are forgotten on demand, for one principal', async () => {
    await world.addUser('bob', 'correct horse');
    await login(password());
    await login(password('correct horse', 'bob'));
    world.kdfCalls.length = 0;
    world.authenticator.invalidate(ada);
    await login(password('correct horse', 'bob'));
    expect(world.kdfCalls).toHaveLength(0);
    await login(password());
    expect(world.kdfCalls).toHaveLength(1);
  });

  it('of failures are not kept', async () => {
    await code(password('wrong horse'));
    await code(password('wrong horse'));
    expect(world.kdfCalls).toHaveLength(2);
  });

  it('are bounded in number', async () => {
    const authenticator = createAuthenticator({ ...world, cacheCapacity: 2 });
    const from = (address: string) =>
      authenticator.authenticate({ authorization: password(), address, correlationId: 'c' });
    for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.3']) await from(address);
    expect(world.kdfCalls).toHaveLength(3);
    await from('10.0.0.1');
    expect(world.kdfCalls).toHaveLength(4);
  });

  it('are shared by requests that wait: many connections are one attempt', async () => {
    const callers = await Promise.all(Array.from({ length: 30 }, () => login(password())));
    expect(new Set(callers.map(caller => caller.id))).toEqual(new Set([ada]));
    expect(world.kdfCalls).toHaveLength(1);
  });
});

describe('while the vault is away', () => {
  const WINDOW = 30_000;
  let away: boolean;
  let bridging: World['authenticator'];
  const as = (authorization: string) =>
    bridging.authenticate({ authorization, address: '10.0.0.1', correlationId: 'c' });
  const codeOf = (authorization: string) =>
    as(authorization).then(
      () => '',
      error => error.code,
    );

  beforeEach(() => {
    away = false;
    const { vault } = world;
    const reach = <T>(work: () => Promise<T>) =>
      away ? Promise.reject(refuse('STORAGE_UNAVAILABLE')) : work();
    bridging = createAuthenticator({
      ...world,
      maxStalenessMs: WINDOW,
      vault: {
        secret: name => vault.secret(name),
        passwordVerifier: (...of) => reach(() => vault.passwordVerifier(...of)),
        tokenVerifier: id => reach(() => vault.tokenVerifier(id)),
      },
    });
  });

  it('a credential that was proved before counts on for the window, from the first failure', async () => {
    const { token } = await world.addToken(ada);
    for (const authorization of [password(), `Bearer ${token}`]) await as(authorization);
    world.clock.time += 3_600_000;
    away = true;
    for (const authorization of [password(), `Bearer ${token}`])
      expect(await as(authorization)).toMatchObject({ id: ada });
    world.clock.time += WINDOW - 1;
    expect(await as(`Bearer ${token}`)).toMatchObject({ id: ada });
    world.clock.time += 1;
    for (const authorization of [password(), `Bearer ${token}`])
      expect(await codeOf(authorization)).toBe('STORAGE_UNAVAILABLE');
    away = false;
    expect(await as(password())).toMatchObject({ id: ada });
    away = true;
    world.clock.time += WINDOW;
    expect(await as(password())).toMatchObject({ id: ada });
  });

  it('one that was never proved, is wrong, or no longer stands is refused', async () => {
    const { token, tokenId } = await world.addToken(ada);
    const fresh = await world.addToken(ada);
    await as(`Bearer ${token}`);
    await as(password());
    world.clock.time += 60_000;
    expect(await codeOf(password('wrong horse'))).toBe('CREDENTIALS_INVALID');
    away = true;
    expect(await codeOf(`Bearer ${fresh.token}`)).toBe('STORAGE_UNAVAILABLE');
    expect(await codeOf(password('wrong horse'))).toBe('STORAGE_UNAVAILABLE');
    expect(await codeOf(`Bearer ${token.slice(0, -1)}${token.endsWith('x') ? 'y' : 'x'}`)).toBe(
      'STORAGE_UNAVAILABLE',
    );
    world.tokens.get(tokenId)!.revokedAt = '2026-01-01T00:00:00Z';
    world.principals.get(ada)!.passwordSecretId = 'another';
    expect(await codeOf(`Bearer ${token}`)).toBe('CREDENTIALS_INVALID');
    expect(await codeOf(password())).toBe('CREDENTIALS_INVALID');
  });
});

describe('guessing', () => {
  const guess = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, index) => code(password(`guess ${index}`))));

  it('is locked out, also when all guesses come at once', async () => {
    const codes = await guess(40);
    expect(codes.filter(name => name === 'CREDENTIALS_INVALID')).toHaveLength(5);
    expect(codes.filter(name => name === 'TOO_MANY_REQUESTS')).toHaveLength(35);
    expect(world.kdfCalls).toHaveLength(5);
  });

  it('is locked out with the right password too, until the wait is over', async () => {
    await guess(5);
    const error = await login(password()).catch((failure: unknown) => failure);
    expect(error).toSatisfy(failure => isRefusal(failure, 'TOO_MANY_REQUESTS'));
    expect((error as StrongroomError).detail.retryAfter).toBe(1);
    expect(world.kdfCalls).toHaveLength(5);
    world.clock.time += 1000;
    expect(await login(password())).toMatchObject({ id: ada });
    expect(await code(password('wrong horse'))).toBe('CREDENTIALS_INVALID');
  });

  it('looks the same for names that do not exist', async () => {
    for (let index = 0; index < 5; index += 1) await code(password(`guess ${index}`, 'nobody'));
    expect(await code(password('guess', 'nobody'))).toBe('TOO_MANY_REQUESTS');
  });

  it('does not lock out tokens, which nobody guesses', async () => {
    const { token } = await world.addToken(ada);
    await guess(10);
    expect(await login(`Bearer ${token}`)).toMatchObject({ id: ada });
    expect(await login(basic('ada', token))).toMatchObject({ id: ada });
  });

  it('is not what happens when the vault cannot be read', async () => {
    const failing = { ...world.vault, passwordVerifier: () => Promise.reject(refuse('STORAGE_UNAVAILABLE')) };
    const { authenticate } = createAuthenticator({ ...world, vault: failing });
    for (let index = 0; index < 20; index += 1) {
      const request = { authorization: password(`${index}`), address: '10.0.0.1', correlationId: 'c' };
      await expect(authenticate(request)).rejects.toSatisfy(error => isRefusal(error, 'STORAGE_UNAVAILABLE'));
    }
    expect(await login(password())).toMatchObject({ id: ada });
  });
});
