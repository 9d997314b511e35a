/** Reading request bodies: at the speed of 'data' events, with backpressure, keeping what arrived when they break. */
import type { Readable } from 'node:stream';
import { refuse, StrongroomError } from '../domain/errors.ts';

/**
 * To be called at once with every body that is handed over: a body that breaks while nobody listens, before it is
 * read or after it was refused, must not end the process.
 */
export function expectErrors(body: Readable): void {
  body.on('error', () => undefined);
}

/**
 * Hands each chunk to `take` in order; while a promise that `take` returned is open the body is paused.
 * Resolves with the refusal when the body ended early (broken: SIZE_INVALID; more than `room` bytes:
 * CONTENT_TOO_LARGE, the chunk that went over is not taken), with undefined when it was complete. Rejects only with
 * errors of `take`. The body is left paused, not destroyed: its owner decides what the connection is still good for.
 */
export function drain(
  body: Readable,
  room: number,
  take: (chunk: Uint8Array) => Promise<void> | undefined,
): Promise<StrongroomError | undefined> {
  if (body.readableEnded) return Promise.resolve(undefined);
  if (body.destroyed) return Promise.resolve(brokenBody(body.errored));
  const { promise, resolve, reject } = Promise.withResolvers<StrongroomError | undefined>();
  let left = room;

  const onData = (data: Uint8Array | string) => {
    const chunk = typeof data === 'string' ? Buffer.from(data) : data;
    if (chunk.length > left) return settle(() => resolve(tooLarge(room)));
    left -= chunk.length;
    const busy = take(chunk);
    if (!busy) return;
    body.pause();
    busy.then(
      () => open && body.resume(),
      (error: unknown) => settle(() => reject(error)),
    );
  };
  const onEnd = () => settle(() => resolve(undefined));
  const onError = (error: unknown) => settle(() => resolve(brokenBody(error)));
  const onClose = () => settle(() => resolve(brokenBody(undefined)));

  let open = true;
  const settle = (finish: () => void) => {
    open = false;
    body.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
    body.pause();
    finish();
  };
  body.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  return promise;
}

function tooLarge(room: number): StrongroomError {
  return refuse('CONTENT_TOO_LARGE', { reason: `at most ${room} more bytes are taken`, room });
}

function brokenBody(cause: unknown): StrongroomError {
  return new StrongroomError('SIZE_INVALID', 'the body ended before it was complete', { cause });
}
