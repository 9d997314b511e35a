/** Bytes to a socket and back: requests that no HTTP client would send. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** everything that came, further answers on the same connection included */
  readonly all: string;
}

export interface Raw {
  readonly socket: Socket;
  write(data: string | Uint8Array): void;
  /** Resolves when what came matches. @throws with what came, when the connection ended or 10 s passed */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with everything when the server has closed. */
  end(): Promise<string>;
}

const WAIT_MS = 10_000;

export async function open(port: number): Promise<Raw> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  let closed = false;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of waiting) check();
  };
  socket.on('data', chunk => {
    received += chunk.toString('latin1');
    wake();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
    wake();
  });
  await new Promise<void>((done, failed) => socket.once('connect', done).once('error', failed));

  function wait(ready: () => boolean, what: string): Promise<string> {
    return new Promise((done, failed) => {
      const finish = (act: () => void) => {
        clearTimeout(timer);
        waiting.delete(check);
        act();
      };
      const check = () => {
        if (ready()) finish(() => done(received));
        else if (closed)
          finish(() => failed(new Error(`closed without ${what}, after: ${received.slice(0, 500)}`)));
      };
      const late = () =>
        finish(() => failed(new Error(`no ${what} in time, only: ${received.slice(0, 500)}`)));
      const timer = setTimeout(late, WAIT_MS);
      waiting.add(check);
      check();
    });
  }

  return {
    socket,
    write: data => void socket.write(data),
    until: pattern => wait(() => pattern.test(received), String(pattern)),
    end: () => wait(() => closed, 'an end of the connection'),
  };
}

/** Sends one request as it stands, `Connection: close` included by the caller or not, and reads the first answer. */
export async function send(port: number, request: string | Uint8Array): Promise<RawAnswer> {
  const raw = await open(port);
  raw.write(request);
  const complete = () => raw.until(/^HTTP\/1\.1 (?!100)[0-9]{3} [\s\S]*?\r\n\r\n/);
  try {
    await complete();
    const text = await bodyOf(raw);
    return parse(text);
  } finally {
    raw.socket.destroy();
  }
}

async function bodyOf(raw: Raw): Promise<string> {
  const head = await raw.until(/\r\n\r\n/);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const at = head.indexOf('\r\n\r\n') + 4;
  if (length === undefined) return head;
  return raw.until(new RegExp(`^[\\s\\S]{${Math.min(at + Number(length), 60_000)}}`));
}

export function parse(all: string): RawAnswer {
  const at = all.indexOf('\r\n\r\n');
  const [start = '', ...lines] = all.slice(0, at).split('\r\n');
  const headers = Object.fromEntries(
    lines.map(line => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const length = Number(headers['content-length'] ?? 0);
  return { status: Number(start.split(' ')[1]), headers, body: all.slice(at + 4, at + 4 + length), all };
}
