import { decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import { createBearers } from '../../src/access/bearer.ts';
import { type Caller, systemCaller } from '../../src/application/caller.ts';
import { isRefusal } from '../../src/domain/errors.ts';
import { createWorld, type World } from './fakes.ts';

const access = [{ type: 'repository', name: 'main/oci/app', actions: ['pull', 'push'] }];
const service = 'registry.example';
const invalid = expect.toSatisfy(error => isRefusal(error, 'CREDENTIALS_INVALID'));

let world: World;
let person: Caller;
beforeEach(async () => {
  world = createWorld();
  const id = await world.addUser('ada', 'correct horse');
  person = { id, kind: 'user', authentication: 'password', credential: 'password', correlationId: 'c' };
});
const issue = (caller = person) => world.bearers.issueBearer({ caller, service, access });

describe('a bearer token', () => {
  it('says who logged in with what and what it was asked for', async () => {
    const issued = await issue();
    expect(issued.expiresIn).toBe(300);
    expect(issued.issuedAt).toBe('2026-01-01T00:00:00.000Z');
    expect(await world.bearers.verifyBearer(issued.token)).toEqual({
      principalId: person.id,
      credential: 'password',
      secretId: world.principals.get(person.id)?.passwordSecretId,
      service,
      access,
      expiresAt: Date.parse('2026-01-01T00:05:00.000Z'),
    });
    const byToken = await issue({ ...person, authentication: 'token', credential: 't1' });
    expect(await world.bearers.verifyBearer(byToken.token)).toMatchObject({
      credential: 't1',
      secretId: undefined,
    });
    expect(decodeProtectedHeader(issued.token)).toEqual({ alg: 'HS256', typ: 'JWT', kid: 'bearer-1' });
  });

  it('may name nobody', async () => {
    const stranger: Caller = {
      id: 'anonymous',
      kind: 'anonymous',
      authentication: 'anonymous',
      correlationId: 'c',
    };
    const { token } = await issue(stranger);
    expect(await world.bearers.verifyBearer(token)).toMatchObject({ principalId: 'anonymous' });
  });

  it('ends after five minutes, by a clock that is a few seconds off at most', async () => {
    const { token } = await issue();
    world.clock.time += 299_000;
    await world.bearers.verifyBearer(token);
    world.clock.time += 7000;
    await expect(world.bearers.verifyBearer(token)).rejects.toEqual(invalid);
    world.clock.time -= 400_000;
    await expect(world.bearers.verifyBearer(token)).rejects.toEqual(invalid);
  });

  it('is not exchanged for another one, nor given to the system', async () => {
    const login = expect.toSatisfy(error => isRefusal(error, 'UNAUTHENTICATED'));
    await expect(issue({ ...person, authentication: 'bearer' })).rejects.toEqual(login);
    await expect(issue(systemCaller('c'))).rejects.toEqual(login);
    await expect(issue(systemCaller('c', 'host'))).rejects.toEqual(login);
  });

  it('has a size that every proxy lets through', async () => {
    const many = Array.from({ length: 100 }, () => ({ ...access[0]!, name: 'x'.repeat(200) }));
    const asking = world.bearers.issueBearer({ caller: person, service, access: many });
    await expect(asking).rejects.toSatisfy(error => isRefusal(error, 'REQUEST_INVALID'));
  });

  it('outlives a rotation of keys until the old one is dropped', async () => {
    const { token } = await issue();
    const { vault, directory, now } = world;
    const rotated = createBearers({ vault, directory, now, signingKeys: ['bearer-2', 'bearer-1'] });
    expect(await rotated.verifyBearer(token)).toMatchObject({ principalId: person.id });
    const newer = await rotated.issueBearer({ caller: person, service, access });
    expect(decodeProtectedHeader(newer.token).kid).toBe('bearer-2');
    const after = createBearers({ vault, directory, now, signingKeys: ['bearer-2'] });
    await after.verifyBearer(newer.token);
    await expect(after.verifyBearer(token)).rejects.toEqual(invalid);
  });
});

describe('a forged bearer', () => {
  const forge = async (change: (jwt: SignJWT) => unknown, header = {}) => {
    const claims = decodeJwt((await issue()).token);
    const jwt = new SignJWT(claims).setProtectedHeader({
      alg: 'HS256',
      typ: 'JWT',
      kid: 'bearer-1',
      ...header,
    });
    change(jwt);
    return jwt.sign(await world.vault.secret('bearer-1'));
  };
  const check = (token: string) => expect(world.bearers.verifyBearer(token)).rejects.toEqual(invalid);

  it('can be made by whoever has the key, or these tests prove nothing', async () => {
    await world.bearers.verifyBearer(await forge(() => {}));
  });

  it.each([
    ['another issuer', (jwt: SignJWT) => jwt.setIssuer('other')],
    ['no subject', (jwt: SignJWT) => jwt.setSubject('')],
    ['several audiences', (jwt: SignJWT) => jwt.setAudience(['a', 'b'])],
    ['a longer life', (jwt: SignJWT) => jwt.setIssuedAt(0).setExpirationTime('10y')],
    ['a later start', (jwt: SignJWT) => jwt.setNotBefore('10y')],
  ])('with %s is refused', async (_what, change) => check(await forge(change)));

  it('with another kind of header is refused', async () => {
    await check(await forge(() => {}, { typ: 'at+jwt' }));
    await check(await forge(() => {}, { alg: 'HS512' }));
    await check(await forge(() => {}, { kid: 'name-hash' }));
    await check(await forge(() => {}, { kid: undefined }));
  });

  it('of unknown shape is refused', async () => {
    const sign = async (claims: object) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: 'bearer-1' })
        .sign(await world.vault.secret('bearer-1'));
    const claims = decodeJwt((await issue()).token);
    await check(await sign({ ...claims, access: 'all' }));
    await check(await sign({ ...claims, access: undefined }));
    await check(await sign({}));
  });

  it('without a signature, with a wrong one, or in pieces is refused', async () => {
    const { token } = await issue();
    const [header, body, signature] = token.split('.') as [string, string, string];
    await check(new UnsecuredJWT(decodeJwt(token)).encode());
    await check(`${header}.${body}.`);
    await check(`${header}.${body}.${signature.slice(0, -2)}AA`);
    await check(`${header}.${Buffer.from('{"sub":"id-of-root"}').toString('base64url')}.${signature}`);
    for (const garbage of ['', '.', '..', 'a.b.c', token.slice(0, 50), `${token}.x`, 'e30.e30.e30'])
      await check(garbage);
  });

  it('of another installation is refused', async () => {
    const other = createWorld();
    const id = await other.addUser('ada', 'correct horse');
    const { token } = await other.bearers.issueBearer({ caller: { ...person, id }, service, access });
    await check(token);
  });
});
