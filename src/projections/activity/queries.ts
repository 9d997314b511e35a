/** What happened, by what it was about and who did it. */
import type { Views } from '../port.ts';
import { AFTER_ALL, type Argument, padded, pageSize, prepared } from '../prepared.ts';
import type { ActivityFilter, ActivityQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { activityTable } from './view.ts';

const activityRow = (row: object) => decodeRow(activityTable, row);

const EQUALS = ['repositoryId', 'projectId', 'package', 'version', 'tag', 'subject', 'actor'] as const;

const decidedEvent = prepared((db, p: Argument<{ eventId: string }>) =>
  db.selectFrom('activity').selectAll().where('decided', '=', 1).where('eventId', '=', p('eventId')),
);

function activity(views: Views, filter: ActivityFilter) {
  const up = filter.order === 'asc';
  let query = views
    .current()
    .kysely.selectFrom('activity')
    .selectAll()
    .where('position', up ? '>' : '<', filter.after ?? (up ? '' : AFTER_ALL))
    .orderBy('position', up ? 'asc' : 'desc')
    .limit(pageSize(filter.limit));
  for (const name of EQUALS) {
    const value = filter[name];
    if (value !== undefined) query = query.where(name, '=', value);
  }
  if (filter.types) query = query.where('type', 'in', padded(filter.types));
  return filter.decidedOnly ? query.where('decided', '=', 1) : query;
}

export function activityQueries(views: Views): ActivityQueries {
  return {
    async activity(filter = {}) {
      if (filter.types?.length === 0) return [];
      return (await activity(views, filter).execute()).map(activityRow);
    },
    async decidedEvent(eventId) {
      return (await decidedEvent(views, { eventId })).map(activityRow)[0];
    },
  };
}
