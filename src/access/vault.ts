/**
 * The vault: what must be durable but may never be in the log. Verifiers of passwords and tokens, installation
 * secrets, people's encryption keys, replies to repeated commands. Private to the server and part of the backup.
 *
 * `Vault` is what the registry works with; `VaultStore` is the port that its adapters implement. Both are proved by
 * test/contracts/vault.ts.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { refuse } from '../domain/errors.ts';

export const KEY_BYTES = 32;
const PAGE = 500;

export const vaultEntry = z.strictObject({
  kind: z.enum(['secret', 'password', 'token', 'person-key', 'idempotency']),
  key: z.string().min(1).max(512),
  /** JSON, or base64url for keys and secrets */
  value: z.string(),
  /** ms since the epoch; absent: kept */
  expiresAt: z.number().int().optional(),
});
/** One entry as stored and as backed up. It is secret: never log it. */
export type VaultEntry = z.output<typeof vaultEntry>;
export type VaultKind = VaultEntry['kind'];

/** A durable key/value store: a write has reached the disk when its promise resolves. */
export interface VaultStore {
  get(kind: VaultKind, key: string): Promise<VaultEntry | undefined>;
  /** First writer wins, in every process; an entry that has expired by `now` (ms) gives way. */
  insert(
    entry: VaultEntry,
    now: number,
  ): Promise<{ readonly stored: VaultEntry; readonly inserted: boolean }>;
  /** Adds or replaces all or none; no two of the same place. */
  put(entries: readonly VaultEntry[]): Promise<void>;
  remove(kind: VaultKind, key: string): Promise<void>;
  /** Entries in order of kind and key (by bytes), after one (exclusive). */
  page(after: Pick<VaultEntry, 'kind' | 'key'> | undefined, limit: number): Promise<readonly VaultEntry[]>;
  /** Removes what has expired by `now` (ms) and says how much. */
  purge(now: number): Promise<number>;
  /** Makes replaced and removed values unrecoverable, as far as the medium allows. */
  scrub(): Promise<void>;
  close(): Promise<void>;
}

