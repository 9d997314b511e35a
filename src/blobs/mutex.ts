/** Runs work on the same key one after the other, and on different keys at the same time. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const mine = Promise.withResolvers<void>();
    this.#tails.set(key, mine.promise);
    try {
      await before;
      return await work();
    } finally {
      if (this.#tails.get(key) === mine.promise) this.#tails.delete(key);
      mine.resolve();
    }
  }
}
