/**
 * A link says that a blob's bytes were brought into a repository by somebody who possessed them. Manifests, mounts and
 * promotions may only name linked blobs. Until a manifest names the blob, the link holds it for a lease.
 * Stream: `link-<repositoryId>/<canonical digest>`.
 */
import { z } from 'zod';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { canonicalDigest } from '../values/digest.ts';
import { id, instant, size } from '../values/schemas.ts';

const blob = { repositoryId: id, canonical: canonicalDigest };

export const linkEvents = {
  BlobLinked: event(
    z.strictObject({
      ...blob,
      /** as the client named it, when not by sha256 */
      alias: z.string().optional(),
      size,
      via: z.enum(['upload', 'mount', 'promotion']),
      leaseUntil: instant,
    }),
  ),
  BlobUnlinked: event(z.strictObject({ ...blob, cause: z.enum(['delete', 'collection']) })),
};

interface BlobName {
  readonly repositoryId: string;
  readonly canonical: string;
}
export type LinkCommand =
  | (BlobName & {
      readonly kind: 'LinkBlob';
      readonly alias?: string | undefined;
      readonly size: number;
      readonly via: 'upload' | 'mount' | 'promotion';
      readonly now: string;
      readonly leaseUntil: string;
    })
  | (BlobName & { readonly kind: 'UnlinkBlob'; readonly cause: 'delete' | 'collection' });

export interface LinkState {
  readonly linked: boolean;
  readonly leaseUntil: string;
  readonly aliases: readonly string[];
}
type LinkEvent = EventsOf<typeof linkEvents>;

/** A lease is renewed only when less than half of it is left, so that retried uploads write nothing. */
function decide(command: LinkCommand, state: LinkState): readonly LinkEvent[] {
  const { repositoryId, canonical } = command;
  if (command.kind === 'UnlinkBlob')
    return state.linked
      ? [{ type: 'BlobUnlinked', data: { repositoryId, canonical, cause: command.cause } }]
      : [];
  const { alias, via, leaseUntil } = command;
  const half = (Date.parse(command.now) + Date.parse(leaseUntil)) / 2;
  const fresh = state.linked && Date.parse(state.leaseUntil) >= half;
  if (fresh && (alias === undefined || state.aliases.includes(alias))) return [];
  const data = { repositoryId, canonical, size: command.size, via, leaseUntil };
  return [{ type: 'BlobLinked', data: alias === undefined ? data : { ...data, alias } }];
}

function evolve(state: LinkState, { type, data }: LinkEvent): LinkState {
  if (type === 'BlobUnlinked') return { ...state, linked: false };
  const aliases =
    data.alias && !state.aliases.includes(data.alias) ? [...state.aliases, data.alias] : state.aliases;
  return { linked: true, leaseUntil: data.leaseUntil, aliases };
}

export const link: Aggregate<LinkCommand, LinkState, typeof linkEvents> = {
  name: 'link',
  events: linkEvents,
  initial: { linked: false, leaseUntil: '1970-01-01T00:00:00.000Z', aliases: [] },
  decide,
  evolve,
};

export const linkStream = (repositoryId: string, canonical: string) => `link-${repositoryId}/${canonical}`;
