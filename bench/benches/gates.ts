/** What the gates cost: two servers, one with policy sets attached to the repository, one with none. */
import { atMost, type Bench, interleave, type Row, ratio } from '../bench.ts';
import { during, newImage, pushImage } from '../client.ts';
import { load } from '../load.ts';
import { type Peer, startStrongroom } from '../peers.ts';
import { median } from '../stats.ts';

export const gates: Bench = {
  name: 'gates',
  async run({ rounds, seconds, folder }) {
    const gated = await startStrongroom(folder, { name: 'gated' });
    const open = await startStrongroom(folder, { name: 'ungated', gated: false });
    const contenders: Peer[] = [gated, open];
    try {
      const image = newImage(4096);
      for (const peer of contenders)
        await pushImage({ peer, image: 'app', authorization: await peer.authorize('app') }, image, 'v1');
      const pulls = await interleave(rounds, contenders, async peer => {
        const url = `${peer.url}/v2/${peer.prefix}app/manifests/v1`;
        const authorization = await peer.authorize('app');
        return (await load({ url, authorization, connections: 1, seconds })).medianMs;
      });
      const pushes = await interleave(rounds, contenders, async peer => {
        const authorization = await peer.authorize('app');
        const to = { peer, image: 'app', authorization };
        return median(await during(seconds, 1, () => pushImage(to, newImage(4096), 'v2')));
      });
      return [row('a pull', pulls, 10), row('a push', pushes, 5)];
    } finally {
      for (const peer of contenders) await peer.stop();
    }
  },
};

function row(what: string, samples: Record<string, number[]>, percent: number): Row {
  const factor = ratio(samples, 'gated', 'ungated') ?? Number.NaN;
  return {
    what: `gates: ${what}, one client`,
    unit: 'ms (median)',
    samples,
    target: atMost(percent, (factor - 1) * 100, ' %'),
  };
}
