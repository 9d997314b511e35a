/**
 * Uploads on their way: `staging/<id>/upload.json` (who opened it) and its segments. Every process can continue every
 * upload; the bucket is the truth, what a process remembers only saves reading bytes again.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { refuse } from '../../domain/errors.ts';
import { expectErrors } from '../body.ts';
import { type Algorithm, digestMismatch, isUploadId, newUploadId, parseExpected } from '../digest.ts';
import { Claims } from '../filesystem/claims.ts';
import type { AppendOptions, CommittedBlob, StagedUpload } from '../port.ts';
import { assemble, type Piece } from './assembly.ts';
import type { Bucket, ObjectInfo } from './bucket.ts';
import { readObject } from './download.ts';
import { damaged } from './faults.ts';
import { receive, type Segment, STAGING, segmentsOf, sizeOf, uploadFolder } from './segments.ts';
import { BLOBS, type Shelf } from './shelf.ts';

interface UploadRecord {
  readonly owner: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

interface Session {
  readonly record: UploadRecord;
  /** sha256 of the segments in `covered`, a beginning of the upload: a hash cannot be carried to another process */
  running?: { readonly hash: Hash; readonly covered: readonly Segment[] } | undefined;
  /** the end of the upload, which nobody was told of: the commit follows in this process, or it is forgotten */
  tail?: { readonly bytes: Uint8Array; readonly at: number } | undefined;
}

interface Loaded {
  readonly session: Session;
  readonly segments: readonly Segment[];
  readonly touchedAt: number;
}

const RECORD = 'upload.json';
const MAX_RECORD_BYTES = 64 * 1024;
/** Uploads that were given up, or continued elsewhere, are forgotten in time. */
const MAX_SESSIONS = 4096;
const PARALLEL = 8;

export class Staging {
  readonly #bucket: Bucket;
  readonly #shelf: Shelf;
  /** In this process; between processes, a segment that is there already is the other's. */
  readonly #claims = new Claims();
  readonly #sessions = new Map<string, Session>();

  constructor(bucket: Bucket, shelf: Shelf) {
    this.#bucket = bucket;
    this.#shelf = shelf;
  }

  async open(owner: Record<string, string>): Promise<StagedUpload> {
    const id = newUploadId();
    const createdAt = Date.now();
    const record = { owner: { ...owner }, createdAt };
    await this.#bucket.put(uploadFolder(id) + RECORD, Buffer.from(JSON.stringify(record)));
    this.#remember(id, { record });
    return { id, size: 0, owner: { ...owner }, createdAt, touchedAt: createdAt };
  }

  async find(id: string): Promise<StagedUpload | undefined> {
    const loaded = await this.#load(id);
    return loaded && describe(id, loaded);
  }

  async append(id: string, body: Readable, options: AppendOptions): Promise<StagedUpload> {
    expectErrors(body);
    return this.#claims.hold(id, async () => {
      const loaded = await this.#need(id);
      const { session, segments } = loaded;
      session.tail = undefined;
      const from = sizeOf(segments);
      const room = roomAt(from, options);
      const hash = from === 0 ? createHash('sha256') : wholeHash(session, segments);
      const known = session.running;
      session.running = undefined;
      const to = { bucket: this.#bucket, id, from, room, hash, keepTail: options.last ?? false };
      const { segments: added, tail, refusal } = await receive(body, to);
      session.running = hash ? { hash, covered: [...segments, ...added] } : known;
      if (refusal) throw refusal;
      const upload = describe(id, added.length === 0 ? loaded : await this.#need(id));
      session.tail = tail && { bytes: tail, at: upload.size };
      return { ...upload, size: upload.size + (tail?.length ?? 0) };
    });
  }

