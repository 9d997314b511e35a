/** Every event type that the log may hold. A type that is not here halts its reader. */
import { credentialEvents } from './access/credentials.ts';
import { grantEvents } from './access/grants.ts';
import { principalEvents } from './access/principals.ts';
import { directoryEvents } from './directory/directory.ts';
import { type EventMap, type EventsOf, readEvent, UnknownEventError } from './kernel/event.ts';
import { type EventMeta, eventMeta } from './kernel/metadata.ts';
import { linkEvents } from './link/link.ts';
import { operationEvents } from './operations/events.ts';
import { packageEvents } from './package/package.ts';
import { placementEvents } from './placement/events.ts';
import { policyEvents } from './policy/policy.ts';
import { projectEvents } from './project/project.ts';
import { promotionEvents } from './promotion/events.ts';
import { repositoryEvents } from './repository/repository.ts';
import { subjectEvents } from './subject/subject.ts';
import { tagEvents } from './tag/tag.ts';
import type { JsonObject } from './values/json.ts';

export const EVENTS = {
  ...directoryEvents,
  ...projectEvents,
  ...repositoryEvents,
  ...packageEvents,
  ...placementEvents,
  ...tagEvents,
  ...linkEvents,
  ...subjectEvents,
  ...promotionEvents,
  ...principalEvents,
  ...credentialEvents,
  ...grantEvents,
  ...policyEvents,
  ...operationEvents,
} satisfies EventMap;

export type EventType = keyof typeof EVENTS;
/** Any event of the log, typed: `{type, data}`. */
export type AnyEvent = EventsOf<typeof EVENTS>;

/** A recorded event whose data and metadata were validated and brought to today's versions. */
export type DomainEvent = AnyEvent & {
  readonly position: string;
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly recordedAt: string;
  readonly meta: EventMeta;
  /** what `metadata` names in evidence, where the reader fetched it and it is not erased */
  readonly document?: JsonObject | undefined;
};

/** @throws UnknownEventError: the reader must halt, never skip */
export function toDomainEvent(recorded: {
  position: string;
  stream: string;
  revision: number;
  id: string;
  type: string;
  version: number;
  recordedAt: string;
  data: JsonObject;
  meta: JsonObject;
}): DomainEvent {
  const { type, data } = readEvent(EVENTS, recorded) as AnyEvent;
  const meta = eventMeta.safeParse(recorded.meta);
  if (!meta.success)
    throw new UnknownEventError(recorded.type, recorded.version, `metadata: ${meta.error.message}`);
  const { position, stream, revision, id, recordedAt } = recorded;
  return {
    type,
    data,
    position,
    stream,
    revision,
    id,
    recordedAt,
    meta: meta.data,
  } as DomainEvent;
}
