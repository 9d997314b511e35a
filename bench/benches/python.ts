/** Python distributions, against pypiserver: the index of a project as pip asks for it, files, uploads. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dist, makeWheel, uploadForm } from '../../test/support/python-dists.ts';
import { atLeast, type Bench, interleave, type Row, type Settings } from '../bench.ts';
import { measureChanges } from '../changes.ts';
import { type PackagePeer, sorted, startPackages, startPypiserver } from '../package-peers.ts';
import {
  aimed,
  measureGets,
  over,
  PUBLISHERS,
  type Publishing,
  publishAll,
  publishedPerSecond,
  versionsOf,
} from '../packages.ts';

const FILES = 1000;
const PROJECT = 'indexed';

/** As pip sends it. */
const HEADERS = {
  accept:
    'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01',
  'accept-encoding': 'gzip, deflate',
};

export const python: Bench = {
  name: 'python',
  async run(settings) {
    const dists = Array.from({ length: FILES }, (_, at) => wheel(PROJECT, `1.${at}.0`));
    const kept = join(settings.folder, 'pypiserver');
    await mkdir(kept, { recursive: true });
    for (const { filename, bytes } of dists) await writeFile(join(kept, filename), bytes);
    const { peers, absent } = sorted([
      await startPackages(settings.folder, 'python'),
      await startPypiserver(settings.folder, 'pypiserver'),
    ]);
    try {
      const notes = versionsOf(peers, absent);
      for (const peer of peers)
        if (peer.name === 'strongroom') await publishAll(peer, dists.values().map(uploadOf), PUBLISHERS);
      const what = `simple index, ${FILES.toLocaleString('en')} files`;
      const index = await measureGets(settings, peers, {
        ...{ what, path: `/simple/${PROJECT}/`, headers: HEADERS },
      });
      const [strongroom] = peers;
      const change = strongroom && {
        ...{ path: `/simple/${PROJECT}/`, headers: HEADERS },
        what: `a change of a project of ${FILES.toLocaleString('en')} files`,
        next: (at: number) => uploadOf(wheel(PROJECT, `2.${at}.0`)),
      };
      const file = dists[0]?.filename ?? '';
      const paths = { strongroom: `/files/${PROJECT}/1.0.0/${file}`, pypiserver: `/packages/${file}` };
      const wheels = await measureGets(settings, peers, { what: 'wheel, 4 KB', path: paths });
      return [
        aimed(index, atLeast(5, over(index, 'pypiserver')), notes),
        aimed(wheels, atLeast(1, over(wheels, 'pypiserver')), notes),
        await uploading(settings, peers, notes),
        ...(change ? [await measureChanges(settings, strongroom, change)] : []),
      ];
    } finally {
      for (const peer of peers) await peer.stop();
    }
  },
};

async function uploading(
  { rounds, seconds }: Settings,
  peers: readonly PackagePeer[],
  notes: readonly string[],
): Promise<Row> {
  let made = 0;
  const make = (publisher: number) => uploadOf(wheel(`uploaded-${publisher}-${made >> 8}`, `1.${made++}.0`));
  const samples = await interleave(rounds, peers, peer => publishedPerSecond(peer, seconds, make));
  const row = { what: `upload of wheels, ${PUBLISHERS} clients`, unit: 'files/s', samples };
  const durable = 'Strongroom has synced what it acknowledges; pypiserver syncs nothing';
  return aimed(row, atLeast(1.5, over(row, 'pypiserver')), [...notes, durable]);
}

const wheel = (name: string, version: string): Dist =>
  makeWheel({
    ...{ name, version, value: randomBytes(3000).toString('base64') },
    headers: ['Summary: A package of the benchmark', 'Requires-Python: >=3.9', 'License: MIT'],
  });

const uploadOf = (dist: Dist): Publishing => ({ method: 'POST', path: '/', ...uploadForm(dist) });
