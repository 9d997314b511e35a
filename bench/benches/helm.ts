/**
 * Helm charts: the index of a large repository, and how long a push takes to show in it. Beside it stands what people
 * have without a chart server: `helm repo index` over a folder, served by nginx. ChartMuseum cannot be had here.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeChart } from '../../test/support/charts.ts';
import { atLeast, type Bench, interleave, type Row, type Settings } from '../bench.ts';
import { measureChanges, millisecondsOf, readIndex } from '../changes.ts';
import { load } from '../load.ts';
import { type PackagePeer, sorted, startFiles, startPackages } from '../package-peers.ts';
import { aimed, measureGets, type Publishing, publishAll, versionsOf } from '../packages.ts';
import { findProgram, versionOf } from '../processes.ts';

const CHARTS = 10_000;
const AT_ONCE = 64;
const CHARTMUSEUM = 'absent: ChartMuseum, which the registry of Go modules does not serve (403)';
/** As helm sends it. */
const GZIP = { 'accept-encoding': 'gzip' };
const INDEX = { path: '/index.yaml', headers: GZIP };
const run = promisify(execFile);

export const helm: Bench = {
  name: 'helm',
  async run(settings) {
    const charts = Array.from({ length: CHARTS }, (_, at) => chartOf(`chart-${at}`, '1.0.0'));
    const { peers, absent } = sorted([
      await startPackages(settings.folder, 'helm'),
      await startIndexed(settings.folder, charts),
    ]);
    try {
      const notes = [...versionsOf(peers, absent), CHARTMUSEUM];
      const [strongroom] = peers;
      if (!strongroom) throw new Error('there is nothing to measure');
      const pushing = await millisecondsOf(() => publishAll(strongroom, charts.map(uploadOf), AT_ONCE));
      const cold = await millisecondsOf(() => readIndex(strongroom, INDEX));
      const what = `helm index, ${CHARTS.toLocaleString('en')} charts`;
      const asked = { path: '/index.yaml' };
      return [
        aimed(await measureGets(settings, peers, { ...asked, what }), atLeast(3, undefined), notes),
        await measureGets(settings, [strongroom], { ...asked, what: `${what}, compressed`, headers: GZIP }),
        await unchanged(settings, peers, what),
        row(`helm push, ${AT_ONCE} clients`, 'charts/s', { strongroom: [(CHARTS / pushing) * 1000] }),
        row('helm index, made for the first time', 'ms', { strongroom: [cold] }),
        await measureChanges(settings, strongroom, {
          ...INDEX,
          what: `a change of one of ${CHARTS.toLocaleString('en')} charts`,
          next: at => uploadOf(chartOf(`chart-${at * 300}`, '1.1.0')),
        }),
      ];
    } finally {
      for (const peer of peers) await peer.stop();
    }
  },
};

const row = (what: string, unit: string, samples: Row['samples']): Row => ({ what, unit, samples });

/** GETs that name what they have: 304. */
async function unchanged({ rounds, seconds }: Settings, peers: readonly PackagePeer[], what: string) {
  const samples = await interleave(rounds, peers, async peer => {
    const { etag = '' } = await readIndex(peer, INDEX);
    const url = `${peer.url}/index.yaml`;
    const asked = { ...GZIP, ...peer.headers, 'if-none-match': etag };
    return (await load({ url, headers: asked, connections: 16, seconds })).perSecond;
  });
  return row(`${what}, unchanged`, 'requests/s', samples);
}

interface Chart {
  readonly name: string;
  readonly bytes: Buffer;
}

/** With what Chart.yaml usually says. */
function chartOf(name: string, version: string): Chart {
  const more = [
    `description: A chart of the benchmark called ${name}`,
    'type: application',
    'appVersion: "1.16.0"',
    'home: https://charts.example.com',
    'keywords: [web, proxy, cache]',
    'maintainers: [{name: Ada Example, email: ada@example.com}]',
  ];
  return {
    name: `${name}-${version}.tgz`,
    bytes: makeChart({ name, version, more: `${more.join('\n')}\n` }),
  };
}

const uploadOf = ({ bytes }: Chart): Publishing => ({
  ...{ method: 'POST', path: '/api/charts', body: bytes },
  headers: { 'content-type': 'application/gzip' },
});

async function startIndexed(folder: string, charts: readonly Chart[]) {
  const program = findProgram('helm');
  if (!program) return { absent: 'helm is not installed' };
  const html = join(folder, 'nginx', 'html');
  await mkdir(join(html, 'charts'), { recursive: true });
  for (const { name, bytes } of charts) await writeFile(join(html, 'charts', name), bytes);
  const took = await millisecondsOf(() => run(program, ['repo', 'index', html]));
  const nginx = await startFiles(folder, {});
  if ('absent' in nginx) return nginx;
  const helmVersion = versionOf(program, ['version', '--short'], /v(\S+)/);
  const version = `${nginx.version}, helm ${helmVersion} (whose \`helm repo index\` took ${Math.round(took)} ms)`;
  return { ...nginx, version };
}
