/** Links by any digest of their bytes, and which bytes are still named anywhere. */
import type { Views } from '../port.ts';
import { type Argument, chunks, type Db, padded, prepared } from '../prepared.ts';
import type { LinkQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { linksTable } from './view.ts';

const linkRow = (row: object) => decodeRow(linksTable, row);

const byCanonical = prepared((db, p: Argument<{ repositoryId: string; digest: string }>) =>
  db
    .selectFrom('links')
    .selectAll()
    .where('repositoryId', '=', p('repositoryId'))
    .where('canonical', '=', p('digest')),
);
const byAlias = prepared((db, p: Argument<{ repositoryId: string; digest: string }>) =>
  db
    .selectFrom('linkAliases as a')
    .innerJoin('links as l', join =>
      join.onRef('l.repositoryId', '=', 'a.repositoryId').onRef('l.canonical', '=', 'a.canonical'),
    )
    .selectAll('l')
    .where('a.repositoryId', '=', p('repositoryId'))
    .where('a.alias', '=', p('digest')),
);

const byBytes = prepared((db, p: Argument<{ canonical: string }>) =>
  db
    .selectFrom('links')
    .select('repositoryId')
    .where('canonical', '=', p('canonical'))
    .orderBy('repositoryId'),
);

/** A version's deletion, or its repository's, whichever came first. */
const namedByVersions = (db: Db, canonicals: readonly string[], deletedAfter: string) =>
  db
    .selectFrom('versionRefs as n')
    .innerJoin('versions as v', join =>
      join
        .onRef('v.repositoryId', '=', 'n.repositoryId')
        .onRef('v.package', '=', 'n.package')
        .onRef('v.version', '=', 'n.version')
        .onRef('v.incarnation', '=', 'n.incarnation'),
    )
    .leftJoin('repositories as r', 'r.repositoryId', 'n.repositoryId')
    .select('n.canonical')
    .distinct()
    .where('n.canonical', 'in', padded(canonicals))
    .where(({ and, or, eb }) =>
      and([
        or([eb('v.status', '=', 'live'), eb('v.deletedAt', '>', deletedAfter)]),
        or([eb('r.deletedAt', 'is', null), eb('r.deletedAt', '>', deletedAfter)]),
      ]),
    );

const namedByLeases = (db: Db, canonicals: readonly string[], now: string) =>
  db
    .selectFrom('links')
    .select('canonical')
    .distinct()
    .where('canonical', 'in', padded(canonicals))
    .where('leaseUntil', '>', now);

export function linkQueries(views: Views): LinkQueries {
  return {
    async getLink(repositoryId, digest) {
      const [link] = await byCanonical(views, { repositoryId, digest });
      const [found] = link ? [link] : await byAlias(views, { repositoryId, digest });
      return found && linkRow(found);
    },
    async linkedIn(canonical) {
      return (await byBytes(views, { canonical })).map(({ repositoryId }) => repositoryId);
    },
    async referenced(canonicals, { deletedAfter, now }) {
      const found = new Set<string>();
      for (const some of chunks([...new Set(canonicals)], 256)) {
        const { kysely } = views.current();
        for (const row of await namedByVersions(kysely, some, deletedAfter).execute())
          found.add(row.canonical);
        for (const row of await namedByLeases(kysely, some, now).execute()) found.add(row.canonical);
      }
      return found;
    },
  };
}
