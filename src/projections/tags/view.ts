/** Tags as they were last assigned. Whether one counts is decided by joining the version's incarnation. */
import { type RowOf, table, text } from '../table.ts';
import { view } from '../view.ts';

export const tagsTable = table({
  name: 'tags',
  columns: {
    repositoryId: text(),
    package: text(),
    tag: text(),
    version: text(),
    incarnation: text(),
    assignedAt: text(),
    assignedBy: text(),
  },
  primaryKey: ['repositoryId', 'package', 'tag'],
  typical: [100_000, 10_000, 200, 1],
  indexes: [
    {
      name: 'tags_version',
      columns: ['repositoryId', 'package', 'version'],
      typical: [100_000, 10_000, 200, 2],
    },
  ],
});
export type TagRow = RowOf<typeof tagsTable.columns>;

export const tags = view({
  table: tagsTable,
  version: 1,
  types: ['TagAssigned', 'TagRemoved'],
  overwrites: ['TagAssigned', 'TagRemoved'],
  keysOf: ({ data }) => [[data.repositoryId, data.package, data.tag]],
  evolve(_row, event) {
    if (event.type === 'TagRemoved') return undefined;
    const { repositoryId, package: name, tag, version, incarnation } = event.data;
    return {
      repositoryId,
      package: name,
      tag,
      version,
      incarnation,
      assignedAt: event.recordedAt,
      assignedBy: event.meta.actor,
    };
  },
});
