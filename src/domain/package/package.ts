/** A package: a name in a repository under which versions are published. Stream: `package-<repositoryId>/<name>`. */
import { z } from 'zod';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { id } from '../values/schemas.ts';

const packageName = z.string().min(1).max(512);

export const packageEvents = {
  PackageRegistered: event(
    z.strictObject({
      repositoryId: id,
      format: z.string().max(32),
      /** normalised as the ecosystem says */
      name: packageName,
      /** as the first publisher wrote it */
      displayName: packageName,
    }),
  ),
};

export type PackageCommand = {
  readonly kind: 'RegisterPackage';
  readonly repositoryId: string;
  readonly format: string;
  readonly name: string;
  readonly displayName: string;
};

export interface PackageState {
  readonly registered: boolean;
}
type PackageEvent = EventsOf<typeof packageEvents>;

function decide(command: PackageCommand, state: PackageState): readonly PackageEvent[] {
  if (state.registered) return [];
  const { kind: _kind, ...data } = command;
  return [{ type: 'PackageRegistered', data }];
}

export const packageAggregate: Aggregate<PackageCommand, PackageState, typeof packageEvents> = {
  name: 'package',
  events: packageEvents,
  initial: { registered: false },
  decide,
  evolve: (_state: PackageState, _event: PackageEvent): PackageState => ({ registered: true }),
};

export const packageStream = (repositoryId: string, name: string) => `package-${repositoryId}/${name}`;
