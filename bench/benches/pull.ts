/** Manifests and blobs, against the registries that people use today. */
import { atLeast, type Bench, interleave, type Row, ratio } from '../bench.ts';
import { type Image, newImage, pushImage } from '../client.ts';
import { load } from '../load.ts';
import { type Peer, startPeers, startStrongroom } from '../peers.ts';

const SIZES = { '4 KB': 4096, '1 MB': 1_000_000, '100 MB': 100_000_000 };
const PEER = 'docker-registry';

interface Case {
  readonly what: string;
  readonly path: string;
  readonly limit: number;
  readonly connections: number;
}

export const pull: Bench = {
  name: 'pull',
  async run({ rounds, seconds, folder }) {
    const { peers, absent } = await startPeers(folder);
    const contenders: Peer[] = [await startStrongroom(folder), ...peers];
    try {
      const images = Object.values(SIZES).map(newImage);
      for (const peer of contenders) await pushAll(peer, images);
      const rows: Row[] = [];
      for (const { what, path, limit, connections } of casesOf(images)) {
        const samples = await interleave(rounds, contenders, async peer => {
          const url = `${peer.url}/v2/${peer.prefix}app/${path}`;
          const authorization = await peer.authorize('app');
          return (await load({ url, authorization, connections, seconds })).perSecond;
        });
        const note = absent.length > 0 ? { note: `absent: ${absent.join(', ')}` } : {};
        const target = atLeast(limit, ratio(samples, 'strongroom', PEER));
        rows.push({ what, unit: 'requests/s', samples, target, ...note });
      }
      return rows;
    } finally {
      for (const peer of contenders) await peer.stop();
    }
  },
};

async function pushAll(peer: Peer, images: readonly Image[]): Promise<void> {
  const authorization = await peer.authorize('app');
  for (const [at, image] of images.entries())
    await pushImage({ peer, image: 'app', authorization }, image, `v${at}`);
}

function casesOf([small, middle, large]: readonly Image[]): Case[] {
  return [
    { what: 'manifest GET by tag', path: 'manifests/v0', limit: 5, connections: 16 },
    {
      what: 'manifest GET by digest',
      path: `manifests/${small?.manifest.digest}`,
      limit: 5,
      connections: 16,
    },
    { what: 'blob GET 4 KB', path: `blobs/${small?.layer.digest}`, limit: 8, connections: 16 },
    { what: 'blob GET 1 MB', path: `blobs/${middle?.layer.digest}`, limit: 1.5, connections: 8 },
    { what: 'blob GET 100 MB', path: `blobs/${large?.layer.digest}`, limit: 0.8, connections: 4 },
  ];
}
