/** Which blobs were brought into which repository, and under which other digests. */
import { integer, type RowOf, table, text } from '../table.ts';
import { view } from '../view.ts';

export const linksTable = table({
  name: 'links',
  columns: {
    repositoryId: text(),
    canonical: text(),
    size: integer(),
    via: text<'upload' | 'mount' | 'promotion'>(),
    leaseUntil: text(),
    linkedAt: text(),
    linkedBy: text(),
  },
  primaryKey: ['repositoryId', 'canonical'],
  indexes: [{ name: 'links_canonical', columns: ['canonical'] }],
});
export type LinkRow = RowOf<typeof linksTable.columns>;

export const links = view({
  table: linksTable,
  version: 1,
  types: ['BlobLinked', 'BlobUnlinked'],
  overwrites: ['BlobLinked', 'BlobUnlinked'],
  keysOf: ({ data }) => [[data.repositoryId, data.canonical]],
  evolve(_row, event) {
    if (event.type === 'BlobUnlinked') return undefined;
    const { repositoryId, canonical, size, via, leaseUntil } = event.data;
    const linked = { linkedAt: event.recordedAt, linkedBy: event.meta.actor };
    return { repositoryId, canonical, size, via, leaseUntil, ...linked };
  },
});

/** An alias stays true for its bytes after an unlink; queries join `links`. */
export const linkAliasesTable = table({
  name: 'linkAliases',
  columns: { repositoryId: text(), alias: text(), canonical: text() },
  primaryKey: ['repositoryId', 'alias'],
  indexes: [],
});

export const linkAliases = view({
  table: linkAliasesTable,
  version: 1,
  types: ['BlobLinked'],
  overwrites: ['BlobLinked'],
  keysOf: ({ data }) => (data.alias === undefined ? [] : [[data.repositoryId, data.alias]]),
  evolve: (_row, { data }, key) => ({
    repositoryId: data.repositoryId,
    alias: String(key[1]),
    canonical: data.canonical,
  }),
});
