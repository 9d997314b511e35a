/** Recorded events and callers that application tests share. */
import type { Caller } from '../../src/application/caller.ts';
import type { AnyEvent, DomainEvent } from '../../src/domain/catalogue.ts';
import type { EventMeta } from '../../src/domain/kernel/metadata.ts';
import type { RepositoryInfo, VersionRow } from '../../src/projections/queries.ts';

export const META = {
  logId: 'log-1',
  epoch: 1,
  correlationId: 'correlation-1',
  commandId: 'command-1',
  actor: 'ada',
  actorKind: 'user',
  authentication: 'token',
  roles: ['admin'],
  producer: 'strongroom test',
  occurredAt: '2026-01-01T00:00:00.000Z',
} satisfies EventMeta;

export function recorded(event: AnyEvent): DomainEvent {
  const place = { position: '1', stream: 'stream-1', revision: 0, id: 'event-1' };
  return { ...event, ...place, recordedAt: META.occurredAt, meta: META };
}

export const caller = (id: string): Caller => ({
  id,
  kind: 'user',
  authentication: 'token',
  credential: `token-of-${id}`,
  correlationId: 'correlation-1',
});

/** The part of a repository's row that the tests look at. */
export const repositoryRow = (of: Partial<RepositoryInfo> = {}) =>
  ({ repositoryId: 'r1', projectId: 'p1', projectName: 'team', name: 'images', ...of }) as RepositoryInfo;

export const versionRow = (of: Partial<VersionRow> = {}) =>
  ({ repositoryId: 'r1', package: 'app', version: '1', ...of }) as VersionRow;

/** A clock that is set by hand. */
export function clock(start: string) {
  let time = Date.parse(start);
  return {
    now: () => new Date(time),
    set: (to: string) => {
      time = Date.parse(to);
    },
    pass: (ms: number) => {
      time += ms;
    },
  };
}
