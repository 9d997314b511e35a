/** Descriptions of a package's versions, and packages by words. */
import { sql } from 'kysely';
import type { Views } from '../port.ts';
import { type Argument, padded, pageSize, prepared } from '../prepared.ts';
import type { DescriptionQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { type DescriptionRow, descriptionsTable } from './view.ts';

const descriptionRow = (row: object): DescriptionRow => decodeRow(descriptionsTable, row);

const getDescription = prepared(
  (db, p: Argument<{ repositoryId: string; package: string; version: string }>) =>
    db
      .selectFrom('descriptions')
      .selectAll()
      .where('repositoryId', '=', p('repositoryId'))
      .where('package', '=', p('package'))
      .where('version', '=', p('version')),
);
const listDescriptions = prepared(
  (db, p: Argument<{ repositoryId: string; package: string; after: string; limit: number }>) =>
    db
      .selectFrom('descriptions')
      .selectAll()
      .where('repositoryId', '=', p('repositoryId'))
      .where('package', '=', p('package'))
      .where('version', '>', p('after'))
      .orderBy('version')
      .limit(p('limit')),
);

/** Whether a column contains a word, whatever its case; the word's own % and _ mean nothing. */
const contains = (column: string, word: string) =>
  sql<boolean>`lower(${sql.ref(column)}) like ${`%${word.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`} escape '\\'`;
const MAX_WORDS = 8;

export function descriptionQueries(views: Views): DescriptionQueries {
  return {
    async getDescription(repositoryId, packageName, version) {
      const rows = await getDescription(views, { repositoryId, package: packageName, version });
      return rows.map(descriptionRow)[0];
    },
    async listDescriptions(repositoryId, packageName, { after = '', limit } = {}) {
      const args = { repositoryId, package: packageName, after, limit: pageSize(limit) };
      return (await listDescriptions(views, args)).map(descriptionRow);
    },
    async searchPackages({ repositoryIds, words, after, limit }) {
      if (repositoryIds.length === 0) return [];
      let query = views
        .current()
        .kysely.selectFrom('packages as k')
        .selectAll('k')
        .where('k.repositoryId', 'in', padded(repositoryIds))
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('versions as v')
              .select('v.version')
              .whereRef('v.repositoryId', '=', 'k.repositoryId')
              .whereRef('v.package', '=', 'k.package')
              .where('v.status', '=', 'live'),
          ),
        )
        .orderBy('k.repositoryId')
        .orderBy('k.package')
        .limit(pageSize(limit));
      for (const word of words.slice(0, MAX_WORDS))
        query = query.where(({ or, exists, selectFrom }) =>
          or([
            contains('k.displayName', word),
            exists(
              selectFrom('descriptions as d')
                .select('d.version')
                .whereRef('d.repositoryId', '=', 'k.repositoryId')
                .whereRef('d.package', '=', 'k.package')
                .where(contains('d.words', word)),
            ),
          ]),
        );
      if (after)
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('k.repositoryId', 'k.package'), '>', tuple(after.repositoryId, after.package)),
        );
      return (await query.execute()).map(row => ({ ...row }));
    },
  };
}
