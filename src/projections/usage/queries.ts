/** How much is stored and fetched. */
import type { Views } from '../port.ts';
import { type Argument, type Db, pageSize, prepared } from '../prepared.ts';
import type { UsageQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { segmentsTable } from './view.ts';

/** Bytes that versions have of their own; children and subjects are versions themselves. */
const OWN = ['file', 'config', 'layer'] as const;

/** PostgreSQL sums to a decimal, which comes as text; nothing at all sums to null. */
type Sum = string | number | null;

/** Each digest that a live version names, once, with its size. */
const liveBytes = (db: Db) =>
  db
    .selectFrom('versionRefs as n')
    .innerJoin('versions as v', join =>
      join
        .onRef('v.repositoryId', '=', 'n.repositoryId')
        .onRef('v.package', '=', 'n.package')
        .onRef('v.version', '=', 'n.version')
        .onRef('v.incarnation', '=', 'n.incarnation')
        .on('v.status', '=', 'live'),
    )
    .where('n.relation', 'in', OWN)
    .groupBy('n.canonical')
    .select(({ fn }) => fn.max('n.size').as('size'));

const bytesOf = prepared((db, p: Argument<{ repositoryId: string }>) =>
  db
    .selectFrom(liveBytes(db).where('n.repositoryId', '=', p('repositoryId')).as('b'))
    .select(({ fn }) => fn.sum<Sum>('b.size').as('bytes')),
);
const versionsOf = prepared((db, p: Argument<{ repositoryId: string }>) =>
  db
    .selectFrom('versions')
    .select(({ fn }) => fn.countAll<number>().as('versions'))
    .where('repositoryId', '=', p('repositoryId'))
    .where('status', '=', 'live'),
);
const downloadsOf = prepared((db, p: Argument<{ repositoryId: string }>) =>
  db.selectFrom('downloads').select('count').where('repositoryId', '=', p('repositoryId')),
);

const inExisting = (db: Db) =>
  db.selectFrom('repositories').select('repositoryId').where('deletedAt', 'is', null);

const totalBytes = prepared((db, _p: Argument<object>) =>
  db
    .selectFrom(liveBytes(db).where('n.repositoryId', 'in', inExisting(db)).as('b'))
    .select(({ fn }) => fn.sum<Sum>('b.size').as('bytes')),
);
const totals = prepared((db, _p: Argument<object>) =>
  db.selectNoFrom(({ selectFrom }) => [
    selectFrom('repositories')
      .where('deletedAt', 'is', null)
      .select(({ fn }) => fn.countAll<number>().as('n'))
      .as('repositories'),
    selectFrom('versions')
      .where('status', '=', 'live')
      .where('repositoryId', 'in', inExisting(db))
      .select(({ fn }) => fn.countAll<number>().as('n'))
      .as('versions'),
    selectFrom('downloads')
      .where('repositoryId', 'in', inExisting(db))
      .select(({ fn }) => fn.sum<Sum>('count').as('n'))
      .as('downloads'),
  ]),
);
const listSegments = prepared((db, p: Argument<{ after: string; limit: number }>) =>
  db
    .selectFrom('downloadSegments')
    .selectAll()
    .where('segment', '>', p('after'))
    .orderBy('segment')
    .limit(p('limit')),
);

export function usageQueries(views: Views): UsageQueries {
  return {
    async usage(repositoryId) {
      const [bytes] = await bytesOf(views, { repositoryId });
      const [versions] = await versionsOf(views, { repositoryId });
      const [downloads] = await downloadsOf(views, { repositoryId });
      return {
        repositoryId,
        versions: versions?.versions ?? 0,
        bytes: Number(bytes?.bytes ?? 0),
        downloads: downloads?.count ?? 0,
      };
    },
    async usageTotals() {
      const [bytes] = await totalBytes(views, {});
      const [row] = await totals(views, {});
      return {
        repositories: row?.repositories ?? 0,
        versions: row?.versions ?? 0,
        bytes: Number(bytes?.bytes ?? 0),
        downloads: Number(row?.downloads ?? 0),
      };
    },
    async listDownloadSegments({ after = '', limit } = {}) {
      const rows = await listSegments(views, { after, limit: pageSize(limit) });
      return rows.map(row => decodeRow(segmentsTable, row));
    },
  };
}
