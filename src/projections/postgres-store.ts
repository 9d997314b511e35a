/**
 * Views in PostgreSQL: a schema per generation, and one table that says which there are. Several nodes share them:
 * whoever locks a generation's row moves it. Generations of different shapes (old and new program during an upgrade)
 * live side by side; each program serves its own.
 */
import { refuse } from '../domain/errors.ts';
import { kyselyOn, openPool, postgresFailure, quoted } from '../sql/postgres.ts';
import { createPlanner } from './batch.ts';
import type { ViewTables } from './catalogue.ts';
import type { Opened, Views, ViewsDb, ViewsOptions } from './port.ts';
import {
  type Administration,
  builderLocks,
  createAdministration,
  createGeneration,
  createIndexes,
  drop,
  findServing,
  flip,
  tend,
} from './postgres-admin.ts';
import { postgresGeneration } from './postgres-generation.ts';
import type { AnyView } from './view.ts';

type Options = ViewsOptions & { readonly definitions: readonly AnyView[] };

export async function openPostgresViews(options: Options): Promise<Views> {
  const { definitions, schema = 'strongroom_views', graceMs = 15_000 } = options;
  const pool = openPool({ url: options.url });
  const admin: Administration = {
    pool,
    table: `${quoted(schema)}."generations"`,
    schemaOf: number => `${schema}_${number}`,
    lockName: `strongroom ${schema}`,
  };
  try {
    await createAdministration(admin, schema);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const planner = createPlanner(definitions);
  const locks = builderLocks(admin);
  let serving: { readonly number: number; readonly db: ViewsDb } | undefined;
  let shape = '';

  const generation = (number: number) =>
    postgresGeneration({
      pool,
      number,
      table: admin.table,
      schema: admin.schemaOf(number),
      planner,
      beforeCommit: options.beforeCommit,
    });
  const serve = (number: number) => {
    serving = { number, db: { kysely: kyselyOn<ViewTables>(pool, admin.schemaOf(number)) } };
  };

  return {
    definitions,
    current() {
      if (!serving) throw refuse('VIEWS_BEHIND', { reason: 'the views are being built', retryAfter: 5 });
      return serving.db;
    },
    async open(identity): Promise<Opened> {
      shape = identity.shape;
      const found = await findServing(admin, identity, definitions.length);
      if ('reason' in found) {
        serving = undefined;
        return found;
      }
      serve(found.number);
      return { generation: generation(found.number) };
    },
    async discard() {
      if (serving) await drop(admin, serving.number);
      serving = undefined;
    },
    async build(identity, start) {
      shape = identity.shape;
      const number = await locks.whenFree(() =>
        createGeneration(admin, definitions, { ...identity, checkpoint: start }),
      );
      return number === undefined ? undefined : generation(number);
    },
    finish: ({ number }) => createIndexes(admin, definitions, number),
    async flip(built, catchUp) {
      const { number } = built;
      await flip(admin, { number, shape, catchUp });
      serve(number);
      await locks.release();
      return built;
    },
    async abandon({ number }) {
      await drop(admin, number).catch(() => {});
      await locks.release();
    },
    tend: ({ number }) => tend(admin, { number, shape, graceMs }),
    failure: postgresFailure,
    async close() {
      serving = undefined;
      await locks.release();
      if (!pool.ending) await pool.end();
    },
  };
}
