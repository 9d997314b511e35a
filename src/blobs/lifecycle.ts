import { refuse } from '../domain/errors.ts';

/** Counts calls that run, so that closing can wait for them, and refuses new ones after that (SHUTTING_DOWN). */
export class Lifecycle {
  #running = 0;
  #closed = false;
  readonly #idle = Promise.withResolvers<void>();

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw refuse('SHUTTING_DOWN');
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#closed && this.#running === 0) this.#idle.resolve();
    }
  }

  /** Resolves when nothing runs any more. */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#running === 0) this.#idle.resolve();
    return this.#idle.promise;
  }
}
