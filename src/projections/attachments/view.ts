/** Policy sets attached to places. */
import { scopeKey } from '../../domain/access/grants.ts';
import type { EnforcementLevel } from '../../domain/policy/policy.ts';
import type { Scope } from '../../domain/values/actions.ts';
import type { Json } from '../../domain/values/json.ts';
import { json, nullable, type RowOf, table, text } from '../table.ts';
import { view } from '../view.ts';

export const attachmentsTable = table({
  name: 'attachments',
  columns: {
    /** `instance`, `project-<id>` or `repository-<id>` */
    scopeKey: text(),
    attachmentId: text(),
    scope: json<Scope>(),
    set: text(),
    module: text(),
    level: text<EnforcementLevel>(),
    params: nullable(json<Readonly<Record<string, Json>>>()),
    attachedAt: text(),
    attachedBy: text(),
  },
  primaryKey: ['scopeKey', 'attachmentId'],
  indexes: [{ name: 'attachments_id', columns: ['attachmentId'] }],
});
export type AttachmentRow = RowOf<typeof attachmentsTable.columns>;

export const attachments = view({
  table: attachmentsTable,
  version: 1,
  types: ['PolicyAttached', 'PolicyLevelSet', 'PolicyDetached'],
  overwrites: ['PolicyAttached', 'PolicyDetached'],
  keysOf: ({ data }) => [[scopeKey(data.scope), data.attachmentId]],
  evolve(row, event) {
    if (event.type === 'PolicyDetached') return undefined;
    if (event.type === 'PolicyLevelSet') return row && { ...row, level: event.data.level };
    const { params = null, ...data } = event.data;
    const attached = { attachedAt: event.recordedAt, attachedBy: event.meta.actor };
    return { ...data, params, scopeKey: scopeKey(data.scope), ...attached };
  },
});
