/** A hold as the API gives it, and how it is shown. */
import type { Column } from '../output/table.ts';
import { shortDigest, shortId, time } from '../output/text.ts';
import { formatPlace } from '../reference.ts';

export interface Hold {
  readonly id: string;
  readonly kind: string;
  readonly everywhere: boolean;
  readonly reason?: string;
  readonly placedBy: string;
  readonly placedAt: string;
}

/** In a list, with what it is on. */
export interface PlacedHold extends Hold {
  readonly subject?: string;
  readonly project?: string;
  readonly repository?: string;
  readonly package?: string;
  readonly version?: string;
}

export const HOLDS: readonly Column<Hold>[] = [
  { title: 'HOLD', value: ({ id }) => id },
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'WHERE', value: ({ everywhere }) => (everywhere ? 'everywhere' : 'here') },
  { title: 'SINCE', value: ({ placedAt }) => time(placedAt) },
  { title: 'BY', value: ({ placedBy }) => shortId(placedBy) },
  { title: 'REASON', value: ({ reason }) => reason },
];

export const PLACED_HOLDS: readonly Column<PlacedHold>[] = [
  { title: 'HOLD', value: ({ id }) => id },
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'ON', value: heldThing },
  { title: 'SINCE', value: ({ placedAt }) => time(placedAt) },
  { title: 'BY', value: ({ placedBy }) => shortId(placedBy) },
  { title: 'REASON', value: ({ reason }) => reason },
];

function heldThing({
  everywhere,
  subject,
  project,
  repository,
  package: inside,
  version,
}: PlacedHold): string {
  if (everywhere || inside === undefined) return `${shortDigest(subject)} everywhere`;
  const short = version === undefined ? {} : { version: shortDigest(version) };
  if (project === undefined || repository === undefined) return formatPlace({ project: inside, ...short });
  return formatPlace({ project, repository, package: inside, ...short });
}
