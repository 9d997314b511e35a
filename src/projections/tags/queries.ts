/** Tags that count: those whose incarnation is the live one. */
import type { Views } from '../port.ts';
import { type Argument, type Db, pageSize, prepared } from '../prepared.ts';
import type { TagQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { tagsTable } from './view.ts';

const tagRow = (row: object) => decodeRow(tagsTable, row);

type PackageArgs = { repositoryId: string; package: string };

const live = (db: Db, p: Argument<PackageArgs>) =>
  db
    .selectFrom('tags as t')
    .innerJoin('versions as v', join =>
      join
        .onRef('v.repositoryId', '=', 't.repositoryId')
        .onRef('v.package', '=', 't.package')
        .onRef('v.version', '=', 't.version')
        .onRef('v.incarnation', '=', 't.incarnation')
        .on('v.status', '=', 'live'),
    )
    .selectAll('t')
    .where('t.repositoryId', '=', p('repositoryId'))
    .where('t.package', '=', p('package'));

const getTag = prepared((db, p: Argument<PackageArgs & { tag: string }>) =>
  live(db, p).where('t.tag', '=', p('tag')),
);
const listTags = prepared((db, p: Argument<PackageArgs & { after: string; limit: number }>) =>
  live(db, p).where('t.tag', '>', p('after')).orderBy('t.tag').limit(p('limit')),
);
const tagsOfVersion = prepared((db, p: Argument<PackageArgs & { version: string }>) =>
  live(db, p).where('t.version', '=', p('version')).orderBy('t.tag'),
);

export function tagQueries(views: Views): TagQueries {
  return {
    async getTag(repositoryId, packageName, tag) {
      return (await getTag(views, { repositoryId, package: packageName, tag })).map(tagRow)[0];
    },
    async listTags(repositoryId, packageName, { after = '', limit } = {}) {
      const args = { repositoryId, package: packageName, after, limit: pageSize(limit) };
      return (await listTags(views, args)).map(tagRow);
    },
    async tagsOfVersion(repositoryId, packageName, version) {
      return (await tagsOfVersion(views, { repositoryId, package: packageName, version })).map(tagRow);
    },
  };
}
