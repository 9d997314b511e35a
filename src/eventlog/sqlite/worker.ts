/**
 * The database thread. All writes that wait form one group: one transaction, one fsync, a result each. Reads take
 * turns with groups, a page at a time, because a file that is locked exclusively has one connection.
 */
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { closeQuietly, describe, failureOf, openDatabase } from './database.ts';
import type { Failure, Greeting, Numbered, Read, Reply, Request, Restore, Turn, Write } from './messages.ts';
import { Reader } from './read.ts';
import { Writer } from './write.ts';

const GROUP_REQUESTS = 512;
/** Reads have this long between two groups. */
const READ_MS = 2;
const GROUP_CHARACTERS = 8 * 1024 * 1024;

interface Open {
  readonly db: DatabaseSync;
  readonly reader: Reader;
  writer: Writer;
}

const { path } = workerData as { path: string };
const port = parentPort!;
const writes: Numbered<Write>[] = [];
const others: Numbered<Exclude<Request, Write>>[] = [];
let scheduled = false;
let head = 0;
/** undefined after the file let us down: the next turn opens it again */
let open: Open | undefined;

function start(): void {
  try {
    open = opened();
    port.postMessage({ opened: describe(open.db) } satisfies Greeting);
  } catch (error) {
    port.postMessage({ failed: failureOf(error, path) } satisfies Greeting);
    port.close();
    return;
  }
  port.on('message', (batch: Numbered[]) => {
    for (const numbered of batch) {
      if (isWrite(numbered)) writes.push(numbered);
      else others.push(numbered as Numbered<Exclude<Request, Write>>);
    }
    schedule();
  });
}

function isWrite(numbered: Numbered): numbered is Numbered<Write> {
  return ['append', 'put', 'remove'].includes(numbered.request.kind);
}

function opened(): Open {
  const db = openDatabase(path);
  const writer = new Writer(db);
  head = writer.head;
  return { db, reader: new Reader(db), writer };
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(turn);
}

function turn(): void {
  scheduled = false;
  const replies = writes.length > 0 ? commitGroup(nextGroup()) : [];
  if (replies.length > 0) post(replies);
  answerOthers();
  if (writes.length + others.length > 0) schedule();
}

/** As many as fit into a few milliseconds: a read that waits for a sync per reader before it makes all of them slow. */
function answerOthers(): void {
  const until = performance.now() + READ_MS;
  do {
    const other = others[0];
    if (!other || (other.request.kind === 'close' && writes.length > 0)) return;
    others.shift();
    post([answer(other)]);
    if (other.request.kind === 'close') port.close();
  } while (performance.now() < until);
}

function post(replies: readonly Reply[]): void {
  port.postMessage({ head, replies } satisfies Turn);
}

function nextGroup(): Numbered<Write>[] {
  let characters = 0;
  let count = 0;
  while (count < Math.min(writes.length, GROUP_REQUESTS) && characters < GROUP_CHARACTERS) {
    characters += weight(writes[count]!.request);
    count += 1;
  }
  return writes.splice(0, count);
}

function weight(write: Write): number {
  if (write.kind === 'put') return write.row.body.length;
  if (write.kind === 'remove') return write.digests.length;
  const events = write.appends.flatMap(append => append.events);
  return events.reduce((sum, event) => sum + event.data.length + event.meta.length, 0);
}

function commitGroup(group: readonly Numbered<Write>[]): Reply[] {
  try {
    open ??= opened();
    const outcomes = open.writer.commit(group.map(numbered => numbered.request));
    head = open.writer.head;
    return group.map((numbered, at) => ({ id: numbered.id, value: outcomes[at] }));
  } catch (error) {
    recover();
    const failed = told(error);
    return group.map(numbered => ({ id: numbered.id, failed }));
  }
}

/**
 * After a failed transaction: what was not committed is gone. The connection is kept while it can be, since it knows
 * which commits reached the disk; a fresh one would take what the kernel still shows for written.
 */
function recover(): void {
  if (!open) return;
  try {
    if (open.db.isTransaction) open.db.exec('ROLLBACK');
    open.writer = new Writer(open.db);
    head = open.writer.head;
  } catch {
    closeQuietly(open.db);
    open = undefined;
  }
}

function answer({ id, request }: Numbered<Exclude<Request, Write>>): Reply {
  if (request.kind === 'close') {
    closeQuietly(open?.db);
    return { id, value: undefined };
  }
  try {
    open ??= opened();
    return { id, value: isRestore(request) ? restore(open, request) : open.reader.answer(request) };
  } catch (error) {
    if (isRestore(request)) recover();
    return { id, failed: told(error) };
  }
}

/** What fails while it runs may be shown to any client: where the file is, is none of their business. */
function told(error: unknown): Failure {
  const { code, reason } = failureOf(error, path);
  return { code, reason: reason.replaceAll(path, 'the event log') };
}

function isRestore(request: Read | Restore): request is Restore {
  return request.kind.startsWith('restore-');
}

function restore({ writer }: Open, request: Restore): undefined {
  if (request.kind === 'restore-begin') writer.beginRestore(request.identity);
  else if (request.kind === 'restore-events') writer.restoreEvents(request.events);
  else if (request.keep) writer.endRestore();
  else recover();
  head = writer.head;
  return undefined;
}

start();
