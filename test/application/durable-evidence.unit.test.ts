/** What a decision was made on is durable before anybody sees what follows from it: the event, the bytes, the refusal. */
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { createHotCache } from '../../src/application/cache.ts';
import type { Core } from '../../src/application/core.ts';
import { admit, execute, executeAll } from '../../src/application/handle.ts';
import { artifactFacts } from '../../src/application/pull-verdict.ts';
import { Released } from '../../src/application/resolve.ts';
import { at } from '../../src/application/rights.ts';
import { step } from '../../src/application/stepping.ts';
import { refuse } from '../../src/domain/errors.ts';
import { link } from '../../src/domain/link/link.ts';
import type { JsonObject } from '../../src/domain/values/json.ts';
import { canonicalBytes } from '../../src/policies/canonical.ts';
import { attach, nothing } from '../policies/support.ts';
import { caller, clock, repositoryRow, versionRow } from './support.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const STALENESS = 30_000;
const ada = caller('ada');
const repository = repositoryRow({ format: 'oci', kind: 'hosted', visibility: 'private' });
const version = versionRow({
  version: DIGEST,
  incarnation: 'i1',
  status: 'live',
  files: [{ name: 'manifest', digest: DIGEST, canonical: DIGEST, size: 1, mediaType: 'x/y' }],
  references: [],
  metadata: null,
  mediaType: 'x/y',
  size: 1,
  publishedAt: '2026-01-01T00:00:00.000Z',
  publishedBy: 'ada',
});

let says: JsonObject;
/** what happened, in its order */
let happened: string[];
/** one for each piece of evidence on its way */
let writes: { done(): void; failed(error: unknown): void }[];
let away: boolean;
let time: ReturnType<typeof clock>;
let core: Core;

beforeEach(() => {
  says = nothing;
  happened = [];
  writes = [];
  away = false;
  time = clock('2026-01-01T10:00:55Z');
  const note = (what: string) => async () => {
    happened.push(what);
    return { position: '1', state: {}, events: [] };
  };
  const ports = {
    hot: createHotCache(),
    queries: {
      grantsOf: async () => [{ scope: { kind: 'instance' }, role: 'admin' }],
      attachmentsFor: async () => {
        const { id, moduleDigest, ...rest } = attach('hard');
        return [{ attachmentId: id, module: moduleDigest, ...rest }];
      },
      openHolds: async () => [],
      versionsNaming: async () => [],
      tagsOfVersion: async () => [],
      versionByDigest: async () => version,
    },
    evaluator: { version: 'test', evaluate: async () => ({ result: canonicalBytes(says) }) },
    modules: () => new Uint8Array(),
    evidence: {
      put: () =>
        new Promise<void>((done, failed) => {
          if (away) failed(refuse('STORAGE_UNAVAILABLE'));
          else writes.push({ done, failed });
        }).then(() => void happened.push('evidence')),
    },
    streams: { execute: note('event'), executeAll: note('event') },
    denials: { record: note('denial') },
    log: { logId: 'log-1', epoch: 1 },
    views: { position: () => '1' },
    logger: { error: () => undefined },
    settings: { producer: 'test', maxStalenessMs: STALENESS },
    now: time.now,
    newId: () => 'id-1',
  };
  core = ports as unknown as Core; // what the gates ask, and nothing else
});

const admitted = async () => {
  const facts = { artifact: await artifactFacts(core, version) };
  return admit(core, { caller: ada, action: 'delete', at: at(repository), facts, target: 'app' });
};
const write = async () => {
  const admission = await admitted();
  const command = { kind: 'UnlinkBlob', repositoryId: 'r1', canonical: DIGEST, cause: 'delete' } as const;
  return execute(core, admission, { aggregate: link, stream: 'link-1', command });
};
/** the evidence of the last step is on its way when the first could be appended */
const writeTogether = async () => {
  const command = { kind: 'UnlinkBlob', repositoryId: 'r1', canonical: DIGEST, cause: 'delete' } as const;
  const steps = [await admitted(), await admitted()].map((admission, at_) => ({
    admission,
    step: step(link, `link-${at_}`, () => command),
  }));
  return executeAll(core, steps);
};
const pull = async () => {
  const released = await Released.version(core, { caller: ada, repository }, 'app', { digest: DIGEST });
  happened.push('bytes');
  return released;
};
const onItsWay = async () => {
  await expect.poll(() => writes.length).toBeGreaterThan(0);
  for (let turns = 0; turns < 20; turns += 1) await turn();
};
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    error => error.code,
  );

describe.each([
  ['an event', write, 'event'],
  ['events that go together', writeTogether, 'event'],
  ['bytes', pull, 'bytes'],
])('evidence before %s', (_what, act, outcome) => {
  it('is waited for', async () => {
    const acting = act();
    await onItsWay();
    expect(happened).toEqual([]);
    const count = writes.length;
    for (const { done } of writes) done();
    await acting;
    expect(happened).toEqual([...Array<string>(count).fill('evidence'), outcome]);
  });

  it('that cannot be kept stops it', async () => {
    const code = codeOf(act());
    await onItsWay();
    for (const { failed } of writes) failed(refuse('STORAGE_UNAVAILABLE'));
    expect(await code).toBe('STORAGE_UNAVAILABLE');
    expect(happened).not.toContain(outcome);
  });

  it('is waited for before a denial is recorded', async () => {
    says = { ...nothing, deny: [{ code: 'NO', msg: 'no' }] };
    const code = codeOf(act());
    await onItsWay();
    expect(happened).toEqual([]);
    for (const { done } of writes) done();
    expect(await code).toBe('POLICY_DENIED');
    expect(happened.at(-1)).toBe('denial');
  });
});

describe('an allowed pull, when evidence cannot be kept any more', () => {
  const allowed = async () => {
    const pulling = pull();
    await onItsWay();
    for (const { done } of writes.splice(0)) done();
    await pulling;
    away = true;
  };

  it('goes on into the next minute for the staleness window, and no longer', async () => {
    await allowed();
    time.set('2026-01-01T10:01:29.999Z');
    expect(await codeOf(pull())).toBe('done');
    time.set('2026-01-01T10:01:30Z');
    expect(await codeOf(pull())).toBe('STORAGE_UNAVAILABLE');
  });

  it('does not go on for somebody else, or when it was last allowed two minutes ago', async () => {
    await allowed();
    time.set('2026-01-01T10:01:05Z');
    const stranger = Released.version(core, { caller: caller('bob'), repository }, 'app', { digest: DIGEST });
    expect(await codeOf(stranger)).toBe('STORAGE_UNAVAILABLE');
    time.set('2026-01-01T10:02:05Z');
    expect(await codeOf(pull())).toBe('STORAGE_UNAVAILABLE');
  });

  it('a denial stays one', async () => {
    says = { ...nothing, deny: [{ code: 'NO', msg: 'no' }] };
    const code = codeOf(pull());
    await onItsWay();
    for (const { done } of writes.splice(0)) done();
    expect(await code).toBe('POLICY_DENIED');
    away = true;
    time.set('2026-01-01T10:01:05Z');
    expect(await codeOf(pull())).toBe('POLICY_DENIED');
  });
});
