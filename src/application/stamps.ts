/**
 * When packages changed last, as far as the views of this process know: what was composed under a stamp is good for as
 * long as the stamp stays the same.
 */
import type { DomainEvent } from '../domain/catalogue.ts';

export interface Stamps {
  /** of one package, or of everything in the repository */
  of(repositoryId: string, packageName?: string): string;
  /** another one after everything was read anew: what was made before may tell what is erased now */
  generation(): number;
  invalidate(events: readonly DomainEvent[]): void;
  clear(): void;
}

interface Changes {
  /** changes of anything in it */
  any: number;
  /** changes of the repository itself: they concern each of its packages */
  own: number;
  readonly packages: Map<string, number>;
}

/** @param maxPackages how many packages' changes are remembered; beyond, everything counts as changed once */
export function createStamps(maxPackages = 200_000): Stamps {
  const repositories = new Map<string, Changes>();
  let everywhere = 0;
  let generation = 0;
  let remembered = 0;

  function changesOf(repositoryId: string): Changes {
    let changes = repositories.get(repositoryId);
    if (!changes) {
      changes = { any: 0, own: 0, packages: new Map() };
      repositories.set(repositoryId, changes);
    }
    return changes;
  }

  function clear(): void {
    everywhere++;
    generation++;
    remembered = 0;
    repositories.clear();
  }

  function note(event: DomainEvent): void {
    if (concernsAll(event)) everywhere++;
    const place = placeOf(event);
    if (!place) return;
    const changes = changesOf(place.repositoryId);
    changes.any++;
    if (place.package === undefined) {
      changes.own++;
      return;
    }
    const before = changes.packages.get(place.package);
    if (before === undefined && ++remembered > maxPackages) clear();
    else changes.packages.set(place.package, (before ?? 0) + 1);
  }

  return {
    of(repositoryId, packageName) {
      const changes = repositories.get(repositoryId);
      if (packageName === undefined) return `${everywhere}.${changes?.any ?? 0}`;
      return `${everywhere}.${changes?.own ?? 0}.${changes?.packages.get(packageName) ?? 0}`;
    },
    generation: () => generation,
    invalidate(events) {
      for (const event of events) note(event);
    },
    clear,
  };
}

/** Bytes are held and judged wherever they are; who was forgotten has no readable reasons any more. */
const concernsAll = ({ type }: DomainEvent) =>
  type === 'SubjectHeld' || type === 'SubjectHoldLifted' || type === 'PrincipalDeleted';

function placeOf(event: DomainEvent): { repositoryId: string; package?: string } | undefined {
  const data: Readonly<Record<string, unknown>> = event.data;
  if (typeof data.repositoryId !== 'string' || event.type === 'BlobLinked') return undefined;
  const name = event.type === 'PackageRegistered' ? data.name : data.package;
  return typeof name === 'string'
    ? { repositoryId: data.repositoryId, package: name }
    : { repositoryId: data.repositoryId };
}
