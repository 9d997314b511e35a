/**
 * The fence between what may name existing bytes (publish, mount, promote, restore) and what may remove them (the
 * collector). Many may share it; the collector holds it alone for one small batch at a time. The lease of the
 * exclusive holder is bounded by the database session or the process that holds it.
 */
export interface Fence {
  shared<T>(work: () => Promise<T>): Promise<T>;
  exclusive<T>(work: () => Promise<T>): Promise<T>;
}

/** Fence for a single process. A waiting exclusive holder goes before sharers that come later. */
export function createLocalFence(): Fence {
  let sharers = 0;
  let alone = false;
  const queue: { exclusive: boolean; start: () => void }[] = [];

  const admits = (exclusive: boolean) => !alone && !(exclusive && sharers > 0);
  const advance = () => {
    for (let next = queue[0]; next && admits(next.exclusive); next = queue[0]) {
      queue.shift();
      if (next.exclusive) alone = true;
      else sharers++;
      next.start();
    }
  };
  const enter = (exclusive: boolean) =>
    new Promise<void>(start => {
      queue.push({ exclusive, start });
      advance();
    });

  return {
    async shared(work) {
      await enter(false);
      try {
        return await work();
      } finally {
        sharers--;
        advance();
      }
    },
    async exclusive(work) {
      await enter(true);
      try {
        return await work();
      } finally {
        alone = false;
        advance();
      }
    },
  };
}
