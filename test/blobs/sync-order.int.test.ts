/** What the simulated disk proves about the store, seen once on a real one: the system calls before a reply. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith, program } from '../support/services.ts';

interface Call {
  readonly name: string;
  /** the arguments, with the paths of descriptors */
  readonly text: string;
  /** lines of the trace */
  readonly started: number;
  readonly ended: number;
}

const PUSHER = join(import.meta.dirname, 'support', 'push-once.ts');
// A question mark: not every processor has this call.
const CALLS = 'fsync,fdatasync,?rename,?renameat,renameat2,openat,write,writev,pwrite64,pwritev';

describeWith(['strace'], 'the system calls of a push', () => {
  let folder: string;
  let calls: Call[];
  beforeAll(async () => {
    folder = await mkdtemp(join(await realpath(tmpdir()), 'trace-'));
    const trace = join(folder, 'trace');
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', PUSHER, join(folder, 'data')];
    await promisify(execFile)(program('strace'), [
      ...['-f', '-y', '-qq', '-s', '200', '-e', `trace=${CALLS}`, '-e', 'signal=none', '-o', trace, ...node],
    ]);
    calls = parseTrace(await readFile(trace, 'utf8'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    ['put', 'fdatasync'],
    ['upload', 'fsync'],
    ['whole upload', 'fdatasync'],
  ])('of %s: %s of the file, rename, fsync of the folder, reply', (kind, sync) => {
    const begin = find(({ text }) => text.includes(`BEGIN ${kind}`), 0);
    const reply = find(({ text }) => text.includes('"REPLY sha256:'), begin.ended);
    const hex = /REPLY sha256:([0-9a-f]{64})/.exec(reply.text)?.[1];
    const rename = find(
      ({ name, text }) => name.startsWith('rename') && text.includes(`/${hex}"`),
      begin.ended,
    );
    const staged = /"([^"]*\/staging\/[^"]*)"/.exec(rename.text)?.[1];
    const fileSync = find(({ name, text }) => name === sync && text.includes(`<${staged}>`), begin.ended);
    const shard = `/blobs/sha256/${hex?.slice(0, 2)}>`;
    const folderSync = find(({ name, text }) => name === 'fsync' && text.includes(shard), rename.ended);
    const lastWrite = calls
      .filter(({ name, text }) => name.includes('write') && text.includes(`<${staged}>`))
      .at(-1);
    expect(lastWrite?.ended).toBeLessThan(fileSync.started);
    expect(fileSync.ended).toBeLessThan(rename.started);
    expect(folderSync.ended).toBeLessThan(reply.started);
  });

  it('of the first start: every new folder is synced into its parent before the first push', () => {
    const begin = find(({ text }) => text.includes('BEGIN put'), 0);
    const synced = calls.filter(({ name, ended }) => name === 'fsync' && ended < begin.started);
    for (const parent of [
      folder,
      join(folder, 'data'),
      join(folder, 'data/blobs'),
      join(folder, 'data/blobs/sha256'),
    ]) {
      expect(
        synced.some(({ text }) => text.includes(`<${parent}>`)),
        parent,
      ).toBe(true);
    }
  });

  function find(matches: (call: Call) => boolean, after: number): Call {
    const found = calls.find(call => call.started > after && matches(call));
    if (!found) throw new Error(`no such call after line ${after}: ${matches}`);
    return found;
  }
});

/** Calls that succeeded. One that was interrupted by another thread is two lines: `<unfinished ...>` and `resumed`. */
function parseTrace(trace: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, Omit<Call, 'ended'>>();
  for (const [line, content] of trace.split('\n').entries()) {
    const { pid = '', name, text = '' } = LINE.exec(content)?.groups ?? {};
    const call = name ? { name, text, started: line } : unfinished.get(pid);
    if (!call) continue;
    if (text.endsWith('<unfinished ...>')) unfinished.set(pid, call);
    else if (/= \d+/.test(text)) calls.push({ ...call, ended: line });
  }
  return calls.sort((a, b) => a.started - b.started);
}

const LINE = /^(?<pid>\d+)\s+(?<text>(?:(?<name>\w+)\(|<\.\.\. ).*)$/;
