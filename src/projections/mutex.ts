/** One at a time, in the order of asking; a failed one does not stop the next. */
export function createMutex() {
  let last: Promise<unknown> = Promise.resolve();
  return function exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work, work);
    last = result.catch(() => {});
    return result;
  };
}
