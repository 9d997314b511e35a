/**
 * The fence between publishers and the collector over all processes of a server: one PostgreSQL advisory lock, shared
 * or exclusive. A lock lives as long as its session: a process that dies gives it back with its connection.
 * It needs sessions of its own, so no pooler in transaction mode may stand between.
 * https://www.postgresql.org/docs/15/explicit-locking.html#ADVISORY-LOCKS
 */
import pg from 'pg';
import type { Fence } from '../application/fence.ts';
import { refuse, type StrongroomError } from '../domain/errors.ts';

export interface PostgresFenceOptions {
  /** which of the fences; default `publish` */
  readonly lock?: keyof typeof LOCKS;
  /** ms that a publisher waits at most; default 10 000 */
  readonly sharedWaitMs?: number;
  /** ms that the collector waits at most: publishers queue behind it as long; default 5000 */
  readonly exclusiveWaitMs?: number;
  /** ms after which sharers that join look whether somebody waits to be alone; default 50 */
  readonly lookAfterMs?: number;
}

export type PostgresFence = Fence & { close(): Promise<void> };

/** Any number that no other advisory lock of this database has: "strong" as text. */
const HIGH = 0x7374;
const LOCKS = { publish: 0x726f_6e67, collection: 0x726f_6e68 };
const LOCK_TIMEOUT = '55P03';
const MAX_SESSIONS = 8;
const waiting = (
  low: number,
) => `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = ${HIGH} AND objid = ${low}
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND NOT granted LIMIT 1`;

/** One fence's lock, and the sessions to hold it on. */
interface Sessions {
  readonly pool: pg.Pool;
  readonly low: number;
}

type Mode = 'shared' | 'exclusive';

/** A database lock on a session of its own. */
interface Held {
  /** still there, as far as the client knows */
  intact(): boolean;
  somebodyWaits(): Promise<boolean>;
  /** Gives it back. @throws LOG_UNAVAILABLE when it was lost before: the work was not fenced to its end */
  release(): Promise<void>;
}

/** @throws StrongroomError LOG_UNAVAILABLE when the database cannot be reached */
export async function openPostgresFence(
  url: string,
  options: PostgresFenceOptions = {},
): Promise<PostgresFence> {
  const { lock = 'publish', sharedWaitMs = 10_000, exclusiveWaitMs = 5000, lookAfterMs = 50 } = options;
  const pool = openSessions(url, Math.max(sharedWaitMs, exclusiveWaitMs) + 5000);
  const sessions = { pool, low: LOCKS[lock] };
  const sharing = createSharing(() => acquire(sessions, 'shared', sharedWaitMs), lookAfterMs);
  /** settles when those of this process who want to be alone, and came first, are done */
  let before: Promise<unknown> = Promise.resolve();

  const fence: PostgresFence = {
    async shared(work) {
      await within(before, sharedWaitMs + exclusiveWaitMs);
      const leave = await sharing.join();
      try {
        return await work();
      } finally {
        leave();
      }
    },
    async exclusive(work) {
      sharing.admitNoMore();
      const alone = before.then(() => runAlone(sessions, exclusiveWaitMs, work));
      before = alone.catch(() => {});
      return alone;
    },
    async close() {
      await before;
      await sharing.idle();
      await pool.end();
    },
  };
  await pool.query('SELECT 1').catch(async error => {
    await pool.end();
    throw unavailable('the database of the fence cannot be reached', error);
  });
  return fence;
}

async function runAlone<T>(sessions: Sessions, waitMs: number, work: () => Promise<T>): Promise<T> {
  const held = await acquire(sessions, 'exclusive', waitMs);
  try {
    const result = await work();
    await held.release();
    return result;
  } catch (error) {
    await held.release().catch(() => {});
    throw error;
  }
}

/** What the sharers of this process hold together: one database lock, counted. */
interface Group {
  readonly held: Promise<Held>;
  sharers: number;
}

/**
 * The first sharer takes the lock, the last one gives it back, and those between cost nothing. A group that is always
 * joined would never end: after a while it looks whether somebody waits to be alone, and then admits no more; later
 * sharers ask the database again, which puts them behind.
 */
