/** What every store of views must do under the runner; an adapter's test is one call. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DomainEvent } from '../../src/domain/catalogue.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import type { EventLog } from '../../src/eventlog/port.ts';
import { VIEWS } from '../../src/projections/catalogue.ts';
import { dumpViews } from '../../src/projections/dump.ts';
import { createQueries } from '../../src/projections/queries.ts';
import { createRunner, type Runner, type RunnerOptions } from '../../src/projections/runner.ts';
import { openViews, type ViewsOptions } from '../../src/projections/store.ts';
import { History, metaOf, write } from '../projections/history.ts';

export interface ViewsFixture {
  /** of a store that nothing was in */
  fresh(): Promise<string>;
  /** an error as this database gives it when it is away for a moment */
  transient(): Error;
}

const PATIENCE = 20_000;

export function viewsContract(name: string, fixture: ViewsFixture): void {
  describe(`views on ${name}`, () => {
    let url: string;
    const closing: (() => Promise<void>)[] = [];

    beforeEach(async () => {
      url = await fixture.fresh();
    });
    afterEach(async () => {
      for (const close of closing.splice(0).reverse()) await close();
    });

    async function run(log: EventLog, options: Partial<ViewsOptions & RunnerOptions> = {}) {
      const notices: string[] = [];
      const store = await openViews({ url, graceMs: 0, ...options });
      const onNotice = (text: string) => void notices.push(text);
      const runner = createRunner({ log, store, onNotice, tendMs: 20, ...options });
      const close = async () => {
        await runner.close();
        await store.close();
      };
      closing.push(close);
      await runner.started;
      return { store, runner, notices, close };
    }

    async function logOf(seed: number, count: number) {
      const log = createMemoryLog();
      const history = new History(seed).run(count);
      await write(log, history.appends);
      return { log, history };
    }

    /** What the views must be: folded in one go, elsewhere. */
    async function reference(log: EventLog): Promise<string> {
      const store = await openViews({ url: await fixture.fresh() });
      const runner = createRunner({ log, store });
      await runner.started;
      const dump = await dumpViews(store);
      await runner.close();
      await store.close();
      return dump;
    }

    const reachedHead = async (runner: Runner, log: EventLog) => runner.reached(await log.head(), PATIENCE);

    test('an empty log makes empty views that serve at once', async () => {
      const { runner, store } = await run(createMemoryLog());
      expect(runner.status()).toMatchObject({
        state: 'following',
        ready: true,
        serving: true,
        generation: 1,
      });
      expect(await createQueries(store).listProjects()).toEqual([]);
    });

    test('catches up, follows, and tells every listener all events in order', async () => {
      const { log, history } = await logOf(1, 700);
      const { runner, store } = await run(log, { batch: 100, distance: (a, b) => Number(b) - Number(a) });
      expect(runner.position()).toBe(await log.head());
      const heard: DomainEvent[] = [];
      const positions: string[] = [];
      runner.onApplied((events, position) => {
        heard.push(...events);
        positions.push(position);
      });
      const before = history.appends.length;
      const last = await write(log, history.run(300).appends.slice(before));
      await runner.reached(last, PATIENCE);
      expect(heard).toHaveLength(history.appends.length - before);
      expect(heard.map(event => event.position)).toEqual(heard.map(event => event.position).sort());
      expect(positions.at(-1)).toBe(last);
      expect(runner.status().lag).toEqual({ seconds: 0, events: 0 });
      expect(await dumpViews(store)).toBe(await reference(log));
    });

    test('a removed listener hears nothing', async () => {
      const { log } = await logOf(1, 80);
      const { runner } = await run(log);
      let heard = 0;
      const remove = runner.onApplied(() => heard++);
      remove();
      await write(log, new History(2).run(80).appends);
      await reachedHead(runner, log);
      expect(heard).toBe(0);
    });

    test('starts again where it stopped', async () => {
      const { log, history } = await logOf(2, 400);
      const first = await run(log);
      await first.close();
      const before = history.appends.length;
      await write(log, history.run(200).appends.slice(before));
      const { runner, store, notices } = await run(log);
      expect(notices).toEqual([]);
      expect(runner.status().generation).toBe(1);
      expect(await dumpViews(store)).toBe(await reference(log));
    });

    test('a commit that fails leaves nothing, and is done again: exactly once', async () => {
      const { log, history } = await logOf(3, 300);
      let failures = 0;
      let fails = false;
      const beforeCommit = () => {
        if (!fails) return;
        fails = false;
        failures++;
        throw fixture.transient();
      };
      const { runner, store, notices } = await run(log, { beforeCommit });
      const before = history.appends.length;
      const appends = history.run(300).appends.slice(before);
      for (const [at, append] of appends.entries()) {
        if (at % 100 === 50) fails = true;
        await write(log, [append]);
        if (at % 100 === 50) await reachedHead(runner, log);
      }
      await reachedHead(runner, log);
      expect(failures).toBe(3);
      expect(notices.filter(text => text.includes('try again'))).toHaveLength(3);
      expect(runner.status()).toMatchObject({ state: 'following', ready: true });
      expect(await dumpViews(store)).toBe(await reference(log));
    });

    test('what cannot be written for long keeps nobody waiting, and is written when it can be', async () => {
      const log = createMemoryLog();
      let full = false;
      const beforeCommit = () => {
        if (full) throw fixture.transient();
      };
      const { runner } = await run(log, { beforeCommit });
      full = true;
      const position = await write(log, new History(11).run(5).appends);
      const stuck = { code: 'VIEWS_BEHIND', message: expect.stringContaining('cannot be written') };
      await expect(runner.reached(position, PATIENCE)).rejects.toMatchObject(stuck);
      await expect(runner.reached(position, PATIENCE)).rejects.toMatchObject(stuck);
      expect(runner.status()).toMatchObject({ state: 'retrying', ready: false, serving: true });
      full = false;
      await expect.poll(() => runner.position(), { timeout: PATIENCE }).toBe(position);
      await expect(runner.reached(position, 0)).resolves.toBeUndefined();
    });

    test('a rebuild makes the same rows beside the old ones, while events come in', async () => {
      const { log, history } = await logOf(4, 900);
      const { runner, store } = await run(log);
      const resets: number[] = [];
      runner.onReset(() => resets.push(runner.status().generation));
      const queries = createQueries(store);
      const before = history.appends.length;
      const appends = history.run(300).appends.slice(before);
      const rebuilt = runner.rebuild();
      for (const append of appends) {
        const position = await write(log, [append]);
        await runner.reached(position, PATIENCE);
        expect((await queries.activity({ limit: 1 }))[0]?.position).toBe(position);
      }
      await rebuilt;
      expect(resets).toEqual([2]);
      expect(runner.status()).toMatchObject({ generation: 2, rebuilding: false, ready: true });
      await reachedHead(runner, log);
      expect(await dumpViews(store)).toBe(await reference(log));
      const more = await write(log, new History(5).run(80).appends);
      await runner.reached(more, PATIENCE);
      expect(await dumpViews(store)).toBe(await reference(log));
    });

    test('two rebuilds at once are one', async () => {
      const { log } = await logOf(4, 300);
      const { runner } = await run(log);
      await Promise.all([runner.rebuild(), runner.rebuild()]);
      expect(runner.status().generation).toBe(2);
    });

    test('views of another shape are rebuilt', async () => {
      const { log } = await logOf(5, 300);
      const first = await run(log);
      const dump = await dumpViews(first.store);
      await first.close();
      const definitions = VIEWS.map(view => ({ ...view, version: view.version + 1 }));
      const { runner, store, notices } = await run(log, { definitions });
      expect(notices[0]).toMatch(/another shape/);
      expect(runner.status()).toMatchObject({ generation: 2, ready: true });
      expect(await dumpViews(store)).toBe(dump);
    });

    test('views of another log are rebuilt', async () => {
      await (await run((await logOf(6, 100)).log)).close();
      const { log } = await logOf(7, 100);
      const { store, notices } = await run(log);
      expect(notices[0]).toMatch(/another log/);
      expect(await dumpViews(store)).toBe(await reference(log));
    });

    test('views are rebuilt after a restore: another epoch, or a head that lies before them', async () => {
      const { log, history } = await logOf(8, 200);
      await (await run(log)).close();
      const raised = await run({ ...log, epoch: 2 });
      expect(raised.notices[0]).toMatch(/restored \(epoch 1 became 2\)/);
      await raised.close();
      const earlier = createMemoryLog();
      await write(earlier, history.appends.slice(0, 120));
      const { store, notices } = await run({ ...earlier, logId: log.logId, epoch: 2 });
      expect(notices[0]).toMatch(/restored to an earlier position/);
      expect(await dumpViews(store)).toBe(await reference(earlier));
    });

    test('an unknown event halts it; what was before stays readable', async () => {
      const { log } = await logOf(9, 150);
      const { runner, store } = await run(log);
      const known = runner.position();
      const waits = runner.reached(`${'9'.repeat(20)}`, PATIENCE);
      const refused = expect(waits).rejects.toMatchObject({ code: 'VIEWS_BEHIND' });
      const strange = { id: randomUUID(), type: 'ArtifactTeleported', version: 1, data: {}, meta: metaOf() };
      const { position } = await log.append('strange', [strange], { expected: 'any' });
      await refused;
      expect(runner.status()).toMatchObject({
        state: 'halted',
        ready: false,
        serving: true,
        position: known,
      });
      expect(runner.status().reason).toMatch(/ArtifactTeleported/);
      await expect(runner.reached(position, PATIENCE)).rejects.toMatchObject({ code: 'VIEWS_BEHIND' });
      await expect(runner.reached(known, 0)).resolves.toBeUndefined();
      expect((await createQueries(store).activity({ limit: 1 }))[0]?.position).toBe(known);
    });

    test('waiting is bounded, and ends with the runner', async () => {
      const { runner, close } = await run(createMemoryLog());
      await expect(runner.reached('9'.repeat(20), 20)).rejects.toMatchObject({ code: 'VIEWS_BEHIND' });
      const refused = expect(runner.reached('9'.repeat(20), PATIENCE)).rejects.toMatchObject({
        code: 'SHUTTING_DOWN',
      });
      await close();
      await refused;
    });

    test('a client can put any text into a media type', async () => {
      const log = createMemoryLog();
      const { runner, store } = await run(log);
      const file = {
        name: 'f',
        digest: `sha256:${'0'.repeat(64)}`,
        canonical: `sha256:${'0'.repeat(64)}`,
        size: 1,
        mediaType: 'a\0b',
      };
      const place = { repositoryId: 'r', package: 'p', version: 'v\0' };
      const data = {
        ...place,
        incarnation: 'i',
        format: 'oci',
        mediaType: 'x\0',
        files: [file],
        references: [],
      };
      const odd = { id: randomUUID(), type: 'VersionPublished', version: 1, data, meta: metaOf() };
      const { position } = await log.append('odd', [odd], { expected: 'any' });
      await runner.reached(position, PATIENCE);
      expect(await createQueries(store).listVersions('r', 'p')).toMatchObject([
        { version: 'v\uFFFD', mediaType: 'x\uFFFD' },
      ]);
    });
  });
}
