/** Open holds, on places and on subjects. */
import { subjectOf } from '../../domain/values/purl.ts';
import type { HoldKind } from '../../domain/values/schemas.ts';
import { nullable, type RowOf, table, text } from '../table.ts';
import { type EventOf, view } from '../view.ts';

export const holdsTable = table({
  name: 'holds',
  columns: {
    /** `place:<repository id>/<package>@<version>` or `subject:<digest or purl>` */
    target: text(),
    holdId: text(),
    targetKind: text<'place' | 'subject'>(),
    repositoryId: nullable(text()),
    package: nullable(text()),
    version: nullable(text()),
    /** a digest, or a purl in its one spelling */
    subject: nullable(text()),
    /** the subject as it was spelled when it was held, which its stream is named after */
    heldAs: nullable(text()),
    /** of a place: only this file of it and its sidecars; null: all of it */
    file: nullable(text()),
    kind: text<HoldKind>(),
    /** sealed text */
    reason: text(),
    placedBy: text(),
    placedAt: text(),
    /** of the event that placed it; the order of lists */
    position: text(),
  },
  primaryKey: ['target', 'holdId'],
  indexes: [
    { name: 'holds_position', columns: ['position'] },
    { name: 'holds_repository', columns: ['repositoryId', 'position'] },
    { name: 'holds_id', columns: ['holdId'] },
  ],
});
export type HoldRow = RowOf<typeof holdsTable.columns>;

export const placeTarget = (place: { repositoryId: string; package: string; version: string }) =>
  `place:${place.repositoryId}/${place.package}@${place.version}`;
export const subjectTarget = (subject: string) => `subject:${subjectOf(subject)}`;

type HoldEvent = EventOf<'VersionHeld' | 'VersionHoldLifted' | 'SubjectHeld' | 'SubjectHoldLifted'>;

const targetOf = (event: HoldEvent) =>
  event.type === 'VersionHeld' || event.type === 'VersionHoldLifted'
    ? placeTarget(event.data)
    : subjectTarget(event.data.subject);

function placed(event: EventOf<'VersionHeld' | 'SubjectHeld'>): HoldRow {
  const { holdId, kind, reason } = event.data;
  const hold = { holdId, kind, reason, placedBy: event.meta.actor, placedAt: event.recordedAt };
  const base = { ...hold, target: targetOf(event), position: event.position };
  if (event.type === 'SubjectHeld') {
    const { subject } = event.data;
    return {
      ...base,
      targetKind: 'subject',
      repositoryId: null,
      package: null,
      version: null,
      file: null,
      subject: subjectOf(subject),
      heldAs: subject,
    };
  }
  const { repositoryId, package: name, version, file = null } = event.data;
  return {
    ...base,
    targetKind: 'place',
    repositoryId,
    package: name,
    version,
    file,
    subject: null,
    heldAs: null,
  };
}

export const holds = view({
  table: holdsTable,
  version: 3,
  types: ['VersionHeld', 'VersionHoldLifted', 'SubjectHeld', 'SubjectHoldLifted'],
  overwrites: ['VersionHeld', 'VersionHoldLifted', 'SubjectHeld', 'SubjectHoldLifted'],
  keysOf: event => [[targetOf(event), event.data.holdId]],
  evolve: (_row, event) =>
    event.type === 'VersionHeld' || event.type === 'SubjectHeld' ? placed(event) : undefined,
});
