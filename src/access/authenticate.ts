/** Who makes a request. Presented credentials are proved, then looked up: nothing here outlives what the directory says. */
import type { Caller } from '../application/caller.ts';
import type { TokenLimits } from '../domain/access/credentials.ts';
import { refuse } from '../domain/errors.ts';
import { type Bearers, createBearers } from './bearer.ts';
import { commandIdOf, type Presented, parseAuthorization } from './credentials.ts';
import type { AccessDirectory, DirectoryPrincipal } from './directory.ts';
import { createNameHash } from './names.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import { createOutage, createProofCache, type Proof } from './proofs.ts';
import { createThrottle, type Throttle } from './throttle.ts';
import { fitsToken } from './tokens.ts';
import type { Vault } from './vault.ts';

export interface AuthenticationRequest {
  /** the header as it came; undefined when there was none */
  readonly authorization?: string | undefined;
  /** the client's address, for throttling */
  readonly address: string;
  readonly correlationId: string;
  readonly idempotencyKey?: string | undefined;
}

export interface Authenticator {
  /**
   * Without a header: anonymous. With one: its owner, never anonymous.
   * @throws CREDENTIALS_INVALID wrong, malformed, expired or revoked credentials, a disabled or deleted principal
   * @throws TOO_MANY_REQUESTS during a lock-out; REQUEST_INVALID for a malformed Idempotency-Key
   */
  authenticate(request: AuthenticationRequest): Promise<Caller>;
  /** Forgets the proofs kept of a principal's credentials. */
  invalidate(principalId: string): void;
}

type Directory = Omit<AccessDirectory, 'grantsOf'>;

export interface AuthenticatorOptions {
  readonly vault: Pick<Vault, 'secret' | 'passwordVerifier' | 'tokenVerifier'>;
  readonly directory: Directory;
  readonly now?: () => Date;
  readonly throttle?: Throttle;
  readonly passwords?: Pick<Passwords, 'verify'>;
  readonly bearers?: Pick<Bearers, 'verifyBearer'>;
  /** how long a proof is kept, ms */
  readonly cacheMs?: number;
  /** how long kept proofs are good enough while the vault is away, ms; none by default */
  readonly maxStalenessMs?: number;
  readonly cacheCapacity?: number;
}

const NOBODY: Proof = { authentication: 'anonymous', principalId: 'anonymous' };

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { directory, now = () => new Date() } = options;
  const prove = createProver(options);
  const outage = createOutage(now, options.maxStalenessMs ?? 0);
  const { cacheMs = 5000, cacheCapacity: capacity = 1000 } = options;
  const proofs = createProofCache({ now, capacity, cacheMs, outage });
  // apart, so that many clients with bearers do not displace what costs 25 ms; their key is always in memory
  const bearerProofs = createProofCache({ now, capacity, cacheMs });
  // quickly proved: kept for when the vault is away only
  const tokenProofs = createProofCache({ now, capacity, cacheMs: 0, outage });

  return {
    async authenticate({ authorization, address, correlationId, idempotencyKey }) {
      const presented = parseAuthorization(authorization);
      const proof = await proofOf(presented, address, authorization);
      const standing =
        proof.principalId === 'anonymous' ? anonymous : await standingOf(proof, directory, now());
      const commandId = commandIdOf(proof.principalId, idempotencyKey);
      return {
        ...standing,
        correlationId,
        ...(proof.issuedFor ? { issuedFor: proof.issuedFor } : {}),
        ...(commandId === undefined ? {} : { commandId }),
      };
    },
    invalidate(principalId) {
      proofs.invalidate(principalId);
      bearerProofs.invalidate(principalId);
      tokenProofs.invalidate(principalId);
    },
  };

  function proofOf(presented: Presented, address: string, authorization = ''): Promise<Proof> {
    const proving = () => prove(presented, address);
    if (presented.kind === 'password') return proofs.get(`${address}\0${authorization}`, proving);
    if (presented.kind === 'token') return tokenProofs.get(authorization, proving);
    return presented.kind === 'bearer' ? bearerProofs.get(authorization, proving) : proving();
  }
}

