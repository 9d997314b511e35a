/** What versions say about themselves, from the documents that events name by digest: for indexes and for search. */
import type { Description } from '../../domain/values/description.ts';
import { json, nullable, type RowOf, table, text } from '../table.ts';
import { type EventOf, view } from '../view.ts';

export const descriptionsTable = table({
  name: 'descriptions',
  columns: {
    repositoryId: text(),
    package: text(),
    version: text(),
    summary: nullable(text()),
    /** SPDX expression */
    license: nullable(text()),
    homepage: nullable(text()),
    sourceRepository: nullable(text()),
    /** lower case: summary and keywords */
    words: text(),
    description: json<Description>(),
  },
  primaryKey: ['repositoryId', 'package', 'version'],
  typical: [100_000, 10_000, 200, 1],
  indexes: [],
});
export type DescriptionRow = RowOf<typeof descriptionsTable.columns>;

const MAX_WORDS = 4000;

function described(event: EventOf<'VersionPublished' | 'VersionFileAdded'>): DescriptionRow | undefined {
  const { data } = event;
  const description = event.document as Description | undefined;
  if (!description) return undefined;
  const { summary, license, homepage, repository, keywords = [] } = description;
  return {
    repositoryId: data.repositoryId,
    package: data.package,
    version: data.version,
    summary: summary ?? null,
    license: license ?? null,
    homepage: homepage ?? null,
    sourceRepository: repository ?? null,
    words: [summary ?? '', ...keywords].join(' ').toLowerCase().slice(0, MAX_WORDS),
    description,
  };
}

export const descriptions = view({
  table: descriptionsTable,
  version: 1,
  types: ['VersionPublished', 'VersionFileAdded'],
  overwrites: ['VersionPublished'],
  keysOf: event =>
    event.type === 'VersionFileAdded' && event.data.metadata === undefined
      ? []
      : [[event.data.repositoryId, event.data.package, event.data.version]],
  evolve: (row, event) => described(event) ?? (event.type === 'VersionPublished' ? undefined : row),
});