function createSharing(take: () => Promise<Held>, lookAfterMs: number) {
  let open: Group | undefined;
  const releasing = new Set<Promise<void>>();

  const close = (group: Group) => {
    if (open === group) open = undefined;
  };

  function begin(): Group {
    const group: Group = { held: take(), sharers: 0 };
    group.held.catch(() => close(group));
    scheduleLook(group);
    return group;
  }

  /** No timer while nobody works: it ends with its group. */
  function scheduleLook(group: Group): void {
    const timer = setTimeout(async () => {
      if (open !== group) return;
      try {
        const held = await group.held;
        if (!held.intact() || (await held.somebodyWaits())) close(group);
        else scheduleLook(group);
      } catch {
        close(group);
      }
    }, lookAfterMs);
    timer.unref();
  }

  function leave(group: Group): void {
    group.sharers--;
    if (group.sharers > 0) return;
    close(group);
    // nobody waits for it: a lock that cannot be given back goes with its connection
    const release: Promise<void> = group.held
      .then(held => held.release())
      .catch(() => {})
      .finally(() => releasing.delete(release));
    releasing.add(release);
  }

  return {
    /** Gives the function to leave with. */
    async join(): Promise<() => void> {
      open ??= begin();
      const group = open;
      group.sharers++;
      try {
        const held = await group.held;
        // whoever joined a lock that was lost meanwhile takes another: `leave` is for those who worked under it
        if (held.intact()) return () => leave(group);
      } catch (error) {
        leave(group);
        throw error;
      }
      leave(group);
      close(group);
      return this.join();
    },
    admitNoMore: () => {
      open = undefined;
    },
    async idle(): Promise<void> {
      await Promise.all(releasing);
    },
  };
}

function openSessions(url: string, queryMs: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_SESSIONS,
    connectionTimeoutMillis: 5000,
    // the server answers within its lock_timeout, unless it is gone without a word
    query_timeout: queryMs,
    keepAlive: true,
    application_name: 'strongroom fence',
    // a server that hears nothing from a lost host gives its lock back within half a minute
    options: '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4',
  });
  // an idle connection that dies is replaced by the pool; without a listener it would end the process
  pool.on('error', () => {});
  return pool;
}

/** @throws StrongroomError LOG_UNAVAILABLE after `waitMs`, or when the database cannot be reached */
async function acquire({ pool, low }: Sessions, mode: Mode, waitMs: number): Promise<Held> {
  const suffix = mode === 'shared' ? '_shared' : '';
  const client = await pool.connect().catch(error => {
    throw unavailable('the database of the fence cannot be reached', error);
  });
  let lost: Error | undefined;
  const onError = (error: Error) => {
    lost = error;
  };
  client.on('error', onError);
  const giveBack = (error?: Error) => {
    client.off('error', onError);
    // a destroyed session may still report its end
    if (error) client.on('error', () => {});
    client.release(error);
  };
  try {
    // one round trip; a lock taken for the session outlives the statement's transaction
    const timeout = Math.max(1, Math.round(waitMs));
    await client.query(`SET lock_timeout = ${timeout}; SELECT pg_advisory_lock${suffix}(${HIGH}, ${low})`);
  } catch (error) {
    giveBack(error as Error);
    const reason = mode === 'shared' ? 'content is being collected' : 'content is being published';
    const timedOut = (error as { code?: unknown }).code === LOCK_TIMEOUT;
    throw unavailable(timedOut ? reason : 'the connection of the fence was lost', error);
  }
  let looking: Promise<unknown> = Promise.resolve();
  return {
    intact: () => !lost,
    async somebodyWaits() {
      const look = client.query(waiting(low));
      looking = look.catch(() => {});
      return (await look).rows.length > 0;
    },
    async release() {
      await looking;
      const unlock = `SELECT pg_advisory_unlock${suffix}(${HIGH}, ${low}) AS unlocked`;
      const failure = await client.query<{ unlocked: boolean }>(unlock).then(
        ({ rows }) => (rows[0]?.unlocked ? undefined : new Error('the lock was not held any more')),
        (error: Error) => error,
      );
      giveBack(failure);
      if (failure) throw unavailable('the connection of the fence was lost', failure);
    },
  };
}

/** Waits for others of this process, but not for ever. */
async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unavailable('content is being collected')), ms);
  });
  await Promise.race([work, tooLate]).finally(() => clearTimeout(timer));
}

function unavailable(reason: string, cause?: unknown): StrongroomError {
  const refusal = refuse('LOG_UNAVAILABLE', { reason, retryAfter: 1 });
  return cause === undefined ? refusal : Object.assign(refusal, { cause });
}
