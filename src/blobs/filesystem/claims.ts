import { refuse } from '../../domain/errors.ts';

/** Staging ids in use by a call that runs: a second caller is refused, and expiry leaves them alone. */
export class Claims {
  readonly #held = new Set<string>();

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** Rejects with STATE_CONFLICT while another call holds the id. */
  async hold<T>(id: string, work: () => Promise<T>): Promise<T> {
    if (this.#held.has(id)) throw refuse('STATE_CONFLICT', 'another request works on this upload');
    this.#held.add(id);
    try {
      return await work();
    } finally {
      this.#held.delete(id);
    }
  }
}
