/** Open holds. */
import type { Views } from '../port.ts';
import { type Argument, chunks, type Db, padded, pageSize, prepared } from '../prepared.ts';
import type { HoldQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { type HoldRow, holdsTable, placeTarget, subjectTarget } from './view.ts';

const holdRow = (row: object) => decodeRow(holdsTable, row);

const MAX_IDS = 512;

/** The targets of a small version in one parameter each; `padded` keeps the number of shapes small. */
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const names = (size: number) => Array.from({ length: size }, (_, at) => `t${at}`);
const ofTargets = new Map(
  SIZES.map(size => [
    size,
    prepared((db, p: Argument<Record<string, string>>) =>
      db
        .selectFrom('holds')
        .selectAll()
        .where('target', 'in', names(size).map(p))
        .orderBy('target')
        .orderBy('holdId'),
    ),
  ]),
);

const listHolds = prepared((db, p: Argument<{ after: string; limit: number }>) =>
  db.selectFrom('holds').selectAll().where('position', '>', p('after')).orderBy('position').limit(p('limit')),
);
const listOfRepository = prepared((db, p: Argument<{ repositoryId: string; after: string; limit: number }>) =>
  db
    .selectFrom('holds as h')
    .selectAll('h')
    .where('h.position', '>', p('after'))
    .where(({ or, eb, exists, selectFrom }) =>
      or([
        eb('h.repositoryId', '=', p('repositoryId')),
        exists(
          selectFrom('versionRefs as n')
            .innerJoin('versions as v', join =>
              join
                .onRef('v.repositoryId', '=', 'n.repositoryId')
                .onRef('v.package', '=', 'n.package')
                .onRef('v.version', '=', 'n.version')
                .onRef('v.incarnation', '=', 'n.incarnation'),
            )
            .select('n.canonical')
            .whereRef('n.canonical', '=', 'h.subject')
            .where('n.repositoryId', '=', p('repositoryId')),
        ),
      ]),
    )
    .orderBy('h.position')
    .limit(p('limit')),
);
const holdById = prepared((db, p: Argument<{ holdId: string }>) =>
  db.selectFrom('holds').selectAll().where('holdId', '=', p('holdId')).orderBy('target', 'desc').limit(1),
);

/** From the holds, which are few, to what they bind: SQLite joins in the order of a cross join. */
function underHolds(db: Db, repositoryIds: readonly string[]) {
  const onPlaces = db
    .selectFrom('holds as h')
    .select(({ ref }) => [
      ref('h.repositoryId').$notNull().as('repositoryId'),
      ref('h.package').$notNull().as('package'),
    ])
    .where('h.repositoryId', 'in', repositoryIds);
  const onBytes = db
    .selectFrom('holds as h')
    .crossJoin('versionRefs as n')
    .select(['n.repositoryId', 'n.package'])
    .where('h.repositoryId', 'is', null)
    .whereRef('n.canonical', '=', 'h.subject')
    .where('n.repositoryId', 'in', repositoryIds);
  const onNames = db
    .selectFrom('holds as h')
    .crossJoin('versions as v')
    .select(['v.repositoryId', 'v.package'])
    .where('h.repositoryId', 'is', null)
    .whereRef('v.purlSubject', '=', 'h.subject')
    .where('h.subject', 'like', 'pkg:%')
    .where('v.repositoryId', 'in', repositoryIds);
  return onPlaces.union(onBytes).union(onNames);
}

export function holdQueries(views: Views): HoldQueries {
  return {
    async openHolds({ subjects, place, places = [] }) {
      const targets = new Set([...subjects.map(subjectTarget), ...places.map(placeTarget)]);
      if (place) targets.add(placeTarget(place));
      const found: HoldRow[] = [];
      for (const some of chunks([...targets], SIZES.at(-1)!)) {
        const all = padded(some);
        const args = Object.fromEntries(all.map((target, at) => [`t${at}`, target]));
        for (const row of await ofTargets.get(all.length)!(views, args)) found.push(holdRow(row));
      }
      return found;
    },
    async listHolds({ repositoryId, after = '', limit } = {}) {
      const page = { after, limit: pageSize(limit) };
      const rows = await (repositoryId === undefined
        ? listHolds(views, page)
        : listOfRepository(views, { ...page, repositoryId }));
      return rows.map(holdRow);
    },
    async packagesUnderHolds(repositoryIds) {
      const found = [];
      for (const some of chunks(repositoryIds, MAX_IDS))
        found.push(...(await underHolds(views.current().kysely, padded(some)).execute()));
      return found;
    },
    async holdById(holdId) {
      return (await holdById(views, { holdId })).map(holdRow)[0];
    },
  };
}
