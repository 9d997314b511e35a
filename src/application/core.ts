/** The ports and settings that the use cases work with; main.ts fills it. */
import type { NameHash } from '../access/names.ts';
import type { Passwords } from '../access/passwords.ts';
import type { Sealing } from '../access/sealing.ts';
import type { Vault } from '../access/vault.ts';
import type { BlobStore } from '../blobs/port.ts';
import type { EventLog, Position } from '../eventlog/port.ts';
import type { EvidenceStore } from '../evidence/port.ts';
import type { Evaluator, ModuleSource } from '../policies/port.ts';
import type { Queries } from '../projections/queries.ts';
import type { HotCache } from './cache.ts';
import type { DenialRecorder } from './denials.ts';
import type { Documents } from './documents.ts';
import type { DownloadRecorder } from './downloads.ts';
import type { Fence } from './fence.ts';
import type { Streams } from './streams.ts';

/** The views' side of consistency. */
export interface ViewsClock {
  /** the position that the views have committed */
  position(): Position;
  /** true while a new generation is being built */
  rebuilding(): boolean;
  /** @throws VIEWS_BEHIND after the bound */
  reached(position: Position, timeoutMs: number): Promise<void>;
}

/** Structured log lines; no secrets, no personal data. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface Settings {
  /** what events name as their producer: `strongroom/<version>` */
  readonly producer: string;
  /** how long an uploaded blob may wait for a manifest, ms */
  readonly leaseMs: number;
  /** how long a deleted version can be restored, ms */
  readonly restoreWindowMs: number;
  /** how long a reply waits for the views, ms */
  readonly viewWaitMs: number;
  /** how long pulls go on without the log, ms */
  readonly maxStalenessMs: number;
  /** largest blob, bytes */
  readonly maxBlobBytes: number;
}

export interface Core {
  readonly log: EventLog;
  readonly streams: Streams;
  readonly blobs: BlobStore;
  readonly evidence: EvidenceStore;
  readonly queries: Queries;
  readonly views: ViewsClock;
  readonly hot: HotCache;
  readonly documents: Documents;
  readonly evaluator: Evaluator;
  readonly modules: ModuleSource;
  readonly sealing: Sealing;
  readonly access: {
    readonly vault: Vault;
    readonly passwords: Passwords;
    readonly nameHash: NameHash;
    /** Destroys a person's key. */
    readonly forget: (personId: string) => Promise<void>;
  };
  readonly denials: DenialRecorder;
  readonly downloads: DownloadRecorder;
  readonly fence: Fence;
  /** shared by backups, held alone by a collection */
  readonly collection: Fence;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly newId: () => string;
  readonly settings: Settings;
}
