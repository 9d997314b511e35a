/**
 * The archive: a tar that any tool opens. In this order: `strongroom.json`, `events/<n>.jsonl`, `vault.jsonl`,
 * `evidence/<hex>`, `downloads/<segment>.jsonl`, `blobs/<hex>`, `end.json`. The log comes first: whatever an event up to
 * the head names is there when its turn comes. Every name and digest is folded into `end.json`, so that a cut or
 * changed archive shows.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

export const header = z.object({
  format: z.literal(1),
  logId: z.string(),
  epoch: z.number().int(),
  /** position of the last event in the archive, in the log it came from */
  head: z.string(),
  createdAt: z.string(),
  producer: z.string(),
});
export type Header = z.output<typeof header>;

export const ending = z.object({ entries: z.number().int(), events: z.number().int(), digest: z.string() });

export const archivedEvent = z.object({
  position: z.string(),
  stream: z.string(),
  revision: z.number().int(),
  id: z.string(),
  type: z.string(),
  version: z.number().int(),
  recordedAt: z.string(),
  data: z.record(z.string(), z.json()),
  meta: z.record(z.string(), z.json()),
});

/** What is read in one piece: a line of a list, a piece of evidence. More is neither written nor read, bytes. */
export const MAX_WHOLE = 256 * 1024 * 1024;

/** Folds entry after entry into one digest. */
export function createSummary() {
  const hash = createHash('sha256');
  let entries = 0;
  return {
    add(name: string, sha256: string): void {
      hash.update(`${name}\n${sha256}\n`);
      entries++;
    },
    end: () => ({ entries, digest: hash.digest('hex') }),
  };
}

export type Progress = (so: { phase: 'events' | 'evidence' | 'blobs'; done: number }) => void;

/** Passes on what is said, at most every so many ms: nobody reads a thousand lines a second. */
export function nowAndThen(told: Progress, ms = 250): Progress {
  let last = 0;
  return so => {
    const now = performance.now();
    if (now - last < ms) return;
    last = now;
    told(so);
  };
}
