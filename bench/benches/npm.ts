/** npm packages, against Verdaccio: packuments as npm asks for them, tarballs, publishing. */
import { randomBytes } from 'node:crypto';
import { npmDocument, npmTarball } from '../../test/conformance/npm-fixture.ts';
import { atLeast, type Bench, interleave, type Row, type Settings } from '../bench.ts';
import { type PackagePeer, sorted, startPackages, startVerdaccio } from '../package-peers.ts';
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

/** versions → how many times Verdaccio */
const PACKUMENTS = { 1: 3, 100: 10, 1000: 20 };
const TARBALL = 50_000;
const SMALL_TARBALL = 10_000;

/** As `npm install` sends it. */
const HEADERS = { accept: 'application/json', 'accept-encoding': 'gzip' };

export const npm: Bench = {
  name: 'npm',
  async run(settings) {
    const { peers, absent } = sorted([
      await startPackages(settings.folder, 'npm'),
      await startVerdaccio(settings.folder),
    ]);
    try {
      const notes = versionsOf(peers, absent);
      const rows: Row[] = [];
      for (const [count, limit] of Object.entries(PACKUMENTS)) {
        const name = `packument-${count}`;
        const versions = Array.from({ length: Number(count) }, (_, at) => `1.${at}.0`);
        for (const peer of peers) await publishAll(peer, versions.values().map(of(name, 1000)), 1);
        const what = `npm packument, ${Number(count).toLocaleString('en')} versions`;
        const row = await measureGets(settings, peers, { what, path: `/${name}`, headers: HEADERS });
        rows.push(aimed(row, atLeast(limit, over(row, 'verdaccio')), notes));
      }
      for (const peer of peers) await publish(peer);
      const path = '/tarball/-/tarball-1.0.0.tgz';
      const tarball = await measureGets(settings, peers, { what: 'npm tarball, 50 KB', path });
      rows.push(aimed(tarball, atLeast(3, over(tarball, 'verdaccio')), notes));
      rows.push(await publishing(settings, peers, notes));
      return rows;
    } finally {
      for (const peer of peers) await peer.stop();
    }
  },
};

const publish = (peer: PackagePeer) => publishAll(peer, ['1.0.0'].map(of('tarball', TARBALL)), 1);

async function publishing(
  { rounds, seconds }: Settings,
  peers: readonly PackagePeer[],
  notes: readonly string[],
): Promise<Row> {
  let made = 0;
  const make = (publisher: number) =>
    of(`published-${publisher}-${made >> 8}`, SMALL_TARBALL)(`1.${made++}.0`);
  const samples = await interleave(rounds, peers, peer => publishedPerSecond(peer, seconds, make));
  const row = { what: `npm publish of 10 KB, ${PUBLISHERS} clients`, unit: 'versions/s', samples };
  const durable = 'Strongroom has synced what it acknowledges; Verdaccio syncs nothing';
  return aimed(row, atLeast(2, over(row, 'verdaccio')), [...notes, durable]);
}

const dependencies = Object.fromEntries(
  Array.from({ length: 12 }, (_, at) => [`dependency-number-${at}`, `^${at}.2.3`]),
);

/** What `npm publish` sends for a version with as many bytes in it. */
const of =
  (name: string, size: number) =>
  (version: string): Publishing => {
    const manifest = {
      ...{ name, version, description: 'A package of the benchmark', license: 'MIT', main: 'index.js' },
      ...{ keywords: ['bench', 'package'], author: 'Somebody <somebody@example.com>', dependencies },
      repository: { type: 'git', url: 'git+https://example.com/bench/package.git' },
      scripts: { test: 'node --test', build: 'node build.js', prepare: 'npm run build' },
      engines: { node: '>=18' },
    };
    const tarball = npmTarball(manifest, { 'package/data.txt': randomBytes(size * 0.75).toString('base64') });
    const body = Buffer.from(JSON.stringify(npmDocument(manifest, tarball)));
    return { method: 'PUT', path: `/${name}`, headers: { 'content-type': 'application/json' }, body };
  };
