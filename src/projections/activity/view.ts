/** Every event with what it is about: the history by repository, artifact, subject and actor. */
import type { DomainEvent, EventType } from '../../domain/catalogue.ts';
import { flag, integer, nullable, type RowOf, table, text } from '../table.ts';
import { view } from '../view.ts';

export const activityTable = table({
  name: 'activity',
  columns: {
    position: text(),
    recordedAt: text(),
    type: text<EventType>(),
    eventId: text(),
    /** where to read the whole event: its stream and revision */
    stream: text(),
    revision: integer(),
    actor: text(),
    projectId: nullable(text()),
    repositoryId: nullable(text()),
    package: nullable(text()),
    version: nullable(text()),
    tag: nullable(text()),
    /** of events about a subject: its digest or purl */
    subject: nullable(text()),
    /** of the policy decision that the event carries */
    outcome: nullable(text<'allow' | 'deny'>()),
    /** the decision was made by at least one policy set */
    decided: flag(),
  },
  primaryKey: ['position'],
  indexes: [
    { name: 'activity_repository', columns: ['repositoryId', 'position'] },
    { name: 'activity_package', columns: ['repositoryId', 'package', 'position'] },
    { name: 'activity_actor', columns: ['actor', 'position'] },
    { name: 'activity_subject', columns: ['subject', 'position'], where: '"subject" IS NOT NULL' },
    { name: 'activity_decided', columns: ['position'], where: '"decided" = 1' },
    { name: 'activity_decidedEvent', columns: ['eventId'], where: '"decided" = 1' },
  ],
});
export type ActivityRow = RowOf<typeof activityTable.columns>;

type Decision = DomainEvent['meta']['decision'];

/** The sets are the decision's own business; here only whether there are any. */
const hasSets = (decision: Decision) => Array.isArray(decision?.sets) && decision.sets.length > 0;

const string = (value: unknown) => (typeof value === 'string' ? value : null);

/** Events name what they are about by the same words everywhere. */
function about({ type, data, meta }: DomainEvent) {
  const facts: Readonly<Record<string, unknown>> = data;
  const isPackage = type === 'PackageRegistered';
  return {
    projectId: string(facts.projectId) ?? meta.projectId ?? null,
    repositoryId: string(facts.repositoryId) ?? meta.repositoryId ?? null,
    package: isPackage ? data.name : string(facts.package),
    version: string(facts.version),
    tag: string(facts.tag),
    subject: string(facts.subject),
  };
}

export const activity = view({
  table: activityTable,
  version: 1,
  types: 'all',
  overwrites: 'all',
  keysOf: (event: DomainEvent) => [[event.position]],
  evolve: (_row, event: DomainEvent): ActivityRow => ({
    position: event.position,
    recordedAt: event.recordedAt,
    type: event.type,
    eventId: event.id,
    stream: event.stream,
    revision: event.revision,
    actor: event.meta.actor,
    ...about(event),
    outcome: event.meta.decision?.outcome ?? null,
    decided: hasSets(event.meta.decision),
  }),
});
