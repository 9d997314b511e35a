/**
 * Text that must stay but be erasable: encrypted under the key of the person it belongs to. Destroying the key erases
 * every copy, also those in the log and in backups of it.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { refuse } from '../domain/errors.ts';
import type { Vault } from './vault.ts';

export interface PersonKeys {
  /** The person's key (32 bytes), made at its first use. undefined: destroyed. */
  keyFor(personId: string): Promise<Uint8Array | undefined>;
  /** As `keyFor`, but makes none: for reading. undefined: destroyed, or never made. */
  existingKey(personId: string): Promise<Uint8Array | undefined>;
  /** Destroys the key and with it all that is sealed under it. */
  forget(personId: string): Promise<void>;
}

export interface Sealing {
  /** @throws PRINCIPAL_UNKNOWN when the person was forgotten, CONTENT_TOO_LARGE above 12 KiB */
  seal(personId: string, text: string): Promise<string>;
  /** undefined: erased. @throws INTERNAL when the text is damaged */
  unseal(sealedText: string): Promise<string | undefined>;
}

export interface KeyCacheOptions {
  readonly now?: () => Date;
  /** how long another process may go on reading after a person was forgotten, ms */
  readonly ttlMs?: number;
  readonly capacity?: number;
}

export function createPersonKeys(
  vault: Pick<Vault, 'personKey' | 'createPersonKey' | 'destroyPersonKey'>,
  { now = () => new Date(), ttlMs = 10_000, capacity = 1000 }: KeyCacheOptions = {},
): PersonKeys {
  const cache = new Map<string, { readonly key: Uint8Array; readonly until: number }>();
  /** counts forgettings, so that a key whose loading began before one is not kept after it */
  let forgotten = 0;

  async function cached(personId: string, load: (id: string) => Promise<Uint8Array | undefined>) {
    const time = now().getTime();
    const known = cache.get(personId);
    if (known && known.until > time) return known.key;
    cache.delete(personId);
    const before = forgotten;
    const key = await load(personId);
    if (key && before === forgotten) keep(personId, key, time + ttlMs);
    return key;
  }

  function keep(personId: string, key: Uint8Array, until: number) {
    const oldest = cache.keys().next();
    if (cache.size >= capacity && !oldest.done) cache.delete(oldest.value);
    cache.set(personId, { key, until });
  }

  return {
    keyFor: personId => cached(personId, vault.createPersonKey),
    existingKey: personId => cached(personId, vault.personKey),
    async forget(personId) {
      await vault.destroyPersonKey(personId);
      forgotten += 1;
      cache.delete(personId);
    },
  };
}

const VERSION = 'sr1';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const MAX_TEXT_BYTES = 12 * 1024;

/** AES-256-GCM; the form is `sr1.<person id>.<iv, tag and ciphertext>`, both parts base64url. */
export function createSealing(keys: PersonKeys): Sealing {
  return {
    async seal(personId, text) {
      const plain = Buffer.from(text, 'utf8');
      if (plain.length > MAX_TEXT_BYTES)
        throw refuse('CONTENT_TOO_LARGE', `a text has at most ${MAX_TEXT_BYTES} bytes`);
      const key = await keys.keyFor(personId);
      if (!key) throw refuse('PRINCIPAL_UNKNOWN', 'this person was forgotten');
      const header = `${VERSION}.${Buffer.from(personId).toString('base64url')}`;
      return `${header}.${encrypt(key, header, plain).toString('base64url')}`;
    },
    async unseal(sealedText) {
      const { personId, header, box } = parseSealed(sealedText);
      const key = await keys.existingKey(personId);
      return key && decrypt(key, header, box);
    },
  };
}

/** Whose text it is. @throws INTERNAL when it is not a sealed text */
export function sealedFor(sealedText: string): string {
  return parseSealed(sealedText).personId;
}

function parseSealed(text: string) {
  const match = /^(sr1\.([\w-]+))\.([\w-]+)$/.exec(text);
  if (!match) throw damaged();
  const [, header = '', person = '', box = ''] = match;
  return {
    header,
    personId: Buffer.from(person, 'base64url').toString(),
    box: Buffer.from(box, 'base64url'),
  };
}

function encrypt(key: Uint8Array, header: string, plain: Uint8Array): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(header));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]);
}

function decrypt(key: Uint8Array, header: string, box: Uint8Array): string {
  if (box.length < IV_BYTES + TAG_BYTES) throw damaged();
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(header)).setAuthTag(box.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  try {
    const plain = Buffer.concat([decipher.update(box.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
    return plain.toString('utf8');
  } catch {
    throw damaged();
  }
}

const damaged = () => refuse('INTERNAL', 'a sealed text is damaged');