const tokenVerifier = z.strictObject({
  principalId: z.string(),
  /** hex sha256 of the token's secret */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type TokenVerifier = z.output<typeof tokenVerifier>;

const reply = z.strictObject({ status: z.number().int(), body: z.string() });
/** The recorded outcome of a command, to be given again. */
export type RecordedReply = z.output<typeof reply>;

const commandRecord = z.strictObject({ fingerprint: z.string(), reply: reply.optional() });

/** What is known of a command id: nothing so far, begun but not finished, or its reply. */
export type CommandClaim =
  | { readonly state: 'new' | 'pending' }
  | { readonly state: 'done'; readonly reply: RecordedReply };

export interface CommandIdentity {
  /** the command id; it is scoped to its actor already */
  readonly key: string;
  /** digest of the request: the same key for another request is an error */
  readonly fingerprint: string;
}

/** All methods: @throws STORAGE_UNAVAILABLE when the store cannot be reached or cannot write. */
export interface Vault {
  /** An installation secret of 32 random bytes, made at its first use; the same in every process ever after. */
  secret(name: string): Promise<Uint8Array>;
  /** Idempotent: a second verifier under the same secret id is ignored. */
  storePassword(principalId: string, secretId: string, verifier: string): Promise<void>;
  passwordVerifier(principalId: string, secretId: string): Promise<string | undefined>;
  /** Removes all verifiers of a principal's passwords but the one named. */
  removePasswords(principalId: string, keepSecretId?: string): Promise<void>;
  /** Replaces the verifier of a token of the same principal. @throws STATE_CONFLICT for another's token */
  storeToken(tokenId: string, verifier: TokenVerifier): Promise<void>;
  tokenVerifier(tokenId: string): Promise<TokenVerifier | undefined>;
  removeToken(tokenId: string): Promise<void>;
  /** undefined: there never was one, or it was destroyed */
  personKey(personId: string): Promise<Uint8Array | undefined>;
  /** The person's key, made at its first use. undefined: destroyed, for ever. */
  createPersonKey(personId: string): Promise<Uint8Array | undefined>;
  /** Erases all that is encrypted under the person's key. Final: no import brings the key back. */
  destroyPersonKey(personId: string): Promise<void>;
  /** Claims a command id until `expiresAt` (ms). @throws COMMAND_REUSED when it belongs to another request */
  claimCommand(command: CommandIdentity, expiresAt: number): Promise<CommandClaim>;
  /** Records the reply of a claimed command, to be given to every repetition until `expiresAt` (ms). */
  completeCommand(command: CommandIdentity, reply: RecordedReply, expiresAt: number): Promise<void>;
  /** Removes expired command records and says how many. */
  purge(): Promise<number>;
  /** Every entry, in a stable order. It holds secrets. */
  export(): AsyncIterable<VaultEntry>;
  /** Adds and replaces entries and says how many were taken; a destroyed key stays destroyed on either side. */
  import(entries: AsyncIterable<VaultEntry> | Iterable<VaultEntry>): Promise<number>;
  close(): Promise<void>;
}

const DESTROYED = 'destroyed';
const isDestroyed = (entry: VaultEntry) => entry.kind === 'person-key' && entry.value === DESTROYED;

/** Gives a store the vault's meaning. Adapters export an opener that ends with this call. */
export function createVault(store: VaultStore, now: () => Date = () => new Date()): Vault {
  const time = () => now().getTime();
  const known = new Map<string, Uint8Array>();
  return {
    ...keys(store, time, known),
    ...verifiers(store, time),
    ...commands(store, time),
    export: () => entriesOf(store),
    import: entries => importInto(store, entries).finally(() => known.clear()),
    purge: () => store.purge(time()),
    close: () => store.close(),
  };
}

function keys(store: VaultStore, time: () => number, known: Map<string, Uint8Array>) {
  const makeKey = async (kind: VaultKind, key: string) => {
    const { stored } = await store.insert(
      { kind, key, value: randomBytes(KEY_BYTES).toString('base64url') },
      time(),
    );
    return keyOf(stored);
  };
  return {
    async secret(name: string): Promise<Uint8Array> {
      const value = known.get(name) ?? (await makeKey('secret', name));
      if (!value) throw refuse('INTERNAL', 'an installation secret is damaged');
      known.set(name, value);
      return value;
    },
    async personKey(personId: string) {
      const entry = await store.get('person-key', personId);
      return entry && keyOf(entry);
    },
    async createPersonKey(personId: string) {
      const entry = await store.get('person-key', personId);
      return entry ? keyOf(entry) : makeKey('person-key', personId);
    },
    async destroyPersonKey(personId: string) {
      await store.put([{ kind: 'person-key', key: personId, value: DESTROYED }]);
      await store.scrub();
    },
  };
}

function keyOf(entry: VaultEntry): Uint8Array | undefined {
  if (isDestroyed(entry)) return undefined;
  const key = Buffer.from(entry.value, 'base64url');
  if (key.length !== KEY_BYTES) throw refuse('INTERNAL', `a ${entry.kind} in the vault is damaged`);
  return key;
}

function verifiers(store: VaultStore, time: () => number) {
  const passwordKey = (principalId: string, secretId: string) => `${principalId}/${secretId}`;
  return {
    async storePassword(principalId: string, secretId: string, verifier: string) {
      await store.insert(
        { kind: 'password', key: passwordKey(principalId, secretId), value: verifier },
        time(),
      );
    },
    async passwordVerifier(principalId: string, secretId: string) {
      return (await store.get('password', passwordKey(principalId, secretId)))?.value;
    },
    async removePasswords(principalId: string, keepSecretId?: string) {
      const prefix = passwordKey(principalId, '');
      for await (const { kind, key } of entriesOf(store, { kind: 'password', key: prefix })) {
        if (kind !== 'password' || !key.startsWith(prefix)) break;
        if (key !== `${prefix}${keepSecretId}`) await store.remove('password', key);
      }
    },
    async storeToken(tokenId: string, verifier: TokenVerifier) {
      const entry = { kind: 'token' as const, key: tokenId, value: JSON.stringify(verifier) };
      const { stored, inserted } = await store.insert(entry, time());
      if (inserted) return;
      if (tokenVerifier.parse(JSON.parse(stored.value)).principalId !== verifier.principalId)
        throw refuse('STATE_CONFLICT', 'this token id is in use');
      await store.put([entry]);
    },
    async tokenVerifier(tokenId: string) {
      const entry = await store.get('token', tokenId);
      return entry && tokenVerifier.parse(JSON.parse(entry.value));
    },
    removeToken: (tokenId: string) => store.remove('token', tokenId),
  };
}

function commands(store: VaultStore, time: () => number) {
  return {
    async claimCommand({ key, fingerprint }: CommandIdentity, expiresAt: number): Promise<CommandClaim> {
      const value = JSON.stringify({ fingerprint });
      const { stored, inserted } = await store.insert({ kind: 'idempotency', key, value, expiresAt }, time());
      if (inserted) return { state: 'new' };
      const known = commandRecord.parse(JSON.parse(stored.value));
      if (known.fingerprint !== fingerprint) throw refuse('COMMAND_REUSED');
      return known.reply ? { state: 'done', reply: known.reply } : { state: 'pending' };
    },
    async completeCommand({ key, fingerprint }: CommandIdentity, given: RecordedReply, expiresAt: number) {
      const value = JSON.stringify({ fingerprint, reply: given });
      await store.put([{ kind: 'idempotency', key, value, expiresAt }]);
    },
  };
}

async function* entriesOf(
  store: VaultStore,
  after?: Pick<VaultEntry, 'kind' | 'key'>,
): AsyncGenerator<VaultEntry> {
  for (let last = after; ; ) {
    const entries = await store.page(last, PAGE);
    yield* entries;
    last = entries.at(-1);
    if (!last) return;
  }
}

async function importInto(
  store: VaultStore,
  entries: AsyncIterable<VaultEntry> | Iterable<VaultEntry>,
): Promise<number> {
  let taken = 0;
  let batch = new Map<string, VaultEntry>();
  const flush = async () => {
    await store.put([...batch.values()]);
    taken += batch.size;
    batch = new Map();
  };
  for await (const candidate of entries) {
    const entry = vaultEntry.parse(candidate);
    const place = `${entry.kind} ${entry.key}`;
    const known =
      entry.kind === 'person-key' && (batch.get(place) ?? (await store.get(entry.kind, entry.key)));
    if (known && isDestroyed(known)) continue;
    batch.set(place, entry);
    if (batch.size >= PAGE) await flush();
  }
  await flush();
  return taken;
}
