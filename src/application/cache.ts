/**
 * A small cache of query results, grouped so that an event drops everything it may concern: all of one repository, or
 * everything that is not of one repository. Values are loaded once for waiting callers. A load that began before an
 * invalidation is never kept.
 */
import type { DomainEvent } from '../domain/catalogue.ts';

export interface HotCache {
  /** `group` is a repository id, or `global` */
  get<T>(group: string, key: string, load: () => Promise<T>): Promise<T>;
  invalidate(events: readonly DomainEvent[]): void;
  clear(): void;
}

interface Group {
  readonly values: Map<string, Promise<unknown>>;
}

/** @param maxGroups groups kept, least recently used go first @param maxEntries entries in a group */
export function createHotCache(maxGroups = 256, maxEntries = 4096): HotCache {
  const groups = new Map<string, Group>();

  function groupOf(name: string): Group {
    let group = groups.get(name);
    if (group) {
      groups.delete(name);
    } else {
      group = { values: new Map() };
      const oldest = groups.keys().next();
      if (groups.size >= maxGroups && !oldest.done) groups.delete(oldest.value);
    }
    groups.set(name, group);
    return group;
  }

  return {
    get<T>(name: string, key: string, load: () => Promise<T>): Promise<T> {
      const { values } = groupOf(name);
      const known = values.get(key);
      if (known) return known as Promise<T>;
      // the promise lives in this group's map: dropping the map drops loads that are under way
      const loading = load();
      if (values.size >= maxEntries) values.clear();
      values.set(key, loading);
      loading.catch(() => {
        if (values.get(key) === loading) values.delete(key);
      });
      return loading;
    },
    invalidate(events) {
      for (const event of events) for (const group of groupsOf(event)) groups.delete(group);
    },
    clear: () => groups.clear(),
  };
}

/** Which groups an event may concern. Links, downloads and denials are never cached. */
function groupsOf(event: DomainEvent): readonly string[] {
  switch (event.type) {
    case 'BlobLinked':
    case 'RequestsDenied':
    case 'DownloadSegmentSealed':
    case 'DownloadSegmentExpired':
    case 'CollectionCompleted':
    case 'PromotionRequested':
    case 'PromotionApproved':
    case 'PromotionRejected':
    case 'PromotionWithdrawn':
    case 'PromotionExpired':
    case 'PromotionLeaseTaken':
    case 'PromotionLeaseReleased':
    case 'PromotionCompleted':
    case 'PromotionRefused':
      return [];
    case 'RepositoryCreated':
    case 'RepositoryRenamed':
    case 'RepositoryDeleted':
    case 'RepositoryVisibilitySet':
    case 'RepositoryImmutabilitySet':
    case 'RepositoryRecordingSet':
    case 'RepositoryApprovalsSet':
      return ['global', event.data.repositoryId];
    default:
      return 'repositoryId' in event.data && typeof event.data.repositoryId === 'string'
        ? [event.data.repositoryId]
        : ['global'];
  }
}
