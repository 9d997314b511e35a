/** Packages of a repository, and the catalogue over repositories. */
import type { Views } from '../port.ts';
import { type Argument, type Db, padded, pageSize, prepared } from '../prepared.ts';
import type { CatalogueEntry, PackageQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { packagesTable } from './view.ts';

const packageRow = (row: object) => decodeRow(packagesTable, row);

const getPackage = prepared((db, p: Argument<{ repositoryId: string; package: string }>) =>
  db
    .selectFrom('packages')
    .selectAll()
    .where('repositoryId', '=', p('repositoryId'))
    .where('package', '=', p('package')),
);
const listPackages = prepared((db, p: Argument<{ repositoryId: string; after: string; limit: number }>) =>
  db
    .selectFrom('packages')
    .selectAll()
    .where('repositoryId', '=', p('repositoryId'))
    .where('package', '>', p('after'))
    .orderBy('package')
    .limit(p('limit')),
);

const withLiveVersions = (db: Db) =>
  db
    .selectFrom('packages as k')
    .innerJoin('repositories as r', 'r.repositoryId', 'k.repositoryId')
    .innerJoin('projects as p', 'p.projectId', 'r.projectId')
    .select(['p.name as projectName', 'r.name as repositoryName', 'k.repositoryId', 'k.package'])
    .where('r.deletedAt', 'is', null)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('versions as v')
          .select('v.version')
          .whereRef('v.repositoryId', '=', 'k.repositoryId')
          .whereRef('v.package', '=', 'k.package')
          .where('v.status', '=', 'live'),
      ),
    );

export function packageQueries(views: Views): PackageQueries {
  return {
    async getPackage(repositoryId, packageName) {
      return (await getPackage(views, { repositoryId, package: packageName })).map(packageRow)[0];
    },
    async listPackages(repositoryId, { after = '', limit } = {}) {
      const rows = await listPackages(views, { repositoryId, after, limit: pageSize(limit) });
      return rows.map(packageRow);
    },
    async listAllPackages({ repositoryIds, format, after, limit } = {}): Promise<CatalogueEntry[]> {
      if (repositoryIds?.length === 0) return [];
      let query = withLiveVersions(views.current().kysely)
        .orderBy('p.name')
        .orderBy('r.name')
        .orderBy('k.package')
        .limit(pageSize(limit));
      if (repositoryIds) query = query.where('k.repositoryId', 'in', padded(repositoryIds));
      if (format !== undefined) query = query.where('k.format', '=', format);
      if (after)
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(
            refTuple('p.name', 'r.name', 'k.package'),
            '>',
            tuple(after.projectName, after.repositoryName, after.package),
          ),
        );
      return (await query.execute()).map(row => ({ ...row }));
    },
  };
}
