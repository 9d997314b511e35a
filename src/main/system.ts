/** The running registry without a listener: stores, views, use cases, jobs. The server and host commands share it. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pino from 'pino';
import { type Authenticator, createAuthenticator } from '../access/authenticate.ts';
import { type Bearers, createBearers } from '../access/bearer.ts';
import type { AccessDirectory } from '../access/directory.ts';
import { createNameHash } from '../access/names.ts';
import { createPasswords } from '../access/passwords.ts';
import { createSealing } from '../access/sealing.ts';
import { bootstrap, type FirstStart } from '../application/bootstrap.ts';
import { createHotCache } from '../application/cache.ts';
import { type Consistency, createConsistency } from '../application/consistency.ts';
import type { Core, Logger, Settings } from '../application/core.ts';
import { createDenialRecorder } from '../application/denials.ts';
import { createDocuments } from '../application/documents.ts';
import { createDownloadRecorder } from '../application/downloads.ts';
import { metadata } from '../application/handle.ts';
import { createRegistry, type Registry } from '../application/registry.ts';
import { createSnapshots } from '../application/snapshots.ts';
import { createStamps, type Stamps } from '../application/stamps.ts';
import { createStreams } from '../application/streams.ts';
import type { Config } from '../config.ts';
import type { JsonObject } from '../domain/values/json.ts';
import type { EvidenceStore } from '../evidence/port.ts';
import { moduleSource, shippedSets } from '../policies/library.ts';
import { WasmEvaluator } from '../policies/wasm/evaluator.ts';
import { createQueries, type Queries } from '../projections/queries.ts';
import { createRunner, type Runner } from '../projections/runner.ts';
import { openViews, type Views } from '../projections/store.ts';
import { PROTOCOLS } from '../protocols/index.ts';
import { domainCode } from './domain-code.ts';
import { claimBlobs, openStores, type Stores } from './stores.ts';
import { VERSION } from './version.ts';

export interface System {
  readonly config: Config;
  readonly core: Core;
  readonly consistency: Consistency;
  readonly registry: Registry;
  readonly authenticator: Authenticator;
  readonly stores: Stores;
  readonly runner: Runner;
  readonly logger: Logger;
  readonly firstStart: FirstStart;
  /** names this process among those that share its folders */
  readonly node: string;
  close(): Promise<void>;
}

export async function openSystem(config: Config, onBroken: (error: Error) => void): Promise<System> {
  const logger = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const stores = await openStores(config, { onBroken });
  await claimBlobs(stores, config).catch(async error => {
    await stores.close();
    throw error;
  });
  const { runner, views, queries } = await openProjections(config, stores, logger);
  const node = randomUUID().slice(0, 8);
  const stamps = createStamps();
  const core = createCore({ stamps, config, stores, runner, queries, logger, node });
  const consistency = createConsistency(core);
  const directory = accessDirectory(core);
  const bearers = createBearers({ vault: stores.vault, directory });
  const authenticator = createAuthenticator({
    vault: stores.vault,
    directory,
    bearers,
    passwords: core.access.passwords,
    maxStalenessMs: config.maxStalenessMs,
  });
  runner.onApplied(events => {
    core.hot.invalidate(events);
    stamps.invalidate(events);
  });
  runner.onReset(() => {
    core.hot.clear();
    stamps.clear();
  });
  await runner.started;
  const registry = createRegistry(core, consistency, issuer(bearers));
  const formats = PROTOCOLS.map(({ format }) => format);
  const firstStart = await bootstrap(core, consistency, { formats, adminPassword: config.adminPassword });
  return {
    ...{ config, core, consistency, registry, authenticator, stores, runner, logger, firstStart, node },
    async close() {
      await core.denials.flush(true);
      await core.downloads.flush();
      await runner.close();
      await views.close();
      await stores.close();
    },
  };
}

