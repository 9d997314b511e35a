import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/errors.ts';
import { openPostgresFence, type PostgresFence, type PostgresFenceOptions } from '../../src/sql/fence.ts';
import { fenceContract, finish, hold } from '../contracts/fence.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { describeWith } from '../support/services.ts';

const LOCKS = `SELECT count(*)::int AS count FROM pg_locks l JOIN pg_database d ON d.oid = l.database
  WHERE locktype = 'advisory' AND datname = current_database() AND granted = $1`;
const CUT = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name = 'strongroom fence' AND datname = current_database()`;

describeWith(['postgres'], 'the fence in PostgreSQL', () => {
  let server: TestPostgres | undefined;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  fenceContract('PostgreSQL', async () => {
    const url = await server!.database();
    const fences: PostgresFence[] = [];
    const another = async () => {
      const fence = await openPostgresFence(url);
      fences.push(fence);
      return fence;
    };
    return {
      fence: await another(),
      another,
      dispose: async () => void (await Promise.all(fences.map(fence => fence.close()))),
    };
  });

  describe('by sessions', () => {
    let url: string;
    let watcher: pg.Client;
    const fences: PostgresFence[] = [];
    const open = async (options?: PostgresFenceOptions) => {
      const fence = await openPostgresFence(url, options);
      fences.push(fence);
      return fence;
    };
    const locks = async (granted: boolean) =>
      (await watcher.query<{ count: number }>(LOCKS, [granted])).rows[0]?.count;
    beforeEach(async () => {
      url = await server!.database();
      watcher = new pg.Client(url);
      await watcher.connect();
    });
    afterEach(async () => {
      await Promise.all(fences.splice(0).map(fence => fence.close()));
      await watcher.end();
    });

    it('takes one lock for all sharers of a process, and gives it back after the last', async () => {
      const fence = await open();
      const sharers = Array.from({ length: 30 }, () => hold(fence, 'shared'));
      await Promise.all(sharers.map(({ entered }) => entered));
      expect(await locks(true)).toBe(1);
      await finish(sharers.slice(1));
      expect(await locks(true)).toBe(1);
      await finish(sharers.slice(0, 1));
      await expect.poll(() => locks(true)).toBe(0);
    });

    it('refuses within its time, names who has it, and leaves no lock and no waiter', async () => {
      const fence = await open();
      const hurried = await open({ sharedWaitMs: 30, exclusiveWaitMs: 30 });
      const busy = (reason: string) => (error: unknown) =>
        isRefusal(error, 'LOG_UNAVAILABLE') && error.detail.reason === reason;

      const publisher = hold(fence, 'shared');
      await publisher.entered;
      const collecting = hurried.exclusive(async () => 'never');
      await expect(collecting).rejects.toSatisfy(busy('content is being published'));
      await finish([publisher]);

      const collector = hold(fence, 'exclusive');
      await collector.entered;
      const publishing = [1, 2, 3].map(() => hurried.shared(async () => 'never'));
      for (const one of publishing) await expect(one).rejects.toSatisfy(busy('content is being collected'));
      expect(await locks(false)).toBe(0);
      await finish([collector]);
      expect(await hurried.shared(async () => 'now')).toBe('now');
    });

    it('does not wait for ever for its own process', async () => {
      const hurried = await open({ sharedWaitMs: 20, exclusiveWaitMs: 20 });
      const collector = hold(hurried, 'exclusive');
      await collector.entered;
      const publishing = hurried.shared(async () => 'never');
      await expect(publishing).rejects.toSatisfy(error => isRefusal(error, 'LOG_UNAVAILABLE'));
      await finish([collector]);
    });

    it.each(['shared', 'exclusive'] as const)(
      'is free when a process that held it (%s) is killed',
      async mode => {
        const holder = spawn(process.execPath, [join(import.meta.dirname, 'fence-holder.ts'), url, mode], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        await once(holder.stdout, 'data');
        expect(await locks(true)).toBe(1);
        const fence = await open();
        const order: string[] = [];
        const collecting = fence.exclusive(async () => void order.push('collecting'));
        await expect.poll(() => locks(false)).toBe(1);
        order.push('killed');
        holder.kill('SIGKILL');
        await collecting;
        expect(order).toEqual(['killed', 'collecting']);
      },
    );

    it('takes a new lock when the session of the shared one was cut', async () => {
      const fence = await open();
      const first = hold(fence, 'shared');
      await first.entered;
      await watcher.query(CUT);
      await expect.poll(() => locks(true)).toBe(0);
      await expect.poll(() => fence.shared(() => locks(true))).toBe(1);
      await finish([first]);
      await expect.poll(() => locks(true)).toBe(0);
    });

    it('says so when the lock of an exclusive holder was lost before it ended', async () => {
      const fence = await open();
      const collector = hold(fence, 'exclusive');
      await collector.entered;
      await watcher.query(CUT);
      collector.leave();
      await expect(collector.done).rejects.toSatisfy(error => isRefusal(error, 'LOG_UNAVAILABLE'));
      expect(await fence.exclusive(async () => 'again')).toBe('again');
    });
  });

  it('says so when there is no server, without the URL', async () => {
    const opening = openPostgresFence('postgres://user:hunter2@127.0.0.1:1/none');
    await expect(opening).rejects.toSatisfy(
      error => isRefusal(error, 'LOG_UNAVAILABLE') && !JSON.stringify(error).includes('hunter2'),
    );
  });
});
