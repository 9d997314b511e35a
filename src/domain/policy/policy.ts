/** Policy sets attached at one scope, each with an enforcement level. Stream: `policy-<scope key>`. */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import type { Scope } from '../values/actions.ts';
import type { Json } from '../values/json.ts';
import { own } from '../values/own.ts';
import { id, scope, sealed } from '../values/schemas.ts';

export const LEVELS = ['off', 'shadow', 'advisory', 'soft', 'hard'] as const;
export const level = z.enum(LEVELS);
export type EnforcementLevel = z.output<typeof level>;

const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;
const params = z.record(z.string(), json);

export const policyEvents = {
  PolicyAttached: event(
    z.strictObject({
      scope,
      attachmentId: id,
      set: z.string().max(128),
      /** digest of the compiled module in evidence */
      module: z.string(),
      level,
      params: params.optional(),
    }),
  ),
  PolicyLevelSet: event(z.strictObject({ scope, attachmentId: id, level, previousLevel: level })),
  PolicyDetached: event(z.strictObject({ scope, attachmentId: id })),
  /** taken off on the host, past the gate, with a reason */
  PolicyBreakGlassUsed: event(z.strictObject({ scope, attachmentId: id, reason: sealed })),
};

export type PolicyCommand =
  | {
      readonly kind: 'AttachPolicy';
      readonly scope: Scope;
      readonly attachmentId: string;
      readonly set: string;
      readonly module: string;
      readonly level: EnforcementLevel;
      readonly params?: Readonly<Record<string, Json>> | undefined;
    }
  | {
      readonly kind: 'SetLevel';
      readonly scope: Scope;
      readonly attachmentId: string;
      readonly level: EnforcementLevel;
    }
  | { readonly kind: 'DetachPolicy'; readonly scope: Scope; readonly attachmentId: string }
  | {
      readonly kind: 'BreakGlass';
      readonly scope: Scope;
      readonly attachmentId: string;
      readonly reason: string;
    };

export interface PolicyState {
  readonly attachments: Readonly<Record<string, { readonly set: string; readonly level: EnforcementLevel }>>;
}
type PolicyEvent = EventsOf<typeof policyEvents>;

function attach(
  command: Extract<PolicyCommand, { kind: 'AttachPolicy' }>,
  state: PolicyState,
): PolicyEvent[] {
  if (own(state.attachments, command.attachmentId)) return [];
  const { kind: _kind, params: given, ...data } = command;
  return [{ type: 'PolicyAttached', data: given === undefined ? data : { ...data, params: { ...given } } }];
}

function decide(command: PolicyCommand, state: PolicyState): readonly PolicyEvent[] {
  if (command.kind === 'AttachPolicy') return attach(command, state);
  const { scope: at, attachmentId } = command;
  const known = own(state.attachments, attachmentId);
  if (command.kind === 'DetachPolicy')
    return known ? [{ type: 'PolicyDetached', data: { scope: at, attachmentId } }] : [];
  if (!known) throw refuse('ATTACHMENT_UNKNOWN');
  if (command.kind === 'BreakGlass')
    return [
      { type: 'PolicyBreakGlassUsed', data: { scope: at, attachmentId, reason: command.reason } },
      { type: 'PolicyDetached', data: { scope: at, attachmentId } },
    ];
  if (known.level === command.level) return [];
  return [
    {
      type: 'PolicyLevelSet',
      data: { scope: at, attachmentId, level: command.level, previousLevel: known.level },
    },
  ];
}

function evolve(state: PolicyState, { type, data }: PolicyEvent): PolicyState {
  const { [data.attachmentId]: known, ...others } = state.attachments;
  switch (type) {
    case 'PolicyAttached':
      return { attachments: { ...others, [data.attachmentId]: { set: data.set, level: data.level } } };
    case 'PolicyLevelSet':
      return known
        ? { attachments: { ...others, [data.attachmentId]: { ...known, level: data.level } } }
        : state;
    case 'PolicyDetached':
      return { attachments: others };
    case 'PolicyBreakGlassUsed':
      return state;
  }
}

export const policy: Aggregate<PolicyCommand, PolicyState, typeof policyEvents> = {
  name: 'policy',
  events: policyEvents,
  initial: { attachments: {} },
  decide,
  evolve,
};
