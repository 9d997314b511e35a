/** Stands between the store and an S3 server, and does to chosen requests what networks and servers do. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  /** answers instead of the server */
  | { readonly status: number; readonly body?: string }
  /** never answers */
  | 'hang'
  /** breaks the connection before the server hears of it */
  | 'refuse'
  /** the server does it, and nobody hears of it */
  | 'lose'
  /** passes this many bytes of the answer on, then breaks or says nothing more */
  | { readonly cutAfter: number }
  | { readonly stallAfter: number };

export interface S3Request {
  readonly method: string;
  /** path and query */
  readonly target: string;
  /** bytes of the request body */
  readonly length: number;
  readonly copied: boolean;
}

export interface S3Proxy {
  readonly endpoint: string;
  /** what came, in order */
  readonly seen: S3Request[];
  /** Decides over every request from now on; undefined passes it on. */
  fault: (request: S3Request) => Fault | undefined;
  stop(): Promise<void>;
}

export async function startS3Proxy(target: string): Promise<S3Proxy> {
  const seen: S3Request[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    const length = Number(headers['content-length'] ?? 0);
    const asked = { method, target: url, length, copied: headers['x-amz-copy-source'] !== undefined };
    seen.push(asked);
    apply(proxy.fault(asked), { incoming, outgoing, target });
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const proxy: S3Proxy = {
    endpoint: `http://127.0.0.1:${port}`,
    seen,
    fault: () => undefined,
    stop: () =>
      new Promise(done => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly target: string;
}

function apply(fault: Fault | undefined, exchange: Exchange): void {
  const { incoming, outgoing } = exchange;
  if (fault === 'refuse') {
    incoming.socket.destroy();
  } else if (fault === 'hang') {
    incoming.resume();
  } else if (typeof fault === 'object' && 'status' in fault) {
    incoming.resume();
    incoming.once('end', () => {
      outgoing.writeHead(fault.status, { 'content-type': 'application/xml' });
      outgoing.end(incoming.method === 'HEAD' ? undefined : (fault.body ?? ''));
    });
  } else forward(fault, exchange);
}

function forward(fault: Exclude<Fault, { status: number }> | undefined, exchange: Exchange): void {
  const { incoming, outgoing, target } = exchange;
  const { method, url, headers } = incoming;
  // The name in Host is signed: it goes on as it came.
  const onwards = request(`${target}${url}`, { method, headers }, answer => {
    if (fault === 'lose') {
      answer.resume();
      answer.once('end', () => incoming.socket.destroy());
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    if (typeof fault === 'object') passSome(fault, answer, outgoing);
    else answer.pipe(outgoing);
  });
  onwards.on('error', () => incoming.socket.destroy());
  incoming.pipe(onwards);
}

function passSome(
  fault: { cutAfter: number } | { stallAfter: number },
  answer: IncomingMessage,
  outgoing: ServerResponse,
): void {
  let left = 'cutAfter' in fault ? fault.cutAfter : fault.stallAfter;
  answer.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, left);
    left -= part.length;
    outgoing.write(part);
    if (left > 0) return;
    answer.destroy();
    if ('cutAfter' in fault) setImmediate(() => outgoing.destroy());
  });
}
