/** Resident memory while large blobs go up and down at the same time. */
import { atMost, type Bench } from '../bench.ts';
import { newImage, pushBlob, pushImage, send } from '../client.ts';
import { startStrongroom } from '../peers.ts';
import { residentMegabytes } from '../processes.ts';

const BYTES = 100_000_000;
const PARALLEL = 8;

export const memory: Bench = {
  name: 'memory',
  async run({ seconds, folder }) {
    const peer = await startStrongroom(folder, { name: 'memory' });
    let most = residentMegabytes(peer.pid);
    const idle = most;
    const watch = setInterval(() => {
      most = Math.max(most, residentMegabytes(peer.pid));
    }, 50);
    try {
      const image = newImage(BYTES);
      const authorization = await peer.authorize('app');
      const to = { peer, image: 'app', authorization };
      await pushImage(to, image, 'v1');
      const url = `${peer.url}/v2/main/oci/app/blobs/${image.layer.digest}`;
      const headers = authorization ? { authorization } : {};
      const uploads = Array.from({ length: PARALLEL / 2 }, () => newImage(BYTES).layer);
      const until = performance.now() + Math.max(seconds, 2) * 1000;
      const down = async () => {
        while (performance.now() < until) await send(url, { method: 'GET', headers });
      };
      await Promise.all([...uploads.map(blob => pushBlob(to, blob)), ...uploads.map(down)]);
      return [
        {
          what: `resident memory, ${PARALLEL / 2} × 100 MB up and ${PARALLEL / 2} × 100 MB down at once`,
          unit: 'MB',
          samples: { idle: [idle], 'under load': [most] },
          target: atMost(300, most, ' MB'),
        },
      ];
    } finally {
      clearInterval(watch);
      await peer.stop();
    }
  },
};
