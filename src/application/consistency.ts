/**
 * Read your writes, and caches that bind. Before a governed read is answered, the views have reached a head of the log
 * that was read after the request arrived, so that a hold acknowledged anywhere binds here. Waiting requests share
 * one such read.
 */
import { isRefusal, refuse } from '../domain/errors.ts';
import type { Position } from '../eventlog/port.ts';
import type { Core } from './core.ts';

export interface Consistency {
  /** Resolves when the views know everything that was acknowledged before the call. */
  settle(): Promise<void>;
  /** Waits for the views to reach the position of an append. */
  wait(position: Position | undefined): Promise<void>;
}

export function createConsistency(core: Pick<Core, 'log' | 'views' | 'settings' | 'now'>): Consistency {
  const { viewWaitMs, maxStalenessMs } = core.settings;
  let settledAt = Number.NEGATIVE_INFINITY;
  let next: Promise<void> | undefined;

  async function read(): Promise<void> {
    // from here on, callers need a younger head than the one that is read now
    next = undefined;
    const asked = core.now().getTime();
    const head = await core.log.head();
    if (head > core.views.position()) await core.views.reached(head, viewWaitMs);
    settledAt = Math.max(settledAt, asked);
  }

  return {
    async settle() {
      next ??= Promise.resolve().then(read);
      try {
        await next;
      } catch (error) {
        if (!isRefusal(error, 'LOG_UNAVAILABLE') || core.now().getTime() - settledAt >= maxStalenessMs)
          throw error;
      }
    },
    async wait(position) {
      if (position === undefined || position <= core.views.position()) return;
      try {
        await core.views.reached(position, viewWaitMs);
      } catch (error) {
        if (!isRefusal(error, 'VIEWS_BEHIND')) throw error;
        throw refuse('VIEWS_BEHIND', { reason: 'it was stored, but is not visible yet', retryAfter: 1 });
      }
    },
  };
}
