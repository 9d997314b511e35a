/**
 * Deciders beside models: each model says in the plainest way what the rules mean, without events, and must agree
 * with what the decider allows and with the state that its events leave.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grants } from '../../src/domain/access/grants.ts';
import { isRefusal } from '../../src/domain/errors.ts';
import type { Aggregate } from '../../src/domain/kernel/decider.ts';
import type { EventMap, EventsOf } from '../../src/domain/kernel/event.ts';
import { link } from '../../src/domain/link/link.ts';
import { placement } from '../../src/domain/placement/placement.ts';
import { policy } from '../../src/domain/policy/policy.ts';
import { tag } from '../../src/domain/tag/tag.ts';
import {
  grantCommand,
  linkCommand,
  placementCommand,
  policyCommand,
  tagCommand,
  versionCommand,
} from './commands.ts';

/** What a command came to: how many events, or the code of the refusal. */
type Answer = number | string;

interface Command {
  readonly kind: string;
}

interface Model<C extends Command, S> {
  /** For each kind of command: does it to the model, and says what the decider should answer. */
  readonly rules: { readonly [K in C['kind']]: (command: C & { readonly kind: K }) => Answer };
  /** The decider's state, as the model would have it. */
  readonly agrees: (state: S) => void;
}

function compare<C extends Command, S, M extends EventMap>(
  aggregate: Aggregate<C, S, M>,
  commands: fc.Arbitrary<C>,
  makeModel: () => Model<C, S>,
): void {
  const sequence = fc.array(commands, { maxLength: 40, size: 'max' });
  fc.assert(
    fc.property(sequence, given => {
      const model = makeModel();
      let state = aggregate.initial;
      for (const command of given) {
        const { answer, events } = ask(aggregate, command, state);
        expect({ command, answer }).toEqual({ command, answer: answerOf(model, command) });
        state = events.reduce((folded, event) => aggregate.evolve(folded, event), state);
        model.agrees(state);
      }
    }),
    { numRuns: 150 },
  );
}

function ask<C, S, M extends EventMap>(
  aggregate: Aggregate<C, S, M>,
  command: C,
  state: S,
): { answer: Answer; events: readonly EventsOf<M>[] } {
  try {
    const events = aggregate.decide(command, state);
    return { answer: events.length, events };
  } catch (error) {
    if (isRefusal(error)) return { answer: error.code, events: [] };
    throw error;
  }
}

function answerOf<C extends Command, S>(model: Model<C, S>, command: C): Answer {
  const rule = model.rules[command.kind as C['kind']] as (command: C) => Answer;
  return rule(command);
}

type Of<A> = A extends fc.Arbitrary<infer T> ? T : never;
type StateOf<A> = A extends { readonly initial: infer S } ? S : never;

function tagModel(): Model<Of<typeof tagCommand>, StateOf<typeof tag>> {
  let names: { version: string; incarnation: string } | undefined;
  let last: string | undefined;
  const named = (incarnation: string | undefined) =>
    names !== undefined && (incarnation ?? names.incarnation) === names.incarnation;
  return {
    rules: {
      AssignTag({ version, incarnation, immutable }) {
        if (names?.incarnation === incarnation) return 0;
        if (immutable && last !== undefined && last !== version) return 'TAG_IMMUTABLE';
        names = { version, incarnation };
        last = version;
        return 1;
      },
      RemoveTag({ incarnation, immutable }) {
        if (!named(incarnation)) return 0;
        if (immutable) return 'TAG_IMMUTABLE';
        names = undefined;
        return 1;
      },
    },
    agrees(state) {
      expect(state.assigned).toBe(names !== undefined);
      if (names) expect(state).toMatchObject(names);
    },
  };
}

