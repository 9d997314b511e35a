/** Versions by name and by what they name. */
import type { Views } from '../port.ts';
import { type Argument, type Db, MAX_LIMIT, pageSize, prepared } from '../prepared.ts';
import type { NamingRow, VersionQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { versionsTable } from './view.ts';

const versionRow = (row: object) => decodeRow(versionsTable, row);

type PackageArgs = { repositoryId: string; package: string };

const getVersion = prepared((db, p: Argument<PackageArgs & { version: string }>) =>
  db
    .selectFrom('versions')
    .selectAll()
    .where('repositoryId', '=', p('repositoryId'))
    .where('package', '=', p('package'))
    .where('version', '=', p('version')),
);

/** What the current incarnations of versions name. */
const namings = (db: Db) =>
  db
    .selectFrom('versionRefs as n')
    .innerJoin('versions as v', join =>
      join
        .onRef('v.repositoryId', '=', 'n.repositoryId')
        .onRef('v.package', '=', 'n.package')
        .onRef('v.version', '=', 'n.version')
        .onRef('v.incarnation', '=', 'n.incarnation'),
    );

const versionByFile = prepared((db, p: Argument<PackageArgs & { digest: string }>) =>
  namings(db)
    .selectAll('v')
    .where('n.repositoryId', '=', p('repositoryId'))
    .where('n.package', '=', p('package'))
    .where('n.relation', '=', 'file')
    .where(({ or, eb }) =>
      or([
        eb('n.canonical', '=', p('digest')),
        eb('n.digest', '=', p('digest')).and('n.digest', '<>', eb.ref('n.canonical')),
      ]),
    )
    // live before deleted
    .orderBy('v.status', 'desc')
    .orderBy('v.version')
    .limit(1),
);

const referrers = prepared((db, p: Argument<PackageArgs & { subject: string }>) =>
  namings(db)
    .selectAll('v')
    .where('n.repositoryId', '=', p('repositoryId'))
    .where('n.package', '=', p('package'))
    .where('n.relation', '=', 'subject')
    .where('v.status', '=', 'live')
    .where(({ or, eb }) =>
      or([
        eb('n.canonical', '=', p('subject')),
        eb('n.digest', '=', p('subject')).and('n.digest', '<>', eb.ref('n.canonical')),
      ]),
    )
    .orderBy('v.version'),
);

type ListArgs = PackageArgs & { after: string; limit: number };
const listed = (db: Db, p: Argument<ListArgs>) =>
  db
    .selectFrom('versions')
    .selectAll()
    .where('repositoryId', '=', p('repositoryId'))
    .where('package', '=', p('package'))
    .where('version', '>', p('after'))
    .orderBy('version')
    .limit(p('limit'));
const listVersions = prepared((db, p: Argument<ListArgs>) => listed(db, p));
const listByStatus = prepared((db, p: Argument<ListArgs & { status: 'live' | 'deleted' }>) =>
  listed(db, p).where('status', '=', p('status')),
);

const placements = (db: Db) =>
  namings(db)
    .leftJoin('repositories as r', 'r.repositoryId', 'n.repositoryId')
    .select(['n.repositoryId', 'n.package', 'n.version', 'n.incarnation', 'n.relation'])
    .select(['n.digest', 'n.canonical', 'n.mediaType', 'n.size'])
    .select(({ eb, fn }) => [
      eb
        .case()
        .when('r.deletedAt', 'is not', null)
        .then('deleted')
        .else(eb.ref('v.status'))
        .end()
        .as('status'),
      fn.coalesce('v.deletedAt', 'r.deletedAt').as('deletedAt'),
    ]);

const versionsNaming = prepared((db, p: Argument<{ repositoryId: string; canonical: string }>) =>
  placements(db)
    .select(({ selectFrom }) =>
      selectFrom('tags as t')
        .select(({ fn }) => fn.countAll<number>().as('tags'))
        .whereRef('t.repositoryId', '=', 'n.repositoryId')
        .whereRef('t.package', '=', 'n.package')
        .whereRef('t.version', '=', 'n.version')
        .whereRef('t.incarnation', '=', 'v.incarnation')
        .where('v.status', '=', 'live')
        .as('tags'),
    )
    .where('n.canonical', '=', p('canonical'))
    .where('n.repositoryId', '=', p('repositoryId'))
    .orderBy('n.package')
    .orderBy('n.version')
    .orderBy('n.ordinal'),
);

type PlaceArgs = PackageArgs & { canonical: string; version: string; limit: number };
const placesOfSubject = prepared((db, p: Argument<PlaceArgs>) =>
  placements(db)
    .where('n.canonical', '=', p('canonical'))
    .where(({ eb, refTuple, tuple }) =>
      eb(
        refTuple('n.repositoryId', 'n.package', 'n.version'),
        '>',
        tuple(p('repositoryId'), p('package'), p('version')),
      ),
    )
    .orderBy('n.repositoryId')
    .orderBy('n.package')
    .orderBy('n.version')
    .orderBy('n.ordinal')
    .limit(p('limit')),
);

const START = { repositoryId: '', package: '', version: '' };

export function versionQueries(views: Views): VersionQueries {
  return {
    async getVersion(repositoryId, packageName, version) {
      return (await getVersion(views, { repositoryId, package: packageName, version })).map(versionRow)[0];
    },
    async versionByDigest(repositoryId, packageName, digest) {
      const at = { repositoryId, package: packageName };
      const [named] = await getVersion(views, { ...at, version: digest });
      if (named?.status === 'live') return versionRow(named);
      const [holder] = await versionByFile(views, { ...at, digest });
      const best = holder?.status === 'live' ? holder : (named ?? holder);
      return best && versionRow(best);
    },
    async listVersions(repositoryId, packageName, { status, after = '', limit } = {}) {
      const args = { repositoryId, package: packageName, after, limit: pageSize(limit) };
      const rows = await (status ? listByStatus(views, { ...args, status }) : listVersions(views, args));
      return rows.map(versionRow);
    },
    async versionsNaming(repositoryId, canonical) {
      const rows = await versionsNaming(views, { repositoryId, canonical });
      return rows.map(row => ({ ...row }) as NamingRow & { tags: number });
    },
    async placesOfSubject(canonical, { after, limit = MAX_LIMIT } = {}) {
      const rows = await placesOfSubject(views, { canonical, ...(after ?? START), limit: pageSize(limit) });
      return rows.map(row => ({ ...row }) as NamingRow);
    },
    async referrers(repositoryId, packageName, subject) {
      return (await referrers(views, { repositoryId, package: packageName, subject })).map(versionRow);
    },
  };
}
