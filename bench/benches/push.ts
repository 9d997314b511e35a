/** Pushes of new images by several clients at once: two blobs, each POST and PUT, then the manifest by tag. */
import { atLeast, type Bench, interleave, type Row, ratio } from '../bench.ts';
import { during, newImage, pushImage } from '../client.ts';
import { type Peer, startPeers, startStrongroom } from '../peers.ts';

const PUSHERS = 16;

export const push: Bench = {
  name: 'push',
  async run({ rounds, seconds, folder }) {
    const { peers } = await startPeers(folder);
    const contenders: Peer[] = [await startStrongroom(folder), ...peers];
    try {
      const rows: Row[] = [];
      for (const [label, size] of Object.entries({ '4 KB': 4096, '1 MB': 1_000_000 })) {
        const samples = await interleave(rounds, contenders, peer => pushesPerSecond(peer, size, seconds));
        rows.push({
          what: `push of ${label} images, ${PUSHERS} clients`,
          unit: 'images/s',
          samples,
          target: atLeast(2, ratio(samples, 'strongroom', 'docker-registry')),
          note: 'Strongroom syncs before each reply; docker-registry and distribution never do',
        });
      }
      return rows;
    } finally {
      for (const peer of contenders) await peer.stop();
    }
  },
};

let pushed = 0;

/** Each client pushes to an image of its own. */
async function pushesPerSecond(peer: Peer, size: number, seconds: number): Promise<number> {
  const clients = await Promise.all(
    Array.from({ length: PUSHERS }, async (_, at) => {
      const image = `pushed-${at}`;
      return { peer, image, authorization: await peer.authorize(image) };
    }),
  );
  const began = performance.now();
  const times = await Promise.all(
    clients.map(client => during(seconds, 1, () => pushImage(client, newImage(size), `v${pushed++ % 1000}`))),
  );
  return times.flat().length / ((performance.now() - began) / 1000);
}
