/**
 * Reading away what a refused client still sends. To close a connection with bytes unread resets it, and a client that
 * sends everything before it reads would find a broken pipe in the place of the reason.
 * https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 */
import type { IncomingMessage } from 'node:http';

export interface LingerOptions {
  /** how long a client may go on, ms */
  readonly totalMs: number;
  /** how long it may be silent, ms */
  readonly silenceMs: number;
}

/** Resolves when the body has come to its end, or was waited for long enough. It is kept nowhere. */
export function readAway(request: IncomingMessage, { totalMs, silenceMs }: LingerOptions): Promise<void> {
  return new Promise(done => {
    const finish = () => {
      clearTimeout(late);
      clearTimeout(silent);
      request.off('data', heard);
      done();
    };
    const late = setTimeout(finish, totalMs);
    const silent = setTimeout(finish, silenceMs);
    const heard = () => void silent.refresh();
    request.on('data', heard);
    for (const event of ['end', 'close', 'error']) request.once(event, finish);
    // who began to read it, block by block, has gone
    request.removeAllListeners('readable');
    request.resume();
  });
}
