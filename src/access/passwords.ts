/**
 * Password verifiers: argon2id, or scrypt where this Node has no argon2 (before 24.7). A verifier names its algorithm and
 * parameters, so that both kinds are checked for as long as they exist.
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
 */
import * as crypto from 'node:crypto';
import { promisify } from 'node:util';
import { refuse } from '../domain/errors.ts';
import { isTokenShaped } from './tokens.ts';

const SALT_BYTES = 16;
const HASH_BYTES = 32;
export const MIN_PASSWORD = 8;
export const MAX_PASSWORD = 256;

/** How a hash was made: argon2id with memory (KiB) and passes, or scrypt with cost N and block size r; one lane each. */
export type KdfParameters =
  | { readonly algorithm: 'argon2id'; readonly memory: number; readonly passes: number }
  | { readonly algorithm: 'scrypt'; readonly cost: number; readonly blockSize: number };

/** Derives `HASH_BYTES` bytes off the main thread. */
export type Kdf = (password: Uint8Array, salt: Uint8Array, parameters: KdfParameters) => Promise<Uint8Array>;

export const STANDARD: KdfParameters =
  typeof crypto.argon2 === 'function'
    ? { algorithm: 'argon2id', memory: 19_456, passes: 2 }
    : { algorithm: 'scrypt', cost: 2 ** 15, blockSize: 8 };

export interface Passwords {
  /** A verifier to store. @throws REQUEST_INVALID for a password that the policy refuses */
  hash(password: string): Promise<string>;
  /**
   * Whether the password fits. Without a verifier it does the same work and says no, so that the time taken does not
   * tell whether there is such a user. @throws TOO_MANY_REQUESTS when too many checks wait
   */
  verify(password: string, verifier: string | undefined): Promise<boolean>;
}

export interface PasswordOptions {
  readonly kdf?: Kdf;
  readonly parameters?: KdfParameters;
  /** checks at once: each takes a thread of the pool that also serves files, and tens of megabytes */
  readonly concurrency?: number;
  /** checks that may wait for their turn */
  readonly queue?: number;
}

export function createPasswords(options: PasswordOptions = {}): Passwords {
  const { kdf = deriveKey, parameters = STANDARD, concurrency = 2, queue = 64 } = options;
  const turn = createTurnstile(concurrency, queue);
  const noBody = { parameters, salt: crypto.randomBytes(SALT_BYTES), hash: crypto.randomBytes(HASH_BYTES) };

  return {
    async hash(password) {
      checkPasswordPolicy(password);
      const salt = crypto.randomBytes(SALT_BYTES);
      const hash = await turn(() => kdf(bytesOf(password), salt, parameters));
      return formatVerifier({ parameters, salt, hash });
    },
    async verify(password, verifier) {
      const expected = verifier === undefined ? noBody : parseVerifier(verifier);
      const actual = await turn(() => kdf(bytesOf(password), expected.salt, expected.parameters));
      return crypto.timingSafeEqual(actual, expected.hash) && expected !== noBody;
    },
  };
}

/** @throws REQUEST_INVALID */
export function checkPasswordPolicy(password: string): void {
  const length = [...password.normalize('NFC')].length;
  if (length < MIN_PASSWORD || length > MAX_PASSWORD)
    throw refuse('REQUEST_INVALID', `a password has ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`);
  // RFC 7617 carries no control characters, so such a password could never be used
  if (/\p{Cc}/u.test(password)) throw refuse('REQUEST_INVALID', 'a password has no control characters');
  if (isTokenShaped(password)) throw refuse('REQUEST_INVALID', 'a password must not look like an API token');
}

/** The same characters typed on another keyboard are the same password. RFC 8265, OpaqueString */
const bytesOf = (password: string) => Buffer.from(password.normalize('NFC'), 'utf8');

interface Verifier {
  readonly parameters: KdfParameters;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** `$argon2id$m=19456,t=2$<salt>$<hash>` or `$scrypt$n=32768,r=8$<salt>$<hash>`; salt and hash are base64url. */
function formatVerifier({ parameters, salt, hash }: Verifier): string {
  const numbers =
    parameters.algorithm === 'argon2id'
      ? `m=${parameters.memory},t=${parameters.passes}`
      : `n=${parameters.cost},r=${parameters.blockSize}`;
  const [saltText, hashText] = [salt, hash].map(bytes => Buffer.from(bytes).toString('base64url'));
  return `$${parameters.algorithm}$${numbers}$${saltText}$${hashText}`;
}

function parseVerifier(text: string): Verifier {
  const match =
    /^\$(?:(argon2id)\$m=(\d+),t=(\d+)|(scrypt)\$n=(\d+),r=(\d+))\$([\w-]{22})\$([\w-]{43})$/.exec(text);
  if (!match) throw refuse('INTERNAL', 'a stored password verifier is damaged');
  const [, argon2id, memory, passes, , cost, blockSize, salt = '', hash = ''] = match;
  return {
    parameters: argon2id
      ? { algorithm: 'argon2id', memory: Number(memory), passes: Number(passes) }
      : { algorithm: 'scrypt', cost: Number(cost), blockSize: Number(blockSize) },
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
  };
}

const scrypt = promisify<crypto.BinaryLike, crypto.BinaryLike, number, crypto.ScryptOptions, Buffer>(
  crypto.scrypt,
);

async function deriveKey(
  password: Uint8Array,
  salt: Uint8Array,
  parameters: KdfParameters,
): Promise<Uint8Array> {
  if (parameters.algorithm === 'scrypt') {
    const { cost, blockSize } = parameters;
    return scrypt(password, salt, HASH_BYTES, { cost, blockSize, maxmem: 256 * cost * blockSize });
  }
  if (typeof crypto.argon2 !== 'function')
    throw refuse('INTERNAL', 'this password was set under a newer Node: run Node 24.7 or later, or reset it');
  const { memory, passes } = parameters;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  crypto.argon2(
    'argon2id',
    { message: password, nonce: salt, parallelism: 1, tagLength: HASH_BYTES, memory, passes },
    (error, key) => (error ? reject(error) : resolve(key)),
  );
  return promise;
}

/** Lets `width` tasks run at once and `queue` wait. @throws TOO_MANY_REQUESTS beyond that */
function createTurnstile(width: number, queue: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (running >= width) {
      if (waiting.length >= queue)
        throw refuse('TOO_MANY_REQUESTS', { reason: 'too many log-ins at once', retryAfter: 1 });
      // whoever finishes hands over its place, so `running` stays
      await new Promise<void>(resolve => waiting.push(resolve));
    } else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
