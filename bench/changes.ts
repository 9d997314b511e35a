/** How soon an index shows what was published: the push, and the first GET of the index after it. */
import type { Row, Settings } from './bench.ts';
import { type Answer, send } from './client.ts';
import type { PackagePeer } from './package-peers.ts';
import { type Publishing, publish } from './packages.ts';

export interface Index {
  readonly path: string;
  /** as clients of the format send them */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Changes extends Index {
  readonly what: string;
  /** makes a publication that changes the index */
  readonly next: (at: number) => Publishing;
}

const TIMES_A_ROUND = 5;

export const readIndex = (peer: PackagePeer, { path, headers }: Index): Promise<Answer> =>
  send(`${peer.url}${path}`, { method: 'GET', headers: { ...headers, ...peer.headers } });

/** Pushes and reads, over and over, by one client. @throws when an index is still the one of before */
export async function measureChanges(
  { rounds }: Settings,
  peer: PackagePeer,
  { what, next, ...index }: Changes,
): Promise<Row> {
  const samples: Record<'push' | 'index', number[]> = { push: [], index: [] };
  let before = await readIndex(peer, index);
  for (let at = 0; at < rounds * TIMES_A_ROUND; at++) {
    const made = next(at);
    samples.push.push(await millisecondsOf(() => publish(peer, made)));
    let after = before;
    const read = async () => {
      after = await readIndex(peer, index);
    };
    samples.index.push(await millisecondsOf(read));
    if (after.etag === before.etag) throw new Error(`${index.path} does not show what was pushed`);
    before = after;
  }
  return { what: `${what}: the push, then the index`, unit: 'ms', samples };
}

export async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
