/** Policy attachments. */
import { scopeKey } from '../../domain/access/grants.ts';
import type { Views } from '../port.ts';
import { type Argument, type Db, padded, prepared } from '../prepared.ts';
import type { AttachmentQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { attachmentsTable } from './view.ts';

const attachmentRow = (row: object) => decodeRow(attachmentsTable, row);

const attachments = (db: Db) =>
  db.selectFrom('attachments').selectAll().orderBy('scopeKey').orderBy('attachmentId');

const byId = prepared((db, p: Argument<{ attachmentId: string }>) =>
  attachments(db).where('attachmentId', '=', p('attachmentId')),
);

export function attachmentQueries(views: Views): AttachmentQueries {
  return {
    async attachmentsFor(scopes) {
      if (scopes.length === 0) return [];
      const { kysely } = views.current();
      const rows = await attachments(kysely)
        .where('scopeKey', 'in', padded(scopes.map(scopeKey)))
        .execute();
      return rows.map(attachmentRow);
    },
    async attachmentById(attachmentId) {
      return (await byId(views, { attachmentId })).map(attachmentRow)[0];
    },
    async listAttachments() {
      return (await attachments(views.current().kysely).execute()).map(attachmentRow);
    },
  };
}
