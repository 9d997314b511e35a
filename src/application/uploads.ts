/** Bringing bytes in: upload sessions bound to actor and repository, mounts, and the links they end in. */
import type { Readable } from 'node:stream';
import type { AppendOptions, CommittedBlob, StagedUpload } from '../blobs/port.ts';
import { isRefusal, refuse } from '../domain/errors.ts';
import { link, linkStream } from '../domain/link/link.ts';
import type { Position } from '../eventlog/port.ts';
import type { RepositoryInfo } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { Admission, execute } from './handle.ts';
import { namingOf } from './lookup.ts';
import { Released } from './resolve.ts';
import { at, mayDo } from './rights.ts';

export interface Stored {
  /** as the client named it */
  readonly digest: string;
  readonly canonical: string;
  readonly size: number;
  readonly position: Position | undefined;
}

export type Chunk = Pick<AppendOptions, 'offset' | 'last'>;

function pushing(core: Core, caller: Caller, repository: RepositoryInfo, target: string): Promise<Admission> {
  return Admission.withoutPolicy(core, { caller, action: 'push', at: at(repository), facts: {}, target });
}

export async function startUpload(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
): Promise<StagedUpload> {
  await pushing(core, caller, repository, 'upload');
  return core.blobs.openUpload({ actor: caller.id, repositoryId: repository.repositoryId });
}

/** @throws UPLOAD_UNKNOWN also for the upload of another actor or repository */
export async function findUpload(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  id: string,
): Promise<StagedUpload> {
  await pushing(core, caller, repository, 'upload');
  const upload = await core.blobs.findUpload(id);
  if (!upload || upload.owner.actor !== caller.id || upload.owner.repositoryId !== repository.repositoryId)
    throw refuse('UPLOAD_UNKNOWN');
  return upload;
}

/** Adds a chunk to an upload that `findUpload` gave; `last` when `finishUpload` follows in the same request. */
export function appendUpload(
  core: Core,
  upload: StagedUpload,
  body: Readable,
  { offset, last = false }: Chunk = {},
): Promise<StagedUpload> {
  const limit = core.settings.maxBlobBytes;
  return core.blobs.appendUpload(upload.id, body, {
    limit,
    last,
    ...(offset === undefined ? {} : { offset }),
  });
}

/** Verifies the upload and links its bytes to the repository. Idempotent. */
export async function finishUpload(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  upload: { id: string; digest: string },
): Promise<Stored> {
  const admission = await pushing(core, caller, repository, upload.digest);
  return core.fence.shared(async () => {
    const blob = await core.blobs.commitUpload(upload.id, upload.digest);
    return linkBlob(core, admission, repository, { ...blob, digest: upload.digest, canonical: blob.digest });
  });
}

export async function abortUpload(core: Core, upload: StagedUpload): Promise<void> {
  await core.blobs.abortUpload(upload.id);
}

interface Link {
  readonly digest: string;
  readonly canonical: string;
  readonly size: number;
  readonly via?: 'mount' | 'promotion';
}

/** Appends the link. The caller holds the fence and knows that the bytes are there. */
export async function linkBlob(
  core: Core,
  admission: Admission,
  repository: RepositoryInfo,
  blob: Link,
): Promise<Stored> {
  const now = core.now();
  const { position } = await execute(core, admission, {
    aggregate: link,
    stream: linkStream(repository.repositoryId, blob.canonical),
    command: {
      kind: 'LinkBlob',
      repositoryId: repository.repositoryId,
      canonical: blob.canonical,
      ...(blob.digest === blob.canonical ? {} : { alias: blob.digest }),
      size: blob.size,
      via: blob.via ?? 'upload',
      now: now.toISOString(),
      leaseUntil: new Date(now.getTime() + core.settings.leaseMs).toISOString(),
    },
  });
  return { digest: blob.digest, canonical: blob.canonical, size: blob.size, position };
}

/**
 * Mounts a blob that the caller may read in another repository. Undefined when it cannot be had there, for whatever
 * reason: the client then uploads, and learns nothing.
 */
export async function mountBlob(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  from: { digest: string; repository: RepositoryInfo | undefined },
): Promise<Stored | undefined> {
  const admission = await pushing(core, caller, repository, from.digest);
  const source = from.repository;
  if (!source || !(await mayDo(core, caller, 'pull', at(source))).allowed) return undefined;
  return core.fence.shared(async () => {
    const content = await readable(core, caller, source, from.digest);
    const there = content && (await core.blobs.stat(content.canonical));
    if (!there) return undefined;
    return linkBlob(core, admission, repository, {
      digest: from.digest,
      canonical: there.digest,
      size: there.size,
      via: 'mount',
    });
  });
}

async function readable(core: Core, caller: Caller, repository: RepositoryInfo, digest: string) {
  try {
    return (await Released.blob(core, { caller, repository }, digest)).content;
  } catch (error) {
    if (isRefusal(error, 'BLOB_UNKNOWN', 'ARTIFACT_HELD', 'POLICY_DENIED', 'POLICY_FAILED')) return undefined;
    throw error;
  }
}

/**
 * For a pusher: are the bytes here so that an upload can be left out? Also when what names them is held. A lease that
 * is nearly over does not count: the client uploads again and gets a fresh one.
 */
export async function presentFor(
  core: Core,
  repository: RepositoryInfo,
  digest: string,
): Promise<{ canonical: string; size: number } | undefined> {
  const known = await core.queries.getLink(repository.repositoryId, digest);
  if (!known) return undefined;
  const { canonical, size } = known;
  const lasting = Date.parse(known.leaseUntil) - core.now().getTime() > core.settings.leaseMs / 4;
  if (!lasting) {
    const naming = await namingOf(core, repository, canonical);
    if (!naming.some(({ status }) => status === 'live')) return undefined;
  }
  return (await core.blobs.stat(canonical)) ? { canonical, size } : undefined;
}

/** Takes a blob out of a repository. @throws STATE_CONFLICT while a manifest names it */
export async function unlinkBlob(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  digest: string,
): Promise<Position | undefined> {
  const request = { caller, action: 'delete' as const, at: at(repository), facts: {}, target: digest };
  const admission = await Admission.withoutPolicy(core, request);
  const known = await core.queries.getLink(repository.repositoryId, digest);
  if (!known) throw refuse('BLOB_UNKNOWN', { digest });
  const naming = await namingOf(core, repository, known.canonical);
  const live = naming.find(({ status }) => status === 'live');
  if (live)
    throw refuse(
      'STATE_CONFLICT',
      `${live.package}@${live.version} still consists of it: delete that manifest first`,
    );
  const { position } = await execute(core, admission, {
    aggregate: link,
    stream: linkStream(repository.repositoryId, known.canonical),
    command: {
      kind: 'UnlinkBlob',
      repositoryId: repository.repositoryId,
      canonical: known.canonical,
      cause: 'delete',
    },
  });
  return position;
}

/** Bytes of a version file that came in one piece. The caller holds the fence. */
export async function storeFile(core: Core, bytes: Uint8Array, digest?: string): Promise<CommittedBlob> {
  return core.blobs.put(bytes, digest);
}
