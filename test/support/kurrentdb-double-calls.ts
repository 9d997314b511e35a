/** The calls of the KurrentDB double: append, reads in both directions, subscriptions with filters. */
import { createRequire } from 'node:module';
import type { AppendReq, AppendResp, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type * as Grpc from '@grpc/grpc-js';
import {
  type DoubleStore,
  type ExpectedRevision,
  MAX_APPEND_SIZE,
  type Proposed,
  type StoredEvent,
  type Written,
} from './kurrentdb-double-store.ts';

const resolveFromClient = createRequire(createRequire(import.meta.url).resolve('@eventstore/db-client'));
const streams: typeof import('@eventstore/db-client/generated/streams_pb.js') = resolveFromClient(
  '../generated/streams_pb.js',
);
const shared: typeof import('@eventstore/db-client/generated/shared_pb.js') =
  resolveFromClient('../generated/shared_pb.js');

/** What is wrong with the server at the moment. */
export interface Faults {
  /** pending while the server is frozen */
  gate(): Promise<void>;
  /** aborts when the subscriptions that began until then fall silent */
  silence(): AbortSignal;
  /** breaks the connection in place of the next reply to an append */
  loseReply: (() => void) | undefined;
  /** told of every write */
  readonly watchers: Set<() => void>;
}

type AppendCall = Grpc.ServerReadableStream<AppendReq, AppendResp>;

export function appendHandler(grpc: typeof Grpc, store: DoubleStore, faults: Faults) {
  return async (call: AppendCall, reply: Grpc.sendUnaryData<AppendResp>) => {
    call.on('error', () => {});
    const { options, events } = await receive(call);
    await faults.gate();
    const written = store.append(nameOf(options), events, expectedOf(options));
    const lose = faults.loseReply;
    faults.loseReply = undefined;
    if (lose) lose();
    else if (written.kind === 'too-large') reply(tooLarge(grpc));
    else reply(null, appendResponse(written));
  };
}

async function receive(call: AppendCall): Promise<{ options: AppendReq.Options; events: Proposed[] }> {
  let options: AppendReq.Options | undefined;
  const events: Proposed[] = [];
  for await (const request of call as AsyncIterable<AppendReq>) {
    options = request.getOptions() ?? options;
    const message = request.getProposedMessage();
    if (message) events.push(toProposed(message));
  }
  return { options: options!, events };
}

function appendResponse(written: Exclude<Written, { kind: 'too-large' }>): AppendResp {
  const response = new streams.AppendResp();
  if (written.kind === 'wrong') {
    const wrong = new streams.AppendResp.WrongExpectedVersion();
    if (written.current === undefined) wrong.setCurrentNoStream(new shared.Empty());
    else wrong.setCurrentRevision(String(written.current));
    return response.setWrongExpectedVersion(wrong);
  }
  const position = new streams.AppendResp.Position();
  position.setCommitPosition(String(written.position));
  position.setPreparePosition(String(written.position));
  const success = new streams.AppendResp.Success();
  success.setCurrentRevision(String(written.revision));
  success.setPosition(position);
  return response.setSuccess(success);
}

function toProposed(message: AppendReq.ProposedMessage): Proposed {
  return {
    id: message.getId()!.getString(),
    type: message.getMetadataMap().get('type')!,
    contentType: message.getMetadataMap().get('content-type')!,
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

function nameOf(options: {
  getStreamIdentifier(): { getStreamName_asU8(): Uint8Array } | undefined;
}): string {
  return Buffer.from(options.getStreamIdentifier()!.getStreamName_asU8()).toString();
}

function expectedOf(options: AppendReq.Options): ExpectedRevision {
  if (options.hasAny()) return 'any';
  if (options.hasNoStream()) return 'no_stream';
  return options.hasStreamExists() ? 'stream_exists' : Number(options.getRevision());
}

function tooLarge(grpc: typeof Grpc): Partial<Grpc.StatusObject> {
  const metadata = new grpc.Metadata();
  metadata.add('exception', 'maximum-append-size-exceeded');
  metadata.add('maximum-append-size', String(MAX_APPEND_SIZE));
  return { code: grpc.status.INVALID_ARGUMENT, details: 'Maximum Append Size Exceeded.', metadata };
}

type ReadCall = Grpc.ServerWritableStream<ReadReq, ReadResp>;

export function readHandler(store: DoubleStore, faults: Faults) {
  return async (call: ReadCall) => {
    call.on('error', () => {});
    const options = call.request.getOptions()!;
    await faults.gate();
    if (options.hasSubscription()) return subscribe(call, options, { store, faults });
    const stream = options.getStream();
    if (stream && !store.streams.has(nameOf(stream))) await write(call, notFound(stream));
    else for (const event of chosen(store, options)) await write(call, eventResponse(event));
    call.end();
  };
}

function chosen(store: DoubleStore, options: ReadReq.Options): readonly StoredEvent[] {
  const stream = options.getStream();
  const source = stream ? store.streams.get(nameOf(stream))! : store.all;
  const from = stream ? revisionRange(stream) : positionRange(options.getAll()!);
  const backwards = options.getReadDirection() === 1;
  const found = backwards ? source.toReversed().filter(from.backwards) : source.filter(from.forwards);
  return found.slice(0, Math.min(Number(options.getCount()), found.length));
}

interface Range {
  readonly forwards: (event: StoredEvent) => boolean;
  readonly backwards: (event: StoredEvent) => boolean;
}

function revisionRange(options: ReadReq.Options.StreamOptions): Range {
  if (!options.hasRevision())
    return { forwards: () => options.hasStart(), backwards: () => options.hasEnd() };
  const revision = Number(options.getRevision());
  return { forwards: event => event.revision >= revision, backwards: event => event.revision <= revision };
}

/** Reading $all forwards begins with the event at the position, backwards with the one before it. */
function positionRange(options: ReadReq.Options.AllOptions): Range {
  if (!options.hasPosition())
    return { forwards: () => options.hasStart(), backwards: () => options.hasEnd() };
  const position = BigInt(options.getPosition()!.getCommitPosition());
  return { forwards: event => event.position >= position, backwards: event => event.position < position };
}

/** Like the server: history, `caughtUp` once, then what is written; a checkpoint for every 32 events looked at. */
async function subscribe(
  call: ReadCall,
  options: ReadReq.Options,
  { store, faults }: { store: DoubleStore; faults: Faults },
): Promise<void> {
  const silence = faults.silence();
  const ended = () => call.cancelled || silence.aborted;
  const after = options.getAll()!.getPosition();
  let next = after ? indexAfter(store.all, BigInt(after.getCommitPosition())) : 0;
  const delivery = { call, matches: filterOf(options), looked: 0 };
  await write(call, confirmation());
  for (let announced = false; !ended(); announced = true) {
    while (next < store.all.length && !ended()) await deliver(delivery, store.all[next++]!);
    if (!announced) await write(call, caughtUp());
    if (next === store.all.length) await news(call, faults);
    await faults.gate();
  }
}

async function deliver(
  delivery: { readonly call: ReadCall; readonly matches: (event: StoredEvent) => boolean; looked: number },
  event: StoredEvent,
): Promise<void> {
  if (delivery.matches(event)) await write(delivery.call, eventResponse(event));
  if (++delivery.looked % 32 === 0) await write(delivery.call, checkpoint(event));
}

function indexAfter(all: readonly StoredEvent[], position: bigint): number {
  const index = all.findIndex(event => event.position > position);
  return index < 0 ? all.length : index;
}

/** Waits for a write, or the end of the call. */
async function news(call: ReadCall, faults: Faults): Promise<void> {
  if (call.cancelled) return;
  await new Promise<void>(resolve => {
    const wake = () => {
      faults.watchers.delete(wake);
      call.off('cancelled', wake);
      resolve();
    };
    faults.watchers.add(wake);
    call.on('cancelled', wake);
  });
}

function filterOf(options: ReadReq.Options): (event: StoredEvent) => boolean {
  const filter = options.getFilter();
  if (!filter) return () => true;
  const byStream = filter.getStreamIdentifier();
  const expression = byStream ?? filter.getEventType()!;
  const subject = (event: StoredEvent) => (byStream ? event.stream : event.type);
  const prefixes = expression.getPrefixList();
  if (prefixes.length > 0) return event => prefixes.some(prefix => subject(event).startsWith(prefix));
  const regex = new RegExp(expression.getRegex());
  return event => regex.test(subject(event));
}

/** Writes, and waits when the client is slow. */
async function write(call: ReadCall, response: ReadResp): Promise<void> {
  if (call.cancelled || call.write(response)) return;
  await new Promise<void>(resolve => {
    const go = () => {
      call.off('drain', go);
      call.off('cancelled', go);
      resolve();
    };
    call.on('drain', go);
    call.on('cancelled', go);
  });
}

function eventResponse(event: StoredEvent): ReadResp {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  const id = new shared.UUID();
  id.setString(event.id);
  recorded.setId(id);
  const name = new shared.StreamIdentifier();
  name.setStreamName(Buffer.from(event.stream));
  recorded.setStreamIdentifier(name);
  recorded.setStreamRevision(String(event.revision));
  recorded.setCommitPosition(String(event.position));
  recorded.setPreparePosition(String(event.position));
  recorded.setData(event.data);
  recorded.setCustomMetadata(event.metadata);
  // .NET ticks since 1970
  const metadata = { type: event.type, 'content-type': event.contentType, created: `${event.created}0000` };
  for (const [key, value] of Object.entries(metadata)) recorded.getMetadataMap().set(key, value);
  const read = new streams.ReadResp.ReadEvent();
  read.setEvent(recorded);
  read.setCommitPosition(String(event.position));
  const response = new streams.ReadResp();
  response.setEvent(read);
  return response;
}

function notFound(stream: ReadReq.Options.StreamOptions): ReadResp {
  const missing = new streams.ReadResp.StreamNotFound();
  missing.setStreamIdentifier(stream.getStreamIdentifier());
  const response = new streams.ReadResp();
  response.setStreamNotFound(missing);
  return response;
}

function confirmation(): ReadResp {
  const confirmed = new streams.ReadResp.SubscriptionConfirmation();
  confirmed.setSubscriptionId(crypto.randomUUID());
  const response = new streams.ReadResp();
  response.setConfirmation(confirmed);
  return response;
}

function caughtUp(): ReadResp {
  const response = new streams.ReadResp();
  response.setCaughtUp(new streams.ReadResp.CaughtUp());
  return response;
}

function checkpoint(event: StoredEvent): ReadResp {
  const reached = new streams.ReadResp.Checkpoint();
  reached.setCommitPosition(String(event.position));
  reached.setPreparePosition(String(event.position));
  const response = new streams.ReadResp();
  response.setCheckpoint(reached);
  return response;
}
