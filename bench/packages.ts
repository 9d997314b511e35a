/** What benchmarks of package formats share: publishing by several clients at once, and GETs of one address. */
import type { OutgoingHttpHeaders } from 'node:http';
import { interleave, type Row, ratio, type Settings, type Target } from './bench.ts';
import { during, send } from './client.ts';
import { load } from './load.ts';
import type { PackagePeer } from './package-peers.ts';

export const PUBLISHERS = 16;

/** A request that publishes one version; its path is put after the repository's URL. */
export interface Publishing {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

export async function publish(peer: PackagePeer, { method, path, headers, body }: Publishing): Promise<void> {
  await send(`${peer.url}${path}`, { method, headers: { ...peer.headers, ...headers }, body });
}

/** Runs all of them, some at a time. */
export async function publishAll(peer: PackagePeer, all: Iterable<Publishing>, atOnce: number) {
  const each = all[Symbol.iterator]();
  const worker = async () => {
    for (let next = each.next(); !next.done; next = each.next()) await publish(peer, next.value);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Versions per second; `make` is asked for a version that nobody has yet, of one of as many packages as clients. */
export async function publishedPerSecond(
  peer: PackagePeer,
  seconds: number,
  make: (publisher: number) => Publishing,
): Promise<number> {
  const began = performance.now();
  const times = await Promise.all(
    Array.from({ length: PUBLISHERS }, (_, at) => during(seconds, 1, () => publish(peer, make(at)))),
  );
  return times.flat().length / ((performance.now() - began) / 1000);
}

/** What is asked for: the path after the repository's URL, and what clients of the format send. */
export interface Asking {
  readonly what: string;
  readonly path: string | Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections?: number;
}

/** One row: requests per second of each, in turns. */
export async function measureGets(
  { rounds, seconds }: Settings,
  peers: readonly PackagePeer[],
  { what, path, headers, connections = 16 }: Asking,
): Promise<Row> {
  const samples = await interleave(rounds, peers, async peer => {
    const url = `${peer.url}${typeof path === 'string' ? path : path[peer.name]}`;
    const sent = { ...headers, ...peer.headers };
    await send(url, { method: 'GET', headers: sent });
    return (await load({ url, headers: sent, connections, seconds })).perSecond;
  });
  return { what, unit: 'requests/s', samples };
}

export const over = ({ samples }: Row, peer: string) => ratio(samples, 'strongroom', peer);

/** The row with its aim, and what it was measured with. */
export const aimed = (row: Row, target: Target, notes: readonly string[]): Row => ({
  ...row,
  target,
  ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
});

export const versionsOf = (peers: readonly PackagePeer[], absent: readonly string[] = []): string[] => [
  ...peers.map(({ name, version }) => `${name} ${version}`),
  ...absent.map(why => `absent: ${why}`),
];
