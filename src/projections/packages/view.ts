/** Packages by repository and name. */
import { type RowOf, table, text } from '../table.ts';
import { view } from '../view.ts';

export const packagesTable = table({
  name: 'packages',
  columns: {
    repositoryId: text(),
    /** normalised as the ecosystem says */
    package: text(),
    format: text(),
    displayName: text(),
    createdAt: text(),
    createdBy: text(),
  },
  primaryKey: ['repositoryId', 'package'],
  indexes: [],
});
export type PackageRow = RowOf<typeof packagesTable.columns>;

export const packages = view({
  table: packagesTable,
  version: 1,
  types: ['PackageRegistered'],
  overwrites: ['PackageRegistered'],
  keysOf: ({ data }) => [[data.repositoryId, data.name]],
  evolve: (_row, { data, recordedAt, meta }) => ({
    repositoryId: data.repositoryId,
    package: data.name,
    format: data.format,
    displayName: data.displayName,
    createdAt: recordedAt,
    createdBy: meta.actor,
  }),
});
