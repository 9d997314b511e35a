/**
 * The snapshot port: a disposable cache of what long streams fold to, so that a cold one is not read from its
 * beginning. What it says is checked against the log; all of it may be deleted at any time, also while running.
 */

export interface SnapshotStore {
  /** What was kept last for this stream; undefined: nothing, or not whole. Never fails. */
  load(stream: string): Promise<Uint8Array | undefined>;
  /** Keeps it in place of what there was, whole or not at all; what cannot be kept is not kept. Never fails. */
  save(stream: string, bytes: Uint8Array): Promise<void>;
}
