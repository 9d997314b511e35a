/**
 * Uploads on their way: `<root>/staging/<id>.data` holds the bytes so far, and its name says whose they are. An upload
 * that has no bytes has no file, and neither has a small one whose bytes come with the request that commits it: making
 * a file and removing it again costs more than writing it. Uploads survive the process, not the power: an upload is no
 * promise, a commit is.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { refuse } from '../../domain/errors.ts';
import { expectErrors } from '../body.ts';
import { type Algorithm, digestMismatch, type ExpectedDigest, parseExpected } from '../digest.ts';
import type { AppendOptions, CommittedBlob, StagedUpload } from '../port.ts';
import type { Claims } from './claims.ts';
import { expireFiles } from './expiry.ts';
import type { FileInfo, FileOps, OpenFile } from './file-ops.ts';
import { infoOrAbsent, type Layout } from './folders.ts';
import { continueHash, hashFile } from './hashing.ts';
import { receive } from './receiver.ts';
import { type Session, Sessions } from './sessions.ts';
import type { Shelf, SyncedFile } from './shelf.ts';
import type { SmallBlobs } from './small.ts';
import { makeUploadId, newRun, parseUploadId } from './upload-id.ts';

/** Bytes in memory that wait for their commit, of all uploads together; beyond it they go into files. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

interface Tools {
  readonly fs: FileOps;
  readonly layout: Layout;
  readonly shelf: Shelf;
  readonly small: SmallBlobs;
  readonly claims: Claims;
}

interface Found {
  readonly session: Session;
  readonly info: FileInfo;
}

export class Staging {
  readonly #fs: FileOps;
  readonly #folder: string;
  readonly #shelf: Shelf;
  readonly #small: SmallBlobs;
  readonly #claims: Claims;
  readonly #sessions = new Sessions();
  readonly #run = newRun();
  /** uploads of earlier runs that are older than this were expired */
  #expiredBefore = 0;

  constructor({ fs, layout, shelf, small, claims }: Tools) {
    this.#fs = fs;
    this.#folder = layout.staging;
    this.#shelf = shelf;
    this.#small = small;
    this.#claims = claims;
  }

  async open(owner: Record<string, string>): Promise<StagedUpload> {
    const session = this.#sessions.add(
      makeUploadId(this.#run, { owner: { ...owner }, createdAt: Date.now() }),
    );
    return describe(session, this.#sessions.infoOf(session));
  }

  async find(id: string): Promise<StagedUpload | undefined> {
    const found = await this.#load(id);
    return found && describe(found.session, found.info);
  }

  async append(id: string, body: Readable, options: AppendOptions): Promise<StagedUpload> {
    expectErrors(body);
    return this.#claimed(id, async ({ session, info }) => {
      const { offset = info.size, limit = Number.POSITIVE_INFINITY } = options;
      if (offset !== info.size) throw refuse('RANGE_INVALID', { size: info.size });
      if (info.size > limit) throw refuse('CONTENT_TOO_LARGE', { size: info.size, limit });
      return this.#withFile(session, file => this.#receive(body, { session, info, file }, options));
    });
  }

  async #receive(
    body: Readable,
    { session, info, file }: Found & { file: () => Promise<OpenFile> },
    { limit = Number.POSITIVE_INFINITY, last = false }: AppendOptions,
  ): Promise<StagedUpload> {
    if (session.kept) await this.#writeDown(session, await file());
    const before = session.filed ? await (await file()).info() : info;
    const hash = session.filed
      ? await continueHash(await file(), before, session.running)
      : createHash('sha256');
    session.running = undefined;
    const mayKeep = last && !session.filed && this.#sessions.keptBytes < MAX_KEPT_BYTES;
    const received = await this.#receiveOrUndo(body, { file, hash, mayKeep }, before.size, limit);
    if (received.kept) {
      this.#sessions.keep(session, { chunks: received.kept, size: received.size, hash, at: Date.now() });
    } else if (session.filed) {
      session.running = { hash, left: await (await file()).info() };
    }
    if (received.refusal) throw received.refusal;
    return describe(session, session.running?.left ?? this.#sessions.infoOf(session));
  }

  async commit(id: string, expected: string): Promise<CommittedBlob> {
    const wanted = parseExpected(expected);
    return this.#claimed(id, async ({ session, info }) => {
      const blob = session.filed
        ? await this.#withFile(session, async file =>
            this.#commitFile({ session, info }, await file(), wanted),
          )
        : await this.#commitKept(session, wanted);
      return wanted.algorithm === 'sha256' ? blob : { ...blob, alias: expected };
    });
  }

  async #commitFile(
    { session, info }: Found,
    file: OpenFile,
    wanted: ExpectedDigest,
  ): Promise<CommittedBlob> {
    const hash = await continueHash(file, info, session.running);
    session.running = { hash, left: info };
    const hex = hash.copy().digest('hex');
    const { algorithm } = wanted;
    const actual = algorithm === 'sha256' ? hex : (await hashFile(file, info.size, algorithm)).digest('hex');
    await this.#discardUnless(session, wanted, actual);
    const blob = await this.#shelf.publish(hex, info.size, () => this.#syncUpload(session, file, info.size));
    // What is left of the upload means nothing any more; expiry takes it when this fails.
    if (blob.created) this.#sessions.forget(session.upload.id);
    else await this.#discard(session).catch(() => undefined);
    return blob;
  }

  /** Nobody was told of these bytes: when they cannot be stored the upload has none again. */
  async #commitKept(session: Session, wanted: ExpectedDigest): Promise<CommittedBlob> {
    const { chunks = [], hash = createHash('sha256') } = session.kept ?? {};
    const hex = hash.copy().digest('hex');
    const { algorithm } = wanted;
    const actual = algorithm === 'sha256' ? hex : digestOf(chunks, algorithm);
    await this.#discardUnless(session, wanted, actual);
    this.#sessions.keep(session, undefined);
    const blob = await this.#small.put(chunks, hex);
    this.#sessions.forget(session.upload.id);
    return blob;
  }

  async #discardUnless(session: Session, { algorithm, hex }: ExpectedDigest, actual: string): Promise<void> {
    if (actual === hex) return;
    await this.#discard(session);
    throw digestMismatch(`${algorithm}:${hex}`, `${algorithm}:${actual}`);
  }

  async abort(id: string): Promise<void> {
    await this.#claimed(id, ({ session }) => this.#discard(session));
  }

  /** Also takes what crashes left behind. */
  async expire(before: number): Promise<string[]> {
    const files = await expireFiles({ fs: this.#fs, folder: this.#folder, claims: this.#claims }, before);
    this.#expiredBefore = Math.max(this.#expiredBefore, before);
    const idle = this.#sessions.withoutFile(before).filter(({ uuid }) => !this.#claims.has(uuid));
    const expired = [...files, ...idle.map(({ id }) => id)];
    for (const id of expired) this.#sessions.forget(id);
    return expired;
  }

  /**
   * fsync, not fdatasync: the age of the blob counts from now, not from the last chunk, which a resumable upload may
   * have got days ago. When it fails the bytes cannot be trusted any more (see Shelf on failed syncs): start anew.
   */
  async #syncUpload(session: Session, file: OpenFile, size: number): Promise<SyncedFile> {
    const now = Date.now();
    await file.touch(now);
    try {
      await file.sync();
    } catch (error) {
      await this.#discard(session).catch(() => undefined);
      throw error;
    }
    return { path: this.#pathOf(session.upload.id), info: { size, modifiedAt: now } };
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
      await target
        .file()
        .then(file => file.truncate(from))
        .catch(() => undefined);
      throw error;
    }
  }

  async #writeDown(session: Session, file: OpenFile): Promise<void> {
    const { kept } = session;
    if (!kept) return;
    await file.write(kept.chunks, 0);
    session.running = { hash: kept.hash, left: await file.info() };
    this.#sessions.keep(session, undefined);
  }

  /** Runs with an upload, alone: UPLOAD_UNKNOWN, or STATE_CONFLICT while another call does. */
  async #claimed<T>(id: string, work: (found: Found) => Promise<T>): Promise<T> {
    const upload = parseUploadId(id);
    if (!upload) throw refuse('UPLOAD_UNKNOWN');
    return this.#claims.hold(upload.uuid, async () => {
      const found = await this.#load(id);
      if (!found) throw refuse('UPLOAD_UNKNOWN');
      return work(found);
    });
  }

  /** The file is opened when it is first asked for, and made when there is none. */
  async #withFile<T>(session: Session, work: (file: () => Promise<OpenFile>) => Promise<T>): Promise<T> {
    let opening: Promise<OpenFile> | undefined;
    const open = async () => {
      const file = await this.#fs.open(this.#pathOf(session.upload.id), session.filed ? 'update' : 'create');
      session.filed = true;
      return file;
    };
    try {
      return await work(() => (opening ??= open()));
    } finally {
      const file = await opening?.catch(() => undefined);
      await file?.close();
    }
  }

  /** An empty upload of an earlier run has no file, like one of that run that is finished: both are taken for empty. */
  async #load(id: string): Promise<Found | undefined> {
    const known = this.#sessions.get(id);
    if (known && !known.filed) return { session: known, info: this.#sessions.infoOf(known) };
    const upload = parseUploadId(id);
    if (!upload) return undefined;
    const info = await infoOrAbsent(this.#fs, this.#pathOf(id));
    const lost = upload.run === this.#run || known || upload.createdAt < this.#expiredBefore;
    if (!info && lost) {
      this.#sessions.forget(id);
      return undefined;
    }
    const session = this.#sessions.get(id) ?? this.#sessions.add(upload);
    session.filed ||= info !== undefined;
    return { session, info: info ?? this.#sessions.infoOf(session) };
  }

  async #discard(session: Session): Promise<void> {
    const { id } = session.upload;
    this.#sessions.forget(id);
    if (session.filed) await this.#fs.remove(this.#pathOf(id));
  }

  #pathOf(id: string): string {
    return join(this.#folder, `${id}.data`);
  }
}

function digestOf(chunks: readonly Uint8Array[], algorithm: Algorithm): string {
  const hash = createHash(algorithm);
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

function describe({ upload }: Session, info: FileInfo): StagedUpload {
  const { id, owner, createdAt } = upload;
  return { id, size: info.size, owner: { ...owner }, createdAt, touchedAt: Math.round(info.modifiedAt) };
}
