/**
 * Records of downloads. They go to a journal (one segment for each process and hour) and from there, sealed, into the
 * evidence store; their number and Merkle root enter the log. `counted`: the first of an actor and artifact in an hour
 * is recorded at once, the rest are counted. `each`: every one. `off`: none.
 */
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';

export interface Download {
  readonly caller: Caller;
  readonly repository: RepositoryInfo;
  readonly version: VersionRow;
  /** canonical digest of what was handed out */
  readonly digest: string;
  /** digest of the policy input, when policies were asked */
  readonly decision?: string | undefined;
}

/** Where download records are kept until their hour is sealed. Durable when `append` resolves. */
export interface DownloadJournal {
  append(segment: string, line: string): Promise<void>;
  /** segments with records, in order */
  segments(): Promise<readonly string[]>;
  read(segment: string): Promise<readonly string[]>;
  remove(segment: string): Promise<void>;
}

export interface DownloadRecorder {
  record(download: Download): Promise<void>;
  /** Downloads from a repository that this process has recorded and no sealed segment counts yet. */
  unsealed(repositoryId: string): number;
  /** A segment was sealed: the views count it from now on. */
  sealed(segment: string): void;
  /** Writes what was only counted so far. */
  flush(): Promise<void>;
}

/** `2026-11-23T20`: an hour, UTC. */
export const hourOf = (now: Date) => now.toISOString().slice(0, 13);

/** Names one process's records of one hour: `2026-11-23T20_<node>`. */
export const segmentOf = (hour: string, node: string) => `${hour}_${node}`;

interface Counted {
  readonly segment: string;
  readonly line: object;
  count: number;
}

/** Beyond this many actors and artifacts in an hour, first downloads may be recorded as such again. */
const MAX_SEEN = 200_000;

/** @param node names this process among those that share the journal's folder */
export function createDownloadRecorder(
  journal: DownloadJournal,
  now: () => Date,
  node: string,
): DownloadRecorder {
  const counts = new Map<string, Map<string, number>>();
  let segment = '';
  let seen = new Set<string>();
  /** by segment, actor and artifact */
  const counted = new Map<string, Counted>();

  /** What cannot be written stays counted. */
  async function flush(): Promise<void> {
    const written = [...counted].map(async ([key, entry]) => {
      counted.delete(key);
      await journal
        .append(entry.segment, JSON.stringify({ ...entry.line, count: entry.count }))
        .catch(error => {
          const newer = counted.get(key);
          if (newer) newer.count += entry.count;
          else counted.set(key, entry);
          throw error;
        });
    });
    await Promise.all(written);
  }

  async function turn(current: string): Promise<void> {
    if (current === segment) return;
    const flushing = flush();
    segment = current;
    seen = new Set();
    await flushing;
  }

  function count(repositoryId: string): void {
    const inSegment = counts.get(segment) ?? new Map<string, number>();
    counts.set(segment, inSegment.set(repositoryId, (inSegment.get(repositoryId) ?? 0) + 1));
  }

  return {
    flush,
    unsealed: id => [...counts.values()].reduce((sum, inSegment) => sum + (inSegment.get(id) ?? 0), 0),
    sealed: of => void counts.delete(of),
    async record(download) {
      const { caller, repository, digest, decision } = download;
      if (repository.recording === 'off') return;
      const at = now();
      await turn(segmentOf(hourOf(at), node));
      count(repository.repositoryId);
      const key = `${caller.id} ${repository.repositoryId} ${digest}`;
      const line = { ...lineOf(download), at: at.toISOString(), count: 1 };
      if (repository.recording === 'counted' && seen.has(key)) {
        const known = counted.get(`${segment} ${key}`);
        if (known) known.count++;
        else counted.set(`${segment} ${key}`, { segment, line, count: 1 });
        return;
      }
      if (seen.size >= MAX_SEEN) seen.clear();
      seen.add(key);
      const whole = decision === undefined ? line : { ...line, decision };
      await journal.append(segment, JSON.stringify(whole)).catch(error => {
        // it was not recorded: the next one is the first
        seen.delete(key);
        throw error;
      });
    },
  };
}

const lineOf = ({ caller, repository, version, digest }: Download) => ({
  actor: caller.id,
  ...(caller.credential ? { credential: caller.credential } : {}),
  repository: repository.repositoryId,
  package: version.package,
  version: version.version,
  digest,
});
