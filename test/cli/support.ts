/** A run of the command line inside the test, and a fake of the API's side that says what the test wants. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import { createProgram, run } from '../../src/cli/main.ts';

class Sink extends Writable {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface FakeIoOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** stdout is a terminal */
  readonly terminal?: boolean;
}

export function fakeIo({ env = {}, input = '', terminal = false }: FakeIoOptions = {}) {
  const [stdout, stderr] = [new Sink(terminal), new Sink()];
  return { env, stdin: Readable.from([Buffer.from(input)]), stdout, stderr };
}

/** Runs `strongroom <args>` in this process. */
export async function cli(args: readonly string[], options?: FakeIoOptions) {
  const io = fakeIo(options);
  const code = await run(['node', 'strongroom', ...args], io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}

export interface FakeRequest {
  readonly method: string;
  /** below /api/v1, with the query */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers with a status and JSON, with a text, or by breaking the connection off. */
type FakeAnswer =
  | {
      readonly status?: number;
      readonly json?: unknown;
      readonly text?: string;
      readonly headers?: Record<string, string>;
    }
  | 'break off';

/** Not Strongroom: a server that answers what a test tells it, and remembers what it was asked. */
export async function startFakeServer(answer: (request: FakeRequest, times: number) => FakeAnswer) {
  const requests: FakeRequest[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = (request.url ?? '').replace('/api/v1', '');
    const asked = {
      method: request.method ?? '',
      path,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    requests.push(asked);
    const given = answer(asked, requests.length);
    if (given === 'break off') {
      request.socket.destroy();
      return;
    }
    const { status = 200, json, text = json === undefined ? '' : JSON.stringify(json), headers = {} } = given;
    response.writeHead(status, headers).end(text);
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise<void>(done => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

export interface Leaf {
  readonly path: readonly string[];
  readonly command: Command;
}

/** Every command that does something, as opposed to groups of commands. */
export function leaves(): Leaf[] {
  const below = (of: Command, path: readonly string[]): Leaf[] =>
    of.commands.flatMap(command => {
      const here = { path: [...path, command.name()], command };
      const acts = command.commands.length === 0 || command.name() === 'gc';
      return [...(acts ? [here] : []), ...below(command, here.path)];
    });
  return below(createProgram(fakeIo()).program, []);
}
