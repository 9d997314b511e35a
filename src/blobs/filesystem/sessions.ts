/** What is known of open uploads without asking the disk. Losing it costs reading the files again. */
import type { Hash } from 'node:crypto';
import type { FileInfo } from './file-ops.ts';
import type { RunningHash } from './hashing.ts';
import type { UploadId } from './upload-id.ts';

/** Bytes of an upload that is about to be committed. */
interface Kept {
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
  readonly hash: Hash;
  /** when they came, milliseconds since the epoch */
  readonly at: number;
}

export interface Session {
  readonly upload: UploadId;
  /** whether it has a file */
  filed: boolean;
  /** all its bytes, when it has no file */
  kept?: Kept | undefined;
  running?: RunningHash | undefined;
}

export class Sessions {
  readonly #all = new Map<string, Session>();
  #keptBytes = 0;

  get keptBytes(): number {
    return this.#keptBytes;
  }

  get(id: string): Session | undefined {
    return this.#all.get(id);
  }

  add(upload: UploadId): Session {
    const session = { upload, filed: false };
    this.#all.set(upload.id, session);
    return session;
  }

  keep(session: Session, kept: Kept | undefined): void {
    this.#keptBytes += (kept?.size ?? 0) - (session.kept?.size ?? 0);
    session.kept = kept;
  }

  forget(id: string): void {
    const session = this.#all.get(id);
    if (session) this.keep(session, undefined);
    this.#all.delete(id);
  }

  /** Of an upload without a file. */
  infoOf({ upload, kept }: Session): FileInfo {
    return { size: kept?.size ?? 0, modifiedAt: kept?.at ?? upload.createdAt };
  }

  /** Those that have no file and were not touched since a moment. */
  withoutFile(before: number): UploadId[] {
    return [...this.#all.values()]
      .filter(session => !session.filed && this.infoOf(session).modifiedAt < before)
      .map(({ upload }) => upload);
  }
}
