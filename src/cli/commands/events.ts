/** The log itself: read from a position, or followed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Cli, command, group, listed } from '../cli.ts';
import type { Client } from '../client.ts';
import { Unreachable } from '../errors.ts';
import type { ListShape } from '../output/print.ts';
import { clean, shortId, time } from '../output/text.ts';

interface Event {
  readonly position: string;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly recordedAt: string;
  readonly meta: { readonly actor?: string };
}

interface Page {
  readonly items: readonly Event[];
  readonly next: string;
  readonly atHead: boolean;
}

const streamOf = ({ stream, revision }: Event) => `${stream}#${revision}`;

const EVENTS: ListShape<Event> = {
  what: 'events',
  id: ({ position }) => position,
  columns: [
    { title: 'POSITION', value: ({ position }) => position },
    { title: 'TIME', value: ({ recordedAt }) => time(recordedAt) },
    { title: 'EVENT', value: ({ type }) => type },
    { title: 'BY', value: ({ meta }) => shortId(meta.actor) },
    { title: 'STREAM', value: streamOf },
  ],
};

/** milliseconds between attempts to reach a server that went away, and the most of it */
const RECONNECT = { first: 500, most: 10_000 };
const WAIT_SECONDS = 30;

interface Wanted {
  readonly after?: string;
  readonly types?: readonly string[];
  readonly streams?: readonly string[];
  readonly follow?: boolean;
}

interface Reading {
  readonly filter: { readonly types: string | undefined; readonly streams: string | undefined };
  readonly most: number;
  position: string | undefined;
  /** the server answered once: from then on it is waited for */
  reached: boolean;
}

export function registerEvents(program: Command, cli: Cli): void {
  const events = group(program, 'events', 'The event log: everything that happened, in its order');
  withFilters(
    command(events, 'list', {
      summary: 'Read events from a position on',
      example: 'events list --types ManifestPublished,TagAssigned --limit 20',
      more: 'The position to go on from is told at the end, on stderr.',
    }).option('--after <position>', 'those after it; without it: from the start'),
  )
    .option('--follow', 'go on with what happens, until Ctrl-C')
    .action(async (wanted: Wanted) => {
      const reading = readingOf(cli, { follow: false, ...wanted });
      if (wanted.follow) await follow(cli, reading);
      else await list(cli, reading);
    });
  withFilters(
    command(events, 'tail', {
      summary: 'Follow what happens from now on, until Ctrl-C',
      example: 'events tail --streams subject-,tag-',
      more: 'With --json every line is one event. The position to go on from is told at the end, on stderr.',
    }).option('--after <position>', 'begin after it instead of now'),
  ).action(async (wanted: Wanted) => {
    const reading = readingOf(cli, wanted);
    const client = await cli.client();
    reading.position ??= (await client.get<Page>('/events', { after: 'head', limit: 1 })).next;
    await follow(cli, reading);
  });
}

const withFilters = (of: Command) =>
  of
    .option('--types <types>', 'only these event types, by comma', listed)
    .option('--streams <prefixes>', 'only streams that begin so, by comma', listed);

const readingOf = (cli: Cli, { after, types, streams, follow: endless = true }: Wanted): Reading => ({
  filter: { types: types?.join(','), streams: streams?.join(',') },
  most: endless ? (cli.limit ?? Number.POSITIVE_INFINITY) : cli.print.most,
  position: after,
  reached: false,
});

const pageSize = (most: number) => Math.min(most, 1000);

async function list(cli: Cli, reading: Reading): Promise<void> {
  await cli.print.list(upToHead(await cli.client(), reading), EVENTS);
  if (reading.position !== undefined)
    await cli.print.note(`position ${reading.position}: go on with --after ${reading.position}`);
}

/** Notes in `reading` how far was read. */
async function* upToHead(client: Client, reading: Reading): AsyncGenerator<Event, void> {
  for (let atHead = false; !atHead; ) {
    const query = { ...reading.filter, after: reading.position, limit: pageSize(reading.most + 1) };
    const page = await client.get<Page>('/events', query);
    for (const event of page.items) {
      yield event;
      // asked for the next one, so this one was taken
      reading.position = event.position;
    }
    reading.position = page.next;
    atHead = page.atHead;
  }
}

async function follow(cli: Cli, reading: Reading): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    if (reading.position !== undefined) await cli.print.note(`following after position ${reading.position}`);
    await printNew(cli, reading, stop.signal);
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
  await cli.print.note(
    `position ${reading.position ?? 'none'}: go on with --after ${reading.position ?? '<position>'}`,
  );
}

async function printNew(cli: Cli, reading: Reading, signal: AbortSignal): Promise<void> {
  const client = await cli.client();
  for (let printed = 0; printed < reading.most; ) {
    const limit = pageSize(Math.min(reading.most - printed, 100));
    const query = { ...reading.filter, after: reading.position, limit, wait: WAIT_SECONDS };
    const page = await patiently(cli, reading, {
      signal,
      get: () => client.get<Page>('/events', query, signal),
    });
    if (page === undefined) return;
    for (const event of page.items) {
      await cli.print.line(show(cli, event));
      reading.position = event.position;
    }
    printed += page.items.length;
    if (printed < reading.most) reading.position = page.next;
  }
}

function show(cli: Cli, event: Event): string {
  if (cli.json) return JSON.stringify(event);
  if (cli.quiet) return event.position;
  const { position, recordedAt, type, meta } = event;
  return clean(
    [position, time(recordedAt), type.padEnd(22), shortId(meta.actor).padEnd(9), streamOf(event)].join('  '),
  );
}

interface Attempt {
  readonly signal: AbortSignal;
  readonly get: () => Promise<Page>;
}

/**
 * A server that goes away while it is followed comes back: what happened meanwhile is read from the position.
 * @returns undefined when the person ended it
 */
async function patiently(cli: Cli, reading: Reading, { signal, get }: Attempt): Promise<Page | undefined> {
  for (let pause = RECONNECT.first; !signal.aborted; pause = Math.min(pause * 2, RECONNECT.most)) {
    try {
      const page = await get();
      reading.reached = true;
      return page;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof Unreachable && reading.reached)) throw error;
      await cli.print.note(`${error.message}; trying again`);
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}
