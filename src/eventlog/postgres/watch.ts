/** Tells when the head moves, wherever it was moved: a notification wakes, and a poll makes sure. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { connect, discard, poolConfig } from './session.ts';
import { CHANNEL } from './write.ts';

const POLL_MS = 1_000;

export interface Watch {
  close(): Promise<void>;
}

/**
 * @param poll asks the server for the head; its failures are ignored, since the next poll comes
 * @param onHead gets heads as they are heard of, in any order
 */
export function watchHead(url: string, poll: () => Promise<unknown>, onHead: (head: number) => void): Watch {
  const stop = new AbortController();
  const running = Promise.all([listenWhile(stop.signal), pollWhile(stop.signal)]);

  async function pollWhile(signal: AbortSignal): Promise<void> {
    while (await paused(POLL_MS, signal)) await poll().catch(() => undefined);
  }

  async function listenWhile(signal: AbortSignal): Promise<void> {
    do await listen(signal).catch(() => undefined);
    while (await paused(POLL_MS, signal));
  }

  /** Resolves when the connection is lost or no longer wanted. */
  async function listen(signal: AbortSignal): Promise<void> {
    let client: pg.Client | undefined;
    const { promise: lost, resolve: end } = Promise.withResolvers<void>();
    const stopped = () => end();
    signal.addEventListener('abort', stopped);
    try {
      client = await connect({ ...poolConfig(url), application_name: 'strongroom log listener' }, end);
      client.on('notification', ({ payload }) => onHead(Number(payload)));
      await client.query(`LISTEN ${CHANNEL}`);
      if (!signal.aborted) await lost;
    } finally {
      signal.removeEventListener('abort', stopped);
      discard(client);
    }
  }

  return {
    async close() {
      stop.abort();
      await running;
    },
  };
}

/** False when aborted. Does not keep the process alive. */
async function paused(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal, ref: false }).catch(() => false);
}
