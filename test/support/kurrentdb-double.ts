/**
 * A double of KurrentDB: not the database, but an in-process gRPC server on the client package's own service
 * definitions, keeping events in memory. It stands in for a server where none can be installed, and does what a real
 * one does only when it is in trouble: freeze, drop connections, refuse them, lose a reply.
 */
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import type * as Grpc from '@grpc/grpc-js';
import { appendHandler, type Faults, readHandler } from './kurrentdb-double-calls.ts';
import { DoubleStore } from './kurrentdb-double-store.ts';

const resolveFromClient = createRequire(createRequire(import.meta.url).resolve('@eventstore/db-client'));
const grpc: typeof Grpc = resolveFromClient('@grpc/grpc-js');
const { StreamsService } = resolveFromClient('../generated/streams_grpc_pb.js');
const { ServerFeaturesService } = resolveFromClient('../generated/serverfeatures_grpc_pb.js');
const { SupportedMethods, SupportedMethod } = resolveFromClient('../generated/serverfeatures_pb.js');

export interface KurrentDouble {
  readonly url: string;
  readonly store: DoubleStore;
  /** how often each method was called */
  readonly calls: Readonly<Record<'append' | 'batchAppend' | 'read' | 'features', number>>;
  /** accepts calls and answers none until `thaw`, which then answers them all, however late */
  freeze(): void;
  thaw(): void;
  /** subscriptions stay open, and deliver nothing from now on; the next ones are whole */
  silenceSubscriptions(): void;
  /** does what the next append asks for, and breaks the connection instead of answering */
  loseNextReply(): void;
  /** breaks every connection; new ones are accepted */
  drop(): void;
  /** breaks every connection and refuses new ones until `accept` */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  close(): Promise<void>;
}

export async function startKurrentDouble(store: DoubleStore = new DoubleStore()): Promise<KurrentDouble> {
  const calls = { append: 0, batchAppend: 0, read: 0, features: 0 };
  let gate = Promise.resolve();
  let open = () => {};
  let silence = new AbortController();
  const faults: Faults = {
    gate: () => gate,
    silence: () => silence.signal,
    loseReply: undefined,
    watchers: new Set(),
  };
  store.onWrite = () => {
    for (const wake of faults.watchers) wake();
  };
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 17 * 1024 * 1024 });
  server.addService(StreamsService, {
    append: counted(calls, 'append', appendHandler(grpc, store, faults)),
    read: counted(calls, 'read', readHandler(store, faults)),
    batchAppend: counted(calls, 'batchAppend', (call: Grpc.ServerDuplexStream<unknown, unknown>) => {
      call.emit('error', { code: grpc.status.UNIMPLEMENTED, details: 'the double has no batches' });
    }),
  });
  server.addService(ServerFeaturesService, {
    getSupportedMethods: counted(calls, 'features', (_: unknown, reply: Grpc.sendUnaryData<unknown>) => {
      reply(null, supportedMethods());
    }),
  });
  const backPort = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
  const door = await openDoor(backPort);
  return {
    url: `esdb://127.0.0.1:${door.port}?tls=false`,
    store,
    calls,
    freeze: () => {
      gate = new Promise(resolve => {
        open = resolve;
      });
    },
    thaw: () => open(),
    silenceSubscriptions: () => {
      silence.abort();
      silence = new AbortController();
    },
    loseNextReply: () => {
      faults.loseReply = door.drop;
    },
    drop: door.drop,
    refuse: door.shut,
    accept: door.open,
    close: async () => {
      open();
      await door.shut();
      server.forceShutdown();
    },
  };
}

function counted<A extends unknown[]>(
  calls: Record<string, number>,
  name: string,
  handler: (...args: A) => void,
): (...args: A) => void {
  return (...args) => {
    calls[name] = (calls[name] ?? 0) + 1;
    handler(...args);
  };
}

/** Says that batches are there, as a real server does: the client would use them by itself. */
function supportedMethods(): unknown {
  const methods = new SupportedMethods();
  methods.setEventStoreServerVersion('24.2.0');
  for (const name of ['append', 'batchappend', 'read']) {
    const method = new SupportedMethod();
    method.setServiceName('event_store.client.streams.streams');
    method.setMethodName(name);
    methods.addMethods(method);
  }
  return methods;
}

interface Door {
  readonly port: number;
  drop(): void;
  shut(): Promise<void>;
  open(): Promise<void>;
}

/** The address that clients know: passes bytes to the server behind it, and can be shut. */
async function openDoor(backPort: number): Promise<Door> {
  const sockets = new Set<Socket>();
  let listener: Server | undefined;
  const listen = (port: number) =>
    new Promise<number>((resolve, reject) => {
      listener = createServer({ noDelay: true }, front => {
        const back = tcpConnect({ port: backPort, host: '127.0.0.1', noDelay: true });
        for (const [socket, other] of [
          [front, back],
          [back, front],
        ] as const) {
          sockets.add(socket);
          socket.on('error', () => {});
          socket.on('close', () => {
            sockets.delete(socket);
            other.destroy();
          });
          socket.pipe(other);
        }
      });
      listener.on('error', reject);
      listener.listen(port, '127.0.0.1', () => resolve((listener!.address() as AddressInfo).port));
    });
  const port = await listen(0);
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    drop,
    shut: async () => {
      const closed = new Promise<void>(resolve =>
        listener?.listening ? listener.close(() => resolve()) : resolve(),
      );
      drop();
      await closed;
    },
    open: async () => {
      await listen(port);
    },
  };
}