  async commit(id: string, expected: string): Promise<CommittedBlob> {
    const wanted = parseExpected(expected);
    return this.#claims.hold(id, async () => {
      const { session, segments } = await this.#need(id);
      const { running } = session;
      const tail = takeTail(session, segments);
      session.running = undefined;
      const hex = await this.#sha256(running, segments, tail);
      const actual = wanted.algorithm === 'sha256' ? hex : await this.#digest('sha512', segments, tail);
      if (actual !== wanted.hex) {
        await this.#discard(id);
        throw digestMismatch(expected, `${wanted.algorithm}:${actual}`);
      }
      const pieces = tail.length > 0 ? [...segments, { size: tail.length, bytes: tail }] : segments;
      const blob = await this.#publish(hex, pieces);
      // What is left of the upload means nothing any more; expiry takes it when this fails.
      await this.#discard(id, segments).catch(() => undefined);
      return wanted.algorithm === 'sha256' ? blob : { ...blob, alias: expected };
    });
  }

  async abort(id: string): Promise<void> {
    await this.#claims.hold(id, async () => {
      await this.#need(id);
      await this.#discard(id);
    });
  }

  /** Also takes what crashes left behind: probes, segments without a record, objects whose parts were never joined. */
  async expire(before: number): Promise<string[]> {
    const expired: string[] = [];
    for (const [id, objects] of await this.#all()) {
      if (this.#claims.has(id) || objects.some(({ modifiedAt }) => modifiedAt >= before)) continue;
      await this.#claims.hold(id, () => this.#discard(id, objects));
      if (objects.some(({ key }) => key === uploadFolder(id) + RECORD)) expired.push(id);
    }
    for await (const { key, id } of this.#bucket.begun(BLOBS, before)) await this.#bucket.abandon(key, id);
    return expired;
  }

  /** Proves that objects can be written and removed. */
  async probe(): Promise<void> {
    const key = `${uploadFolder(newUploadId())}probe`;
    await this.#bucket.put(key, Buffer.from('probe'));
    await this.#bucket.remove(key);
  }

  async #publish(hex: string, pieces: readonly Piece[]): Promise<CommittedBlob> {
    const size = pieces.reduce((sum, piece) => sum + piece.size, 0);
    return this.#shelf.publish(hex, size, key => assemble(this.#bucket, key, pieces));
  }

  async #sha256(
    running: Session['running'],
    segments: readonly Segment[],
    tail: Uint8Array,
  ): Promise<string> {
    if (!running || !begins(running.covered, segments)) return this.#digest('sha256', segments, tail);
    const { hash, covered } = running;
    return this.#digest(hash, segments.slice(covered.length), tail);
  }

  async #digest(of: Algorithm | Hash, segments: readonly Segment[], tail: Uint8Array): Promise<string> {
    const hash = typeof of === 'string' ? createHash(of) : of;
    for (const segment of segments) {
      for await (const chunk of readObject(this.#bucket, segment)) hash.update(chunk);
    }
    return hash.update(tail).digest('hex');
  }

  async #need(id: string): Promise<Loaded> {
    const loaded = await this.#load(id);
    if (!loaded) throw refuse('UPLOAD_UNKNOWN');
    return loaded;
  }

  async #load(id: string): Promise<Loaded | undefined> {
    if (!isUploadId(id)) return undefined;
    const objects: ObjectInfo[] = [];
    for await (const object of this.#bucket.list(uploadFolder(id))) objects.push(object);
    const recorded = objects.some(({ key }) => key === uploadFolder(id) + RECORD);
    const session = recorded ? (this.#sessions.get(id) ?? (await this.#readRecord(id))) : undefined;
    if (!session) {
      this.#sessions.delete(id);
      return undefined;
    }
    this.#remember(id, session);
    const touchedAt = Math.max(...objects.map(({ modifiedAt }) => modifiedAt));
    return { session, segments: segmentsOf(id, objects), touchedAt };
  }

  async #readRecord(id: string): Promise<Session | undefined> {
    const found = await this.#bucket.get(uploadFolder(id) + RECORD);
    if (!found) return undefined;
    if (found.info.size > MAX_RECORD_BYTES) throw damaged('the record of an upload is not as it was written');
    const { key, etag, size } = found.info;
    found.body.destroy();
    const chunks: Buffer[] = [];
    for await (const chunk of readObject(this.#bucket, { key, etag, size })) chunks.push(chunk);
    return { record: JSON.parse(Buffer.concat(chunks).toString()) as UploadRecord };
  }

  #remember(id: string, session: Session): void {
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    if (this.#sessions.size <= MAX_SESSIONS) return;
    for (const [other, { tail }] of this.#sessions) {
      if (!tail && !this.#claims.has(other)) {
        this.#sessions.delete(other);
        return;
      }
    }
  }

  async #all(): Promise<Map<string, ObjectInfo[]>> {
    const uploads = new Map<string, ObjectInfo[]>();
    for await (const object of this.#bucket.list(STAGING)) {
      const id = object.key.slice(STAGING.length).split('/', 1)[0] ?? '';
      if (!isUploadId(id)) continue;
      const objects = uploads.get(id) ?? [];
      objects.push(object);
      uploads.set(id, objects);
    }
    return uploads;
  }

  /** The record first: without it there is no upload any more, whatever becomes of the rest. */
  async #discard(id: string, known?: readonly Segment[]): Promise<void> {
    this.#sessions.delete(id);
    const keys: string[] = [];
    for await (const { key } of known ?? this.#bucket.list(uploadFolder(id))) keys.push(key);
    await this.#bucket.remove(uploadFolder(id) + RECORD);
    const waiting = keys.filter(key => !key.endsWith(RECORD)).values();
    const work = async () => {
      for (const key of waiting) await this.#bucket.remove(key);
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  }
}

function describe(id: string, { session, segments, touchedAt }: Loaded): StagedUpload {
  const { owner, createdAt } = session.record;
  return { id, size: sizeOf(segments), owner: { ...owner }, createdAt, touchedAt };
}

/** Bytes that may still come. @throws RANGE_INVALID, CONTENT_TOO_LARGE */
function roomAt(size: number, { offset = size, limit = Number.POSITIVE_INFINITY }: AppendOptions): number {
  if (offset !== size) throw refuse('RANGE_INVALID', { size });
  if (size > limit) throw refuse('CONTENT_TOO_LARGE', { size, limit });
  return limit - size;
}

/** @throws STATE_CONFLICT when another process wrote where it begins */
function takeTail(session: Session, segments: readonly Segment[]): Uint8Array {
  const { tail } = session;
  session.tail = undefined;
  if (tail && tail.at !== sizeOf(segments))
    throw refuse('STATE_CONFLICT', 'another request works on this upload');
  return tail?.bytes ?? new Uint8Array();
}

/** The running hash, when it knows exactly these segments. */
function wholeHash({ running }: Session, segments: readonly Segment[]): Hash | undefined {
  if (!running || !begins(running.covered, segments)) return undefined;
  return running.covered.length === segments.length ? running.hash : undefined;
}

function begins(covered: readonly Segment[], segments: readonly Segment[]): boolean {
  return covered.every(({ key, size, etag }, at) => {
    const other = segments[at];
    return other?.key === key && other.size === size && other.etag === etag;
  });
}
