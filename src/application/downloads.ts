/**
 * Records of downloads. They go to a journal (one per node, one segment an hour) and from there, sealed, into the
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
  /** Writes what was only counted so far. */
  flush(): Promise<void>;
}

/** `2026-11-23T20`: the hour that a segment covers, UTC. */
export const segmentOf = (now: Date) => now.toISOString().slice(0, 13);

interface Counted {
  readonly line: object;
  count: number;
}

export function createDownloadRecorder(journal: DownloadJournal, now: () => Date): DownloadRecorder {
  let segment = '';
  let seen = new Set<string>();
  let counted = new Map<string, Counted>();

  async function flush(): Promise<void> {
    const [of, lines] = [segment, [...counted.values()]];
    counted = new Map();
    await Promise.all(lines.map(({ line, count }) => journal.append(of, JSON.stringify({ ...line, count }))));
  }

  async function turn(current: string): Promise<void> {
    if (current === segment) return;
    const flushing = flush();
    segment = current;
    seen = new Set();
    await flushing;
  }

  return {
    flush,
    async record({ caller, repository, version, digest, decision }) {
      if (repository.recording === 'off') return;
      const at = now();
      await turn(segmentOf(at));
      const what = {
        actor: caller.id,
        ...(caller.credential ? { credential: caller.credential } : {}),
        repository: repository.repositoryId,
        package: version.package,
        version: version.version,
        digest,
      };
      const key = `${caller.id} ${repository.repositoryId} ${digest}`;
      if (repository.recording === 'counted' && seen.has(key)) {
        const known = counted.get(key);
        if (known) known.count++;
        else counted.set(key, { line: { ...what, at: at.toISOString() }, count: 1 });
        return;
      }
      seen.add(key);
      const line = { ...what, at: at.toISOString(), count: 1, ...(decision ? { decision } : {}) };
      await journal.append(segment, JSON.stringify(line));
    },
  };
}
