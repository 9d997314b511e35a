/**
 * Uploads on their way: `<root>/staging/<id>.data` (the bytes so far) and `<id>.json` (who opened it). Both must be
 * there for an upload to exist. They survive the process, not the power: an upload is no promise, a commit is.
 */
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { refuse } from '../../domain/errors.ts';
import { expectErrors } from '../body.ts';
import { digestMismatch, isUploadId, newUploadId, parseExpected } from '../digest.ts';
import type { CommittedBlob, StagedUpload } from '../port.ts';
import type { Claims } from './claims.ts';
import type { FileInfo, FileOps, OpenFile } from './file-ops.ts';
import { infoOrAbsent, type Layout } from './folders.ts';
import { continueHash, hashFile, type RunningHash } from './hashing.ts';
import { receive } from './receiver.ts';
import type { Shelf, SyncedFile } from './shelf.ts';
import { writeNew } from './small.ts';
import { parseRecord, renderRecord, type UploadRecord } from './upload-record.ts';

interface Session {
  readonly record: UploadRecord;
  running?: RunningHash | undefined;
}

export interface AppendOptions {
  readonly offset?: number;
  readonly limit?: number;
}

export class Staging {
  readonly #fs: FileOps;
  readonly #folder: string;
  readonly #shelf: Shelf;
  /** What is known of open uploads without asking the disk. Losing it costs reading the files again. */
  readonly #sessions = new Map<string, Session>();
  readonly #claims: Claims;

  constructor(fs: FileOps, layout: Layout, shelf: Shelf, claims: Claims) {
    this.#fs = fs;
    this.#folder = layout.staging;
    this.#shelf = shelf;
    this.#claims = claims;
  }

  async open(owner: Record<string, string>): Promise<StagedUpload> {
    const id = newUploadId();
    const record = { owner: { ...owner }, createdAt: Date.now() };
    return this.#claims.hold(id, async () => {
      try {
        await Promise.all([
          writeNew(this.#fs, this.#recordPath(id), Buffer.from(renderRecord(record))),
          writeNew(this.#fs, this.#dataPath(id)),
        ]);
      } catch (error) {
        await this.#discard(id).catch(() => undefined);
        throw error;
      }
      this.#sessions.set(id, { record });
      return describe(id, record, { size: 0, modifiedAt: record.createdAt });
    });
  }

  async find(id: string): Promise<StagedUpload | undefined> {
    const found = await this.#load(id);
    return found && describe(id, found.session.record, found.info);
  }