function placementModel(): Model<Of<typeof placementCommand>, StateOf<typeof placement>> {
  /** the last incarnation; earlier ones are gone for good */
  let last: { incarnation: string; files: string; live: boolean } | undefined;
  const holds = new Map<string, string>();
  const statusOf = () => (last?.live ? 'live' : 'deleted');
  return {
    rules: {
      PublishVersion({ files: given, incarnation }) {
        const files = given
          .map(({ name, canonical }) => `${name} ${canonical}`)
          .sort()
          .join();
        if (last?.live) return last.files === files ? 0 : 'VERSION_EXISTS';
        last = { incarnation, files, live: true };
        return 1;
      },
      DeleteVersion() {
        if (!last?.live) return 0;
        last.live = false;
        return 1;
      },
      RestoreVersion() {
        if (!last) return 'VERSION_UNKNOWN';
        if (last.live) return 0;
        last.live = true;
        return 1;
      },
      HoldVersion({ holdId, holdKind }) {
        if (!last) return 'VERSION_UNKNOWN';
        if (holds.has(holdId)) return 0;
        holds.set(holdId, holdKind);
        return 1;
      },
      LiftHold({ holdId, holdKind }) {
        if (!holds.has(holdId)) return 'HOLD_UNKNOWN';
        if (holds.get(holdId) !== holdKind) return 'STATE_CONFLICT';
        holds.delete(holdId);
        return 1;
      },
    },
    agrees(state) {
      const status = last === undefined ? 'absent' : statusOf();
      expect(state).toMatchObject({ status, incarnation: last?.incarnation ?? '' });
      expect(new Map(Object.entries(state.holds))).toEqual(holds);
    },
  };
}

type Publishing = Extract<Of<typeof versionCommand>, { kind: 'PublishVersion' }>;

function packageModel(): Model<Of<typeof versionCommand>, StateOf<typeof placement>> {
  let [known, live, deprecated, yanked, staged] = [false, false, false, false, false];
  let files = new Map<string, string>();
  const used = new Map<string, string>();
  const reusable = (given: Publishing['files'], { reuse }: Publishing['rules']) =>
    given.every(({ name, canonical }) => {
      const before = used.get(name);
      return reuse === 'any' || before === undefined || (reuse === 'same' && before === canonical);
    });
  const keep = (given: Publishing['files']) => {
    for (const { name, canonical } of given) {
      files.set(name, canonical);
      used.set(name, canonical);
    }
  };
  function add({ files: given, rules }: Publishing): Answer {
    const other = given.filter(({ name, canonical }) => files.get(name) !== canonical);
    const fresh = other.filter(({ name }) => !files.has(name));
    const whole = !rules.multiFile && !rules.replace;
    const wrong = [
      whole && given.length !== files.size,
      fresh.length > 0 && !rules.multiFile,
      fresh.length < other.length && !rules.replace,
      !reusable(fresh, rules),
    ];
    if (wrong.includes(true)) return 'VERSION_EXISTS';
    keep(other);
    return other.length;
  }
  function begin(command: Publishing): Answer {
    if (!reusable(command.files, command.rules)) return 'VERSION_EXISTS';
    files = new Map();
    keep(command.files);
    [known, live, deprecated, yanked] = [true, true, false, false];
    const waits = command.staged !== undefined && !staged;
    staged ||= waits;
    return waits ? 2 : 1;
  }
  const mark = (set: () => void): Answer => {
    if (!live) return 'VERSION_UNKNOWN';
    set();
    return 1;
  };
  return {
    rules: {
      PublishVersion: command => (live ? add(command) : begin(command)),
      RemoveFile({ name }) {
        if (!live || !files.has(name)) return 0;
        if (files.size === 1) live = false;
        else files.delete(name);
        return 1;
      },
      DeleteVersion() {
        const done = live ? 1 : 0;
        live = false;
        return done;
      },
      RestoreVersion() {
        if (!known) return 'VERSION_UNKNOWN';
        const done = live ? 0 : 1;
        live = true;
        return done;
      },
      DeprecateVersion: () => mark(() => (deprecated = true)),
      YankVersion: () => mark(() => (yanked = true)),
      LiftDeprecation: () => (live && !deprecated ? 0 : mark(() => (deprecated = false))),
      LiftYank: () => (live && !yanked ? 0 : mark(() => (yanked = false))),
    },
    agrees(state) {
      expect(state).toMatchObject({ deprecated, yanked });
      const placed = Object.entries(state.files).map(([name, { canonical }]) => [name, canonical] as const);
      expect(new Map(placed)).toEqual(files);
      expect(new Set(Object.values(state.files).map(({ ordinal }) => ordinal)).size).toBe(placed.length);
    },
  };
}

