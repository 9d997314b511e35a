/**
 * Shares one run of a question among all who ask at the same time. Each caller's answer comes from a run that started
 * after the call, so it is never older than what the caller knew.
 */
export function coalesced<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> | undefined;
  let next: Promise<T> | undefined;

  function start(): Promise<T> {
    next = undefined;
    const answer = run();
    const done = answer.then(
      () => undefined,
      () => undefined,
    );
    running = done;
    void done.then(() => {
      if (running === done) running = undefined;
    });
    return answer;
  }

  return () => {
    if (!running) return start();
    next ??= running.then(start);
    return next;
  };
}
