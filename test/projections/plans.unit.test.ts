/**
 * How SQLite goes about the queries of hot paths. Without statistics it easily walks through a whole repository to
 * save itself sorting two rows (see `Typical`): here each must name the index that it searches.
 */
import { Kysely } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { VIEWS, type ViewTables } from '../../src/projections/catalogue.ts';
import { createIndexSql, createViewTables } from '../../src/projections/ddl.ts';
import type { Views } from '../../src/projections/port.ts';
import { createQueries, type Queries } from '../../src/projections/queries.ts';
import { openSqlite, sqliteDialect } from '../../src/sql/sqlite.ts';

const db = openSqlite(':memory:', 'building');
createViewTables(
  db,
  VIEWS.map(({ table }) => table),
);
for (const { table } of VIEWS) for (const index of table.indexes) db.exec(createIndexSql(table, index));
db.exec('ANALYZE sqlite_schema');
afterAll(() => db.close());

/** The steps of all statements that a question comes to, one per line. */
async function planOf(ask: (queries: Queries) => Promise<unknown>): Promise<string> {
  const steps: string[] = [];
  const explaining = {
    ...db,
    all(sql: string, parameters: readonly unknown[]) {
      for (const row of db.all(`EXPLAIN QUERY PLAN ${sql}`, parameters)) steps.push(String(row.detail));
      return db.all(sql, parameters);
    },
  };
  const current = { kysely: new Kysely<ViewTables>({ dialect: sqliteDialect(() => explaining) }) };
  await ask(createQueries({ current: () => current } as unknown as Views));
  return steps.join('\n');
}

describe('SQLite searches by index', () => {
  const window = { deletedAfter: 'a', now: 'b' };
  const questions: Record<string, [(queries: Queries) => Promise<unknown>, ...RegExp[]]> = {
    repositoryByName: [q => q.repositoryByName('p', 'r'), /projects_name/],
    getTag: [q => q.getTag('r', 'p', 't'), /t USING PRIMARY KEY \(repositoryId=\? AND package=\? AND tag=\?/],
    listTags: [q => q.listTags('r', 'p'), /t USING PRIMARY KEY \(repositoryId=\? AND package=\? AND tag>/],
    tagsOfVersion: [
      q => q.tagsOfVersion('r', 'p', 'v'),
      /tags_version \(repositoryId=\? AND package=\? AND version=/,
    ],
    getVersion: [q => q.getVersion('r', 'p', 'v'), /repositoryId=\? AND package=\? AND version=/],
    versionByDigest: [
      q => q.versionByDigest('r', 'p', 'd'),
      /n USING .*versionRefs_canonical/,
      /versionRefs_alias/,
    ],
    versionsNaming: [
      q => q.versionsNaming('r', 'd'),
      /versionRefs_canonical \(canonical=\? AND repositoryId=/,
    ],
    placesOfSubject: [q => q.placesOfSubject('d'), /versionRefs_canonical \(canonical=/],
    referrers: [q => q.referrers('r', 'p', 'd'), /versionRefs_canonical/, /versionRefs_alias/],
    getLink: [q => q.getLink('r', 'd'), /links USING .*\(repositoryId=\? AND canonical=/, /a USING .*alias=/],
    packagesUnderHolds: [
      q => q.packagesUnderHolds(['a', 'b']),
      /h USING .*holds_repository/,
      /n USING .*versionRefs_canonical \(canonical=\? AND repositoryId=/,
      /v USING .*versions_purl \(purlSubject=\? AND repositoryId=/,
    ],
    openHolds: [q => q.openHolds({ subjects: ['a', 'b'] }), /holds USING .*target=/],
    listHolds: [
      q => q.listHolds({ repositoryId: 'r' }),
      /versionRefs_canonical \(canonical=\? AND repositoryId=/,
    ],
    referenced: [
      q => q.referenced(['a', 'b'], window),
      /versionRefs_canonical \(canonical=/,
      /links_canonical/,
    ],
    principalByNameHash: [q => q.principalByNameHash('n'), /principals_name/],
    grantsOf: [q => q.grantsOf('u'), /grants_principal/],
    attachmentsFor: [q => q.attachmentsFor([{ kind: 'instance' }]), /scopeKey=/],
    'activity of a repository': [
      q => q.activity({ repositoryId: 'r' }),
      /activity_repository \(repositoryId=\? AND position</,
    ],
    'activity of a package': [
      q => q.activity({ repositoryId: 'r', package: 'p' }),
      /activity_package \(.*package=\? AND position</,
    ],
    'activity of an actor': [q => q.activity({ actor: 'u' }), /activity_actor \(actor=\? AND position</],
    'activity on a subject': [
      q => q.activity({ subject: 's' }),
      /activity_subject \(subject=\? AND position</,
    ],
    decisions: [q => q.activity({ decidedOnly: true }), /activity_decided \(position</],
    decidedEvent: [q => q.decidedEvent('e'), /activity_decidedEvent \(eventId=/],
    'open promotions': [q => q.listPromotions({ openOnly: true }), /promotions_open/],
  };

  test.each(Object.entries(questions))('%s', async (_name, [ask, ...expected]) => {
    const plan = await planOf(ask);
    for (const step of expected) expect(plan).toMatch(step);
    expect(plan).not.toMatch(/SCAN/);
  });
});
