/**
 * Versions (placements), and what each names: its own files, and the blobs and manifests its content refers to.
 * A row of `versionRefs` counts only while its incarnation is the version's: queries join on it, because the
 * event that publishes again does not know how many rows the incarnation before had.
 */

import type { Provenance } from '../../domain/placement/events.ts';
import { subjectOf } from '../../domain/values/purl.ts';
import { type FileEntry, isPart, type Reference } from '../../domain/values/schemas.ts';
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
    /** when files came that were added after the publishing, by name */
    addedAt: json<Readonly<Record<string, string>>>(),
    references: json<readonly Reference[]>(),
    publishedAt: text(),
    /** the actor of the publishing; for a promoted version see `provenance.publishedBy` too */
    publishedBy: text(),
    publishedPosition: text(),
    deletedAt: nullable(text()),
    provenance: nullable(json<Provenance>()),
    purl: nullable(text()),
    /** its purl as holds are compared with it */
    purlSubject: nullable(text()),
    /** digest of its description in evidence */
    metadata: nullable(text()),
    /** sealed text: its author's advice against it */
    deprecated: nullable(text()),
    /** sealed text: why no range chooses it */
    yanked: nullable(text()),
  },
  primaryKey: ['repositoryId', 'package', 'version'],
  typical: [100_000, 10_000, 200, 1],
  indexes: [
    {
      name: 'versions_purl',
      columns: ['purlSubject', 'repositoryId'],
      where: '"purlSubject" IS NOT NULL',
      typical: [50_000, 2, 1],
    },
  ],
});
export type VersionRow = RowOf<typeof versionsTable.columns>;

type Published = EventOf<'VersionPublished'>['data'];

function sizeOf({ files, references }: Pick<Published, 'files' | 'references'>): number {
  const sizes = new Map(files.map(file => [file.canonical, file.size]));
  for (const reference of references)
    if (isPart(reference)) sizes.set(reference.canonical ?? reference.digest, reference.size);
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
    addedAt: {},
    references: data.references,
    publishedAt: event.recordedAt,
    publishedBy: event.meta.actor,
    publishedPosition: event.position,
    deletedAt: null,
    provenance: data.provenance ?? null,
    purl: data.purl ?? null,
    purlSubject: data.purl === undefined ? null : subjectOf(data.purl),
    metadata: data.metadata ?? null,
    deprecated: null,
    yanked: null,
  };
}

function withFile(row: VersionRow, { data, recordedAt }: EventOf<'VersionFileAdded'>): VersionRow {
  const { file } = data;
  const known = row.files.some(({ name }) => name === file.name);
  const files = known
    ? row.files.map(other => (other.name === file.name ? file : other))
    : [...row.files, file];
  return {
    ...row,
    files,
    size: sizeOf({ files: [...files], references: [...row.references] }),
    addedAt: { ...row.addedAt, [file.name]: recordedAt },
    metadata: data.metadata ?? row.metadata,
  };
}

function withoutFile(row: VersionRow, { data }: EventOf<'VersionFileRemoved'>): VersionRow {
  const files = row.files.filter(({ name }) => name !== data.name);
  return { ...row, files, size: sizeOf({ files, references: [...row.references] }) };
}

const VERSION_EVENTS = [
  'VersionPublished',
  'VersionFileAdded',
  'VersionFileRemoved',
  'VersionDeleted',
  'VersionRestored',
  'VersionDeprecated',
  'VersionDeprecationLifted',
  'VersionYanked',
  'VersionYankLifted',
] as const;

function changed(row: VersionRow, event: EventOf<(typeof VERSION_EVENTS)[number]>): VersionRow {
  switch (event.type) {
    case 'VersionPublished':
      return published(event);
    case 'VersionFileAdded':
      return withFile(row, event);
    case 'VersionFileRemoved':
      return withoutFile(row, event);
    case 'VersionDeleted':
      return { ...row, status: 'deleted', deletedAt: event.recordedAt };
    case 'VersionRestored':
      return { ...row, status: 'live', deletedAt: null };
    case 'VersionDeprecated':
      return { ...row, deprecated: event.data.message };
    case 'VersionDeprecationLifted':
      return { ...row, deprecated: null };
    case 'VersionYanked':
      return { ...row, yanked: event.data.reason };
    case 'VersionYankLifted':
      return { ...row, yanked: null };
  }
}

export const versions = view({
  table: versionsTable,
  version: 4,
  types: VERSION_EVENTS,
  overwrites: ['VersionPublished'],
  keysOf: ({ data }) => [[data.repositoryId, data.package, data.version]],
  evolve(row, event): VersionRow | undefined {
    if (event.type === 'VersionPublished') return published(event);
    if (row?.incarnation !== event.data.incarnation) return row;
    return changed(row, event);
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

type Naming = EventOf<'VersionPublished' | 'VersionFileAdded' | 'VersionFileRemoved'>;

/** What the event says under this number; `undefined`: nothing (any more). */
function namedBy(event: Naming, ordinal: number): FileEntry | Reference | undefined {
  if (event.type === 'VersionFileRemoved') return undefined;
  if (event.type === 'VersionFileAdded') return event.data.file;
  const { files, references } = event.data;
  return files[ordinal] ?? references[ordinal - files.length];
}

export const versionRefs = view({
  table: versionRefsTable,
  version: 2,
  types: ['VersionPublished', 'VersionFileAdded', 'VersionFileRemoved'],
  overwrites: ['VersionPublished', 'VersionFileAdded', 'VersionFileRemoved'],
  keysOf(event) {
    const { repositoryId, package: name, version } = event.data;
    if (event.type !== 'VersionPublished') return [[repositoryId, name, version, event.data.ordinal]];
    const count = event.data.files.length + event.data.references.length;
    return Array.from({ length: count }, (_, ordinal) => [repositoryId, name, version, ordinal]);
  },
  evolve(_row, event, key): VersionRefRow | undefined {
    const { data } = event;
    const ordinal = key[3] as number;
    const named = namedBy(event, ordinal);
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