  async append(id: string, body: Readable, options: AppendOptions): Promise<StagedUpload> {
    expectErrors(body);
    return this.#withFile(id, async (file, session) => {
      const before = await file.info();
      const { offset = before.size, limit = Number.POSITIVE_INFINITY } = options;
      if (offset !== before.size) throw refuse('RANGE_INVALID', { size: before.size });
      if (before.size > limit) throw refuse('CONTENT_TOO_LARGE', { size: before.size, limit });
      const hash = await continueHash(file, before, session.running);
      session.running = undefined;
      const received = await this.#receiveOrUndo(body, { file, hash }, before.size, limit);
      const left = await file.info();
      session.running = { hash, left };
      if (received.refusal) throw received.refusal;
      return describe(id, session.record, left);
    });
  }

  async commit(id: string, expected: string): Promise<CommittedBlob> {
    const wanted = parseExpected(expected);
    return this.#withFile(id, async (file, session) => {
      const info = await file.info();
      const hash = await continueHash(file, info, session.running);
      session.running = { hash, left: info };
      const hex = hash.copy().digest('hex');
      const actual =
        wanted.algorithm === 'sha256' ? hex : (await hashFile(file, info.size, 'sha512')).digest('hex');
      if (actual !== wanted.hex) {
        await this.#discard(id);
        throw digestMismatch(expected, `${wanted.algorithm}:${actual}`);
      }
      const blob = await this.#shelf.publish(hex, info.size, () => this.#syncUpload(id, file, info.size));
      // What is left of the upload means nothing any more; expiry takes it when this fails.
      await this.#discard(id).catch(() => undefined);
      return wanted.algorithm === 'sha256' ? blob : { ...blob, alias: expected };
    });
  }

  async abort(id: string): Promise<void> {
    await this.#claims.hold(id, async () => {
      if (!(await this.#load(id))) throw refuse('UPLOAD_UNKNOWN');
      await this.#discard(id);
    });
  }

  /** Also takes what crashes left behind: halves of uploads, probes, small blobs that were never published. */
  async expire(before: number): Promise<string[]> {
    const expired: string[] = [];
    for (const [id, names] of groupById(await this.#fs.list(this.#folder))) {
      if (this.#claims.has(id)) continue;
      await this.#claims.hold(id, async () => {
        const infos = await Promise.all(names.map(name => this.#fs.info(join(this.#folder, name))));
        if (infos.some(info => info && info.modifiedAt >= before)) return;
        await this.#discard(id, names);
        if (names.includes(`${id}.data`) && names.includes(`${id}.json`)) expired.push(id);
      });
    }
    return expired;
  }

  /**
   * fsync, not fdatasync: the age of the blob counts from now, not from the last chunk, which a resumable upload may
   * have got days ago. When it fails the bytes cannot be trusted any more (see Shelf on failed syncs): start anew.
   */
  async #syncUpload(id: string, file: OpenFile, size: number): Promise<SyncedFile> {
    const now = Date.now();
    await file.touch(now);
    try {
      await file.sync();
    } catch (error) {
      await this.#discard(id).catch(() => undefined);
      throw error;
    }
    return { path: this.#dataPath(id), info: { size, modifiedAt: now } };
  }

  /** When a write fails, what was acknowledged or surely written before stays, so that the client can resume. */
  async #receiveOrUndo(
    body: Readable,
    target: Parameters<typeof receive>[1],
    from: number,
    limit: number,
  ): ReturnType<typeof receive> {
    try {
      return await receive(body, target, from, limit - from);
    } catch (error) {
      await target.file.truncate(from).catch(() => undefined);
      throw error;
    }
  }

  /** Runs with the data file of an upload open, alone: UPLOAD_UNKNOWN, or STATE_CONFLICT while another call does. */
  async #withFile<T>(id: string, work: (file: OpenFile, session: Session) => Promise<T>): Promise<T> {
    return this.#claims.hold(id, async () => {
      const found = await this.#load(id);
      if (!found) throw refuse('UPLOAD_UNKNOWN');
      const file = await this.#fs.open(this.#dataPath(id), 'update');
      try {
        return await work(file, found.session);
      } finally {
        await file.close();
      }
    });
  }

  async #load(id: string): Promise<{ session: Session; info: FileInfo } | undefined> {
    if (!isUploadId(id)) return undefined;
    const info = await infoOrAbsent(this.#fs, this.#dataPath(id));
    const session = info && (this.#sessions.get(id) ?? (await this.#readRecord(id)));
    if (!info || !session) {
      this.#sessions.delete(id);
      return undefined;
    }
    this.#sessions.set(id, session);
    return { session, info };
  }

  async #readRecord(id: string): Promise<Session | undefined> {
    const info = await this.#fs.info(this.#recordPath(id));
    if (!info) return undefined;
    const file = await this.#fs.open(this.#recordPath(id), 'read');
    try {
      const bytes = Buffer.alloc(info.size);
      await file.read(bytes, 0);
      const record = parseRecord(bytes.toString());
      return record && { record };
    } finally {
      await file.close();
    }
  }

  async #discard(id: string, names = [`${id}.data`, `${id}.json`]): Promise<void> {
    this.#sessions.delete(id);
    await Promise.all(names.map(name => this.#fs.remove(join(this.#folder, name))));
  }

  #dataPath(id: string): string {
    return join(this.#folder, `${id}.data`);
  }

  #recordPath(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}

function describe(id: string, record: UploadRecord, info: FileInfo): StagedUpload {
  const touchedAt = Math.round(info.modifiedAt);
  return { id, size: info.size, owner: { ...record.owner }, createdAt: record.createdAt, touchedAt };
}

/** Files of other names are not ours and stay. */
function groupById(names: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const id = name.slice(0, name.indexOf('.'));
    if (isUploadId(id)) groups.set(id, [...(groups.get(id) ?? []), name]);
  }
  return groups;
}
