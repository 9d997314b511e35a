/** Those who wait until a position was reached. */
import { refuse } from '../domain/errors.ts';

interface Waiter {
  readonly position: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export interface Waiters {
  /** @throws VIEWS_BEHIND after `timeoutMs` */
  until(position: string, timeoutMs: number): Promise<void>;
  reached(position: string): void;
  /** Everybody is told no. */
  fail(error: Error): void;
}

export function createWaiters(): Waiters {
  const waiting = new Set<Waiter>();
  const leave = (waiter: Waiter) => {
    clearTimeout(waiter.timer);
    waiting.delete(waiter);
  };
  return {
    until: (position, timeoutMs) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(waiter);
          reject(refuse('VIEWS_BEHIND', { position, retryAfter: 1 }));
        }, timeoutMs);
        const waiter: Waiter = { position, resolve, reject, timer };
        waiting.add(waiter);
      }),
    reached(position) {
      for (const waiter of waiting) {
        if (waiter.position > position) continue;
        leave(waiter);
        waiter.resolve();
      }
    },
    fail(error) {
      for (const waiter of [...waiting]) {
        leave(waiter);
        waiter.reject(error);
      }
    },
  };
}