const anonymous = { id: 'anonymous', kind: 'anonymous', authentication: 'anonymous' } as const;

/** The caller as of now. @throws CREDENTIALS_INVALID unless principal and credential still stand */
async function standingOf(
  proof: Proof,
  directory: Directory,
  now: Date,
): Promise<Omit<Caller, 'correlationId'>> {
  const { authentication, principalId, credential } = proof;
  const principal = await directory.principalById(principalId);
  if (!principal || principal.disabled || credential === undefined) throw refuse('CREDENTIALS_INVALID');
  const caller = { id: principalId, kind: principal.kind, authentication, credential };
  if (credential !== 'password') return { ...caller, limits: await limitsOf(proof, directory, now) };
  if (principal.passwordSecretId === null || principal.passwordSecretId !== proof.secretId)
    throw refuse('CREDENTIALS_INVALID');
  return caller;
}

/** @throws CREDENTIALS_INVALID for a token that is revoked, expired or another's */
async function limitsOf(proof: Proof, directory: Directory, now: Date): Promise<TokenLimits> {
  const token = await directory.tokenById(proof.credential ?? '');
  if (!token || token.revokedAt !== null || token.principalId !== proof.principalId)
    throw refuse('CREDENTIALS_INVALID');
  if (token.expiresAt !== null && Date.parse(token.expiresAt) <= now.getTime())
    throw refuse('CREDENTIALS_INVALID');
  return token.limits;
}

function createProver(options: AuthenticatorOptions) {
  const { vault, directory, now = () => new Date() } = options;
  const { passwords = createPasswords(), throttle = createThrottle({ now }) } = options;
  const { bearers = createBearers({ vault, directory, now }) } = options;
  const nameHash = createNameHash(vault);

  async function provePassword(name: string, password: string, address: string): Promise<Proof> {
    const hash = await nameHash(name);
    const attempt = throttle.attempt(address, hash);
    try {
      const principal = await directory.principalByNameHash(hash);
      const verifier = await verifierOf(principal);
      // also without a verifier: the work done must not tell who exists
      const fits = await passwords.verify(password, verifier);
      if (fits && principal) {
        attempt.succeeded();
        const { principalId, passwordSecretId: secretId } = principal;
        return { authentication: 'password', principalId, credential: 'password', secretId };
      }
    } catch (error) {
      attempt.withdrawn();
      throw error;
    }
    throw refuse('CREDENTIALS_INVALID');
  }

  async function verifierOf(principal: DirectoryPrincipal | undefined): Promise<string | undefined> {
    if (!principal || principal.disabled || principal.passwordSecretId === null) return undefined;
    return vault.passwordVerifier(principal.principalId, principal.passwordSecretId);
  }

  async function proveToken(tokenId: string, secret: string): Promise<Proof> {
    const verifier = await vault.tokenVerifier(tokenId);
    if (!fitsToken(secret, verifier) || !verifier) throw refuse('CREDENTIALS_INVALID');
    return { authentication: 'token', principalId: verifier.principalId, credential: tokenId };
  }

  async function proveBearer(jwt: string): Promise<Proof> {
    const { principalId, credential, secretId, access, expiresAt } = await bearers.verifyBearer(jwt);
    return { authentication: 'bearer', principalId, credential, secretId, issuedFor: access, expiresAt };
  }

  return async (presented: Presented, address: string): Promise<Proof> => {
    switch (presented.kind) {
      case 'none':
        return NOBODY;
      case 'password':
        return provePassword(presented.name, presented.password, address);
      case 'token':
        return proveToken(presented.tokenId, presented.secret);
      case 'bearer':
        return proveBearer(presented.jwt);
    }
  };
}
