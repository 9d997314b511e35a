/** Catch-up subscriptions over anything that can be read in pages and tells when its head moves. */
import type { Filter, Page, Position, SubscribeOptions, SubscriptionMessage } from './port.ts';

/** What a subscription needs to know of a log. */
export interface Followable {
  readonly start: Position;
  /** the newest head that this process has heard of */
  knownHead(): Position;
  /** the next page, from memory where it can be; undefined when closed or aborted */
  page(
    after: Position,
    filter: Filter | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Page | undefined>;
  /** resolves true once the head is after `position`, false when closed or aborted; rejects when the log broke */
  beyond(position: Position, signal: AbortSignal | undefined): Promise<boolean>;
}

/** How many events a subscription looks at in one go. */
export const FOLLOW_PAGE = 500;

/**
 * Reads page by page and waits at the head. One loop for history and live: what is new is read like what is old
 * (from the memory of the log while it is recent), so there is no seam at which an event could slip through, and a
 * slow reader costs nobody memory.
 */
export async function* follow(
  log: Followable,
  { after = log.start, filter, signal }: SubscribeOptions,
): AsyncGenerator<SubscriptionMessage, void, undefined> {
  let cursor = after;
  while (!signal?.aborted) {
    const page = await log.page(cursor, filter, signal);
    if (!page) return;
    for (const message of messagesOf(log, page, cursor)) {
      if (signal?.aborted) return;
      yield message;
    }
    cursor = page.next;
    if (page.atHead && !(await log.beyond(cursor, signal))) return;
  }
}

/** Lazy on purpose: whether the reader is at the head is known only after it took the page's events. */
function* messagesOf(log: Followable, page: Page, after: Position): Generator<SubscriptionMessage> {
  for (const event of page.events) yield { kind: 'event', event };
  if (page.atHead && log.knownHead() <= page.next) yield { kind: 'caughtUp', position: page.next };
  else if (page.next > (page.events.at(-1)?.position ?? after))
    yield { kind: 'checkpoint', position: page.next };
}

/** Those who wait for a head to move. */
export class HeadWaiters {
  readonly #waiting = new Set<() => void>();
  #ended: { error?: Error } | undefined;

  /** Wakes everybody who waits; each looks at the head again. */
  wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  /** Nothing will come any more: waiting ends, with `error` when the log broke. */
  end(error?: Error): void {
    this.#ended ??= error ? { error } : {};
    this.wake();
  }

  /** True once `moved`, false when closed or aborted. */
  async until(moved: () => boolean, signal: AbortSignal | undefined): Promise<boolean> {
    for (;;) {
      if (this.#ended?.error) throw this.#ended.error;
      if (this.#ended || signal?.aborted) return false;
      if (moved()) return true;
      await new Promise<void>(resolve => {
        const resume = () => {
          signal?.removeEventListener('abort', resume);
          this.#waiting.delete(resume);
          resolve();
        };
        this.#waiting.add(resume);
        signal?.addEventListener('abort', resume);
      });
    }
  }
}