function linkModel(): Model<Of<typeof linkCommand>, StateOf<typeof link>> {
  let linked = false;
  let leaseUntil = 0;
  const aliases = new Set<string | undefined>([undefined]);
  return {
    rules: {
      LinkBlob({ now, leaseUntil: until, alias }) {
        const [time, end] = [Date.parse(now), Date.parse(until)];
        if (linked && aliases.has(alias) && leaseUntil - time >= (end - time) / 2) return 0;
        linked = true;
        leaseUntil = end;
        aliases.add(alias);
        return 1;
      },
      UnlinkBlob() {
        if (!linked) return 0;
        linked = false;
        return 1;
      },
    },
    agrees(state) {
      expect(state.linked).toBe(linked);
      expect(Date.parse(state.leaseUntil)).toBe(leaseUntil);
      expect(new Set([undefined, ...state.aliases])).toEqual(aliases);
    },
  };
}

function policyModel(): Model<Of<typeof policyCommand>, StateOf<typeof policy>> {
  const attached = new Map<string, { set: string; level: string }>();
  return {
    rules: {
      AttachPolicy({ attachmentId, set, level }) {
        if (attached.has(attachmentId)) return 0;
        attached.set(attachmentId, { set, level });
        return 1;
      },
      SetLevel({ attachmentId, level }) {
        const known = attached.get(attachmentId);
        if (!known) return 'ATTACHMENT_UNKNOWN';
        if (known.level === level) return 0;
        known.level = level;
        return 1;
      },
      DetachPolicy: ({ attachmentId }) => (attached.delete(attachmentId) ? 1 : 0),
      BreakGlass: ({ attachmentId }) => (attached.delete(attachmentId) ? 2 : 'ATTACHMENT_UNKNOWN'),
    },
    agrees: state => expect(new Map(Object.entries(state.attachments))).toEqual(attached),
  };
}

function grantsModel(): Model<Of<typeof grantCommand>, StateOf<typeof grants>> {
  const has = new Set<string>();
  const admins = () => [...has].filter(entry => entry.endsWith(' admin')).length;
  let everAdmin = false;
  return {
    rules: {
      GrantRole({ principalId, role }) {
        const had = has.size;
        has.add(`${principalId} ${role}`);
        return has.size - had;
      },
      RevokeRole({ principalId, role }) {
        const entry = `${principalId} ${role}`;
        if (!has.has(entry)) return 0;
        if (role === 'admin' && admins() === 1) return 'STATE_CONFLICT';
        has.delete(entry);
        return 1;
      },
    },
    agrees(state) {
      expect(new Set(state.grants)).toEqual(has);
      expect(state.grants).toHaveLength(has.size);
      everAdmin ||= admins() > 0;
      expect(state.grants.some(entry => entry.endsWith(' admin'))).toBe(everAdmin);
    },
  };
}

describe('the model agrees with', () => {
  it('tags', () => compare(tag, tagCommand, tagModel));
  it('placements', () => compare(placement, placementCommand, placementModel));
  it('packages', () => compare(placement, versionCommand, packageModel));
  it('links', () => compare(link, linkCommand, linkModel));
  it('policies', () => compare(policy, policyCommand, policyModel));
  it('grants: once there is an administrator, there is one', () =>
    compare(grants, grantCommand, grantsModel));
});
