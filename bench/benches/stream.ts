/** Large blobs, against nginx with sendfile: what the kernel can do without anybody looking at the bytes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { atLeast, type Bench, interleave, type Row, ratio } from '../bench.ts';
import { newImage, pushImage } from '../client.ts';
import { load } from '../load.ts';
import { type Peer, startNginx, startStrongroom } from '../peers.ts';
import { findProgram } from '../processes.ts';

const BYTES = 100_000_000;

export const stream: Bench = {
  name: 'stream',
  async run({ rounds, seconds, folder }) {
    const program = findProgram('nginx');
    const strongroom = await startStrongroom(folder, { name: 'streaming' });
    const peers: Peer[] = program ? [await startNginx(program, folder)] : [];
    try {
      const image = newImage(BYTES);
      const authorization = await strongroom.authorize('app');
      await pushImage({ peer: strongroom, image: 'app', authorization }, image, 'v1');
      if (program) await writeFile(join(folder, 'nginx', 'html', 'blob'), image.layer.bytes);
      const urls: Record<string, string> = {
        streaming: `${strongroom.url}/v2/main/oci/app/blobs/${image.layer.digest}`,
        nginx: `${peers[0]?.url}/blob`,
      };
      const rows: Row[] = [];
      for (const [connections, limit] of [
        [1, 0.45],
        [4, 0.9],
      ] as const) {
        const measured = await interleave(rounds, [strongroom, ...peers], async peer => {
          const url = urls[peer.name] ?? '';
          const bearer = await peer.authorize('app');
          return (await load({ url, authorization: bearer, connections, seconds })).megabytesPerSecond;
        });
        const { streaming = [], ...others } = measured;
        const samples = { strongroom: streaming, ...others };
        rows.push({
          what: `100 MB on ${connections === 1 ? 'one stream' : `${connections} streams`}`,
          unit: 'MB/s',
          samples,
          target: atLeast(limit, ratio(samples, 'strongroom', 'nginx')),
          ...(program ? {} : { note: 'absent: nginx' }),
        });
      }
      return rows;
    } finally {
      for (const peer of [strongroom, ...peers]) await peer.stop();
    }
  },
};