async function openProjections(config: Config, stores: Stores, logger: Logger) {
  const url = config.viewsUrl.startsWith('postgres')
    ? config.viewsUrl
    : `sqlite:${join(config.data, 'views.db')}`;
  const views: Views = await openViews({ url });
  const runner = createRunner({
    log: stores.log,
    store: views,
    documents: digest => documentIn(stores.evidence, digest),
    onNotice: text => logger.info({}, text),
    ...(isDense(stores.log.start)
      ? { distance: (from: string, to: string) => Number(to) - Number(from) }
      : {}),
  });
  const queries: Queries = createQueries(views);
  return { views, runner, queries };
}

/** What an event names in evidence, for the folds of views. */
export async function documentIn(evidence: EvidenceStore, digest: string): Promise<JsonObject | undefined> {
  const bytes = await evidence.get(digest);
  return bytes === undefined || bytes === 'erased' ? undefined : JSON.parse(Buffer.from(bytes).toString());
}

/** SQLite and PostgreSQL number events without gaps; KurrentDB's positions are offsets in bytes, which tell no number. */
const isDense = (position: string) => /^\d{20}$/.test(position);

interface Parts {
  readonly stamps: Stamps;
  readonly config: Config;
  readonly stores: Stores;
  readonly runner: Runner;
  readonly queries: Queries;
  readonly logger: Logger;
  readonly node: string;
}

function createCore({ stamps, config, stores, runner, queries, logger, node }: Parts): Core {
  const { log, evidence, vault, keys, blobs, journal, fence, collection, snapshots } = stores;
  const now = () => new Date();
  const shipped = moduleSource(shippedSets());
  const core: Core = {
    ...{ log, blobs, evidence, queries, fence, collection, logger, now },
    streams: createStreams(log, {
      snapshots: createSnapshots({ log, store: snapshots, code: domainCode() }),
    }),
    views: {
      position: () => runner.position(),
      reached: (position, timeoutMs) => runner.reached(position, timeoutMs),
      rebuilding: () => runner.status().rebuilding || !runner.status().ready,
    },
    hot: createHotCache(),
    documents: createDocuments(stamps),
    evaluator: new WasmEvaluator(),
    modules: async digest => {
      const known = await shipped(digest);
      if (known) return known;
      const kept = await evidence.get(digest);
      return kept === 'erased' ? undefined : kept;
    },
    sealing: createSealing(keys),
    access: {
      vault,
      passwords: createPasswords(),
      nameHash: createNameHash(vault),
      forget: personId => keys.forget(personId),
    },
    denials: createDenialRecorder({
      log,
      now,
      newId: randomUUID,
      meta: ({ caller, roles, at, decision }, commandId) =>
        metadata(core, { caller, roles, at, commandId, verdict: { recorded: decision } }),
      onError: error => logger.error({ error: String(error) }, 'a denial could not be recorded'),
    }),
    downloads: createDownloadRecorder(journal, now, node),
    newId: randomUUID,
    settings: settingsOf(config),
  };
  return core;
}

function settingsOf(config: Config): Settings {
  const { leaseMs, restoreWindowMs, maxStalenessMs, maxBlobBytes } = config;
  return {
    producer: `strongroom/${VERSION}`,
    leaseMs,
    restoreWindowMs,
    viewWaitMs: 10_000,
    maxStalenessMs,
    maxBlobBytes,
  };
}

/** The views as authentication asks them: from memory, dropped by every event about access. */
function accessDirectory({ queries, hot }: Pick<Core, 'queries' | 'hot'>): AccessDirectory {
  return {
    principalByNameHash: hash => hot.get('global', `name ${hash}`, () => queries.principalByNameHash(hash)),
    principalById: id => hot.get('global', `principal ${id}`, () => queries.principalById(id)),
    tokenById: id => hot.get('global', `token ${id}`, () => queries.tokenById(id)),
    grantsOf: id => hot.get('global', `grants ${id}`, () => queries.grantsOf(id)),
  };
}

function issuer(bearers: Bearers): Registry['issueBearer'] {
  return (caller, service, access) =>
    bearers.issueBearer({
      caller,
      service,
      access: access.map(({ actions, ...rest }) => ({ ...rest, actions: [...actions] })),
    });
}
