/** Encryption of evidence under a person's key: AES-256-GCM, bound to the digest it is kept under. Pure but for the nonce. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { refuse } from '../domain/errors.ts';

/** The keys of persons, kept outside of log and evidence; forgetting a person destroys theirs. */
export interface PersonKeys {
  /** 32 bytes, made on first use; undefined once it was destroyed */
  keyFor(personId: string): Promise<Uint8Array | undefined>;
  /** the same for reading, which makes no key; default `keyFor` */
  existingKey?(personId: string): Promise<Uint8Array | undefined>;
}

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

/** version (1 byte), nonce (12), tag (16), ciphertext */
export function seal(plain: Uint8Array, key: Uint8Array, digest: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(digest));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), body]);
}

/** @throws StrongroomError STORAGE_UNAVAILABLE when the bytes were changed, or the key is another person's */
export function unseal(sealed: Uint8Array, key: Uint8Array, digest: string): Buffer {
  try {
    if (sealed[0] !== VERSION) throw new Error(`unknown version ${sealed[0]}`);
    const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(digest));
    decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()]);
  } catch (cause) {
    throw refuse(
      'STORAGE_UNAVAILABLE',
      `evidence ${digest} cannot be decrypted: ${(cause as Error).message}`,
    );
  }
}
