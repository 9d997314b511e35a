/** Downloads per repository, and the sealed segments they were counted from. Bytes are a query over versionRefs. */
import { integer, nullable, type RowOf, table, text } from '../table.ts';
import { view } from '../view.ts';

export const downloadsTable = table({
  name: 'downloads',
  columns: { repositoryId: text(), count: integer(), countedTo: text() },
  primaryKey: ['repositoryId'],
  indexes: [],
});

export const downloads = view({
  table: downloadsTable,
  version: 1,
  types: ['DownloadSegmentSealed'],
  keysOf: ({ data }) => [...new Set(data.downloads.map(entry => entry.repositoryId))].map(id => [id]),
  evolve(row, { data }, [key]) {
    const repositoryId = String(key);
    let count = row?.count ?? 0;
    for (const entry of data.downloads) if (entry.repositoryId === repositoryId) count += entry.count;
    const countedTo = row && row.countedTo > data.to ? row.countedTo : data.to;
    return { repositoryId, count, countedTo };
  },
});

export const segmentsTable = table({
  name: 'downloadSegments',
  columns: {
    segment: text(),
    from: text(),
    to: text(),
    records: integer(),
    /** RFC 6962 Merkle root, hex */
    root: text(),
    evidence: text(),
    sealedAt: text(),
    expiredAt: nullable(text()),
  },
  primaryKey: ['segment'],
  indexes: [],
});
export type SegmentRow = RowOf<typeof segmentsTable.columns>;

export const downloadSegments = view({
  table: segmentsTable,
  version: 1,
  types: ['DownloadSegmentSealed', 'DownloadSegmentExpired'],
  overwrites: ['DownloadSegmentSealed'],
  keysOf: ({ data }) => [[data.segment]],
  evolve(row, event) {
    if (event.type === 'DownloadSegmentExpired') return row && { ...row, expiredAt: event.recordedAt };
    const { downloads: _counts, ...data } = event.data;
    return { ...data, sealedAt: event.recordedAt, expiredAt: null };
  },
});
