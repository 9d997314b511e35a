/** Refusals, counted by actor, action, codes, target and minute over all nodes that recorded them. */
import { createHash } from 'node:crypto';
import type { Action } from '../../domain/values/actions.ts';
import { integer, json, type RowOf, table, text } from '../table.ts';
import { type EventOf, view } from '../view.ts';

export const denialsTable = table({
  name: 'denials',
  columns: {
    /** start of the minute */
    minute: text(),
    /** hash of what is counted together: targets are too long for an index */
    denialId: text(),
    actor: text(),
    action: text<Action>(),
    codes: json<readonly string[]>(),
    target: text(),
    count: integer(),
    recordedAt: text(),
  },
  primaryKey: ['minute', 'denialId'],
  indexes: [{ name: 'denials_actor', columns: ['actor', 'minute', 'denialId'] }],
});
export type DenialRow = RowOf<typeof denialsTable.columns>;

function denialId({ actor, action, codes, target }: EventOf<'RequestsDenied'>['data']): string {
  const counted = JSON.stringify([actor, action, codes, target]);
  return createHash('sha256').update(counted).digest('hex').slice(0, 32);
}

export const denials = view({
  table: denialsTable,
  version: 1,
  types: ['RequestsDenied'],
  keysOf: ({ data }) => [[data.minute, denialId(data)]],
  evolve: (row, { data, recordedAt }, key) => ({
    ...data,
    denialId: String(key[1]),
    count: (row?.count ?? 0) + data.count,
    recordedAt,
  }),
});
