/**
 * The short-lived tokens of the OCI token endpoint. They say who logged in with which credential and what was asked for;
 * they grant nothing: the credential and the rights are looked up again at every request.
 * https://distribution.github.io/distribution/spec/auth/jwt/
 */
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Caller } from '../application/caller.ts';
import { refuse } from '../domain/errors.ts';
import type { AccessDirectory } from './directory.ts';
import type { Vault } from './vault.ts';

export const BEARER_SECONDS = 300;
/** so that the header stays below what every proxy lets through */
const MAX_BEARER_LENGTH = 6000;
const ISSUER = 'strongroom';
/** Signs with the first, accepts all: to rotate, put a new name in front and drop the last one later. */
const SIGNING_KEYS = ['bearer-1'];

const access = z.strictObject({ type: z.string(), name: z.string(), actions: z.array(z.string()) });
export type BearerAccess = Readonly<z.output<typeof access>>;

const claims = z.looseObject({
  sub: z.string().min(1),
  aud: z.string(),
  exp: z.number(),
  /** token id or `password`; absent for anonymous */
  credential: z.string().optional(),
  /** which password it was: setting a new one ends this token */
  secretId: z.string().optional(),
  access: z.array(access),
});

export interface BearerRequest {
  readonly caller: Caller;
  /** the service name that the client sent: it becomes the audience */
  readonly service: string;
  readonly access: readonly BearerAccess[];
}

export interface IssuedBearer {
  readonly token: string;
  readonly expiresIn: number;
  /** RFC 3339 */
  readonly issuedAt: string;
}

/** Who a bearer names and what it was asked for. Whether the credential still stands is another question. */
export interface BearerClaims {
  /** principal id or `anonymous` */
  readonly principalId: string;
  readonly credential?: string | undefined;
  readonly secretId?: string | undefined;
  readonly service: string;
  readonly access: readonly BearerAccess[];
  /** when it ends, ms since the epoch */
  readonly expiresAt: number;
}

export interface Bearers {
  /** @throws UNAUTHENTICATED when the caller did not log in with a lasting credential, REQUEST_INVALID for too much access */
  issueBearer(request: BearerRequest): Promise<IssuedBearer>;
  /** @throws CREDENTIALS_INVALID */
  verifyBearer(token: string): Promise<BearerClaims>;
}

export interface BearerOptions {
  readonly vault: Pick<Vault, 'secret'>;
  readonly directory: Pick<AccessDirectory, 'principalById'>;
  readonly now?: () => Date;
  readonly signingKeys?: readonly string[];
}

export function createBearers(options: BearerOptions): Bearers {
  const { vault, directory, now = () => new Date(), signingKeys = SIGNING_KEYS } = options;
  const [signingKey = ''] = signingKeys;

  async function keyFor(header: { kid?: string | undefined }): Promise<Uint8Array> {
    const { kid } = header;
    if (kid === undefined || !signingKeys.includes(kid)) throw refuse('CREDENTIALS_INVALID');
    return vault.secret(kid);
  }

  return {
    async issueBearer({ caller, service, access: asked }) {
      // a bearer that could be exchanged for another one would live for ever
      if (!['password', 'token', 'anonymous'].includes(caller.authentication))
        throw refuse('UNAUTHENTICATED', 'log in with a password or an API token to get a bearer token');
      const issuedAt = Math.floor(now().getTime() / 1000);
      const token = await new SignJWT({ ...(await credentialOf(caller)), access: [...asked] })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: signingKey })
        .setIssuer(ISSUER)
        .setSubject(caller.id)
        .setAudience(service)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + BEARER_SECONDS)
        .sign(await vault.secret(signingKey));
      if (token.length > MAX_BEARER_LENGTH)
        throw refuse('REQUEST_INVALID', 'ask for access to fewer repositories at once');
      return { token, expiresIn: BEARER_SECONDS, issuedAt: new Date(issuedAt * 1000).toISOString() };
    },

    async verifyBearer(token) {
      const payload = await verified(token);
      const known = claims.safeParse(payload);
      if (!known.success) throw refuse('CREDENTIALS_INVALID');
      const { sub, aud, exp, credential, secretId, access: asked } = known.data;
      return { principalId: sub, credential, secretId, service: aud, access: asked, expiresAt: exp * 1000 };
    },
  };

  async function credentialOf(caller: Caller) {
    if (caller.credential !== 'password') return { credential: caller.credential };
    const principal = await directory.principalById(caller.id);
    return { credential: 'password', secretId: principal?.passwordSecretId ?? undefined };
  }

  async function verified(token: string) {
    try {
      const { payload } = await jwtVerify(token, keyFor, {
        algorithms: ['HS256'],
        issuer: ISSUER,
        typ: 'JWT',
        requiredClaims: ['sub', 'aud', 'exp', 'iat'],
        maxTokenAge: BEARER_SECONDS,
        clockTolerance: 5,
        currentDate: now(),
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) throw refuse('CREDENTIALS_INVALID');
      throw error;
    }
  }
}
