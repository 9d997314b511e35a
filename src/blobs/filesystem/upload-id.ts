/**
 * Ids of uploads: `<uuid>-<run>-<record>`, of which the record says who opened it and when. So an upload that got no
 * bytes needs no file, and one that did needs no second one: the id is the name of the file.
 *
 * Nothing is signed, since nothing is gained by making an id up: another record makes another id, which names no bytes.
 */
import { randomBytes } from 'node:crypto';
import { refuse } from '../../domain/errors.ts';
import { isUploadId, newUploadId } from '../digest.ts';
import type { StagedUpload } from '../port.ts';

export type UploadRecord = Pick<StagedUpload, 'owner' | 'createdAt'>;

export interface UploadId extends UploadRecord {
  /** the whole, as clients know it */
  readonly id: string;
  readonly uuid: string;
  /** which run of the store opened it */
  readonly run: string;
}

const UUID_LENGTH = 36;
/** A file name has at most 255 bytes, and `.data` follows. */
const MAX_LENGTH = 250;
const SHAPE = /^-([0-9a-f]{8})-([A-Za-z0-9_-]+)$/;

export function newRun(): string {
  return randomBytes(4).toString('hex');
}

/** @throws REQUEST_INVALID when the owner is too long for the name of a file */
export function makeUploadId(run: string, record: UploadRecord): UploadId {
  const uuid = newUploadId();
  const id = render(uuid, run, record);
  if (id.length > MAX_LENGTH) throw refuse('REQUEST_INVALID', 'the owner of an upload is too long');
  return { id, uuid, run, ...record };
}

/** undefined for everything that `makeUploadId` would not make. */
export function parseUploadId(id: string): UploadId | undefined {
  const uuid = id.slice(0, UUID_LENGTH);
  const [, run, encoded] = SHAPE.exec(id.slice(UUID_LENGTH)) ?? [];
  if (id.length > MAX_LENGTH || !isUploadId(uuid) || !run || !encoded) return undefined;
  const record = parseRecord(Buffer.from(encoded, 'base64url').toString());
  // One id for one upload: no second spelling
  return record && render(uuid, run, record) === id ? { id, uuid, run, ...record } : undefined;
}

export interface StagedFile {
  readonly name: string;
  /** of the upload whose bytes are in it; undefined for what a crash left of other content */
  readonly id: string | undefined;
}

/** The files of a staging folder by the UUID they begin with. Files of other names are not ours and stay. */
export function uploadsByUuid(names: readonly string[]): Map<string, StagedFile[]> {
  const groups = new Map<string, StagedFile[]>();
  for (const name of names) {
    const uuid = name.slice(0, UUID_LENGTH);
    if (!isUploadId(uuid)) continue;
    const stem = name.endsWith('.data') ? name.slice(0, -'.data'.length) : '';
    groups.set(uuid, [...(groups.get(uuid) ?? []), { name, id: parseUploadId(stem)?.id }]);
  }
  return groups;
}

function render(uuid: string, run: string, { owner, createdAt }: UploadRecord): string {
  const record = JSON.stringify([createdAt, ...Object.entries(owner).flat()]);
  return `${uuid}-${run}-${Buffer.from(record).toString('base64url')}`;
}

function parseRecord(text: string): UploadRecord | undefined {
  const value = parseJson(text);
  if (!Array.isArray(value)) return undefined;
  const [createdAt, ...parts] = value as unknown[];
  if (!Number.isSafeInteger(createdAt) || !parts.every(part => typeof part === 'string')) return undefined;
  const entries = Array.from({ length: parts.length / 2 }, (_, at) => [parts[2 * at], parts[2 * at + 1]]);
  return { createdAt: createdAt as number, owner: Object.fromEntries(entries) as Record<string, string> };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
