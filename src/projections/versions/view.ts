/**
 * Versions (placements), and what each names: its own files, and the blobs and manifests its content refers to.
 * A row of `versionRefs` counts only while its incarnation is the version's: queries join on it, because the
 * event that publishes again does not know how many rows the incarnation before had.
 */

import type { Provenance } from '../../domain/placement/events.ts';
import type { FileEntry, Reference } from '../../domain/values/schemas.ts';
import { integer, json, nullable, type RowOf, table, text } from '../table.ts';
import type { EventOf } from '../view.ts';
import { view } from '../view.ts';

export const versionsTable = table({
  name: 'versions',
  columns: {
    repositoryId: text(),
    package: text(),
    version: text(),
    incarnation: text(),
    status: text<'live' | 'deleted'>(),
    format: text(),
    mediaType: text(),
    artifactType: nullable(text()),
    /** bytes of its files and of the config and layers it names, each once */
    size: integer(),
    files: json<readonly FileEntry[]>(),
    references: json<readonly Reference[]>(),
    publishedAt: text(),
    /** the actor of the publishing; for a promoted version see `provenance.publishedBy` too */
    publishedBy: text(),
    publishedPosition: text(),
    deletedAt: nullable(text()),
    provenance: nullable(json<Provenance>()),
  },
  primaryKey: ['repositoryId', 'package', 'version'],
  typical: [100_000, 10_000, 200, 1],
  indexes: [],
});
export type VersionRow = RowOf<typeof versionsTable.columns>;

type Published = EventOf<'VersionPublished'>['data'];

function sizeOf({ files, references }: Published): number {
  const sizes = new Map(files.map(file => [file.canonical, file.size]));
  for (const { relation, canonical, digest, size } of references)
    if (relation === 'config' || relation === 'layer') sizes.set(canonical ?? digest, size);
  let total = 0;
  for (const size of sizes.values()) total += size;
  return total;
}

function published(event: EventOf<'VersionPublished'>): VersionRow {
  const { data } = event;
  return {
    repositoryId: data.repositoryId,
    package: data.package,
    version: data.version,
    incarnation: data.incarnation,
    status: 'live',
    format: data.format,
    mediaType: data.mediaType,
    artifactType: data.artifactType ?? null,
    size: sizeOf(data),
    files: data.files,
    references: data.references,
    publishedAt: event.recordedAt,
    publishedBy: event.meta.actor,
    publishedPosition: event.position,
    deletedAt: null,
    provenance: data.provenance ?? null,
  };
}

export const versions = view({
  table: versionsTable,
  version: 1,
  types: ['VersionPublished', 'VersionDeleted', 'VersionRestored'],
  overwrites: ['VersionPublished'],
  keysOf: ({ data }) => [[data.repositoryId, data.package, data.version]],
  evolve(row, event): VersionRow | undefined {
    if (event.type === 'VersionPublished') return published(event);
    if (row?.incarnation !== event.data.incarnation) return row;
    return event.type === 'VersionDeleted'
      ? { ...row, status: 'deleted', deletedAt: event.recordedAt }
      : { ...row, status: 'live', deletedAt: null };
  },
});

export const versionRefsTable = table({
  name: 'versionRefs',
  columns: {
    repositoryId: text(),
    package: text(),
    version: text(),
    /** files first, then references, as the version lists them */
    ordinal: integer(),
    incarnation: text(),
    relation: text<'file' | Reference['relation']>(),
    /** the sha256, or the digest as written where the sha256 is not known */
    canonical: text(),
    /** as the client wrote it */
    digest: text(),
    mediaType: text(),
    size: integer(),
  },
  primaryKey: ['repositoryId', 'package', 'version', 'ordinal'],
  typical: [1_000_000, 100_000, 2000, 10, 1],
  indexes: [
    { name: 'versionRefs_canonical', columns: ['canonical', 'repositoryId'], typical: [1_000_000, 4, 3] },
    {
      name: 'versionRefs_alias',
      columns: ['digest', 'repositoryId'],
      where: '"digest" <> "canonical"',
      typical: [10_000, 4, 3],
    },
  ],
});
export type VersionRefRow = RowOf<typeof versionRefsTable.columns>;

export const versionRefs = view({
  table: versionRefsTable,
  version: 1,
  types: ['VersionPublished'],
  overwrites: ['VersionPublished'],
  keysOf({ data }) {
    const { repositoryId, package: name, version } = data;
    const count = data.files.length + data.references.length;
    return Array.from({ length: count }, (_, ordinal) => [repositoryId, name, version, ordinal]);
  },
  evolve(_row, { data }, key): VersionRefRow | undefined {
    const ordinal = key[3] as number;
    const file = data.files[ordinal];
    const named = file ?? data.references[ordinal - data.files.length];
    if (!named) return undefined;
    return {
      repositoryId: data.repositoryId,
      package: data.package,
      version: data.version,
      ordinal,
      incarnation: data.incarnation,
      relation: 'relation' in named ? named.relation : 'file',
      canonical: named.canonical ?? named.digest,
      digest: named.digest,
      mediaType: named.mediaType,
      size: named.size,
    };
  },
});
