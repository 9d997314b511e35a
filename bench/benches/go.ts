/** Go modules: what the go command asks for. Files served by nginx stand beside it, since Athens cannot be had here. */
import { randomBytes } from 'node:crypto';
import { moduleZip } from '../../test/conformance/go-fixture.ts';
import { atLeast, type Bench } from '../bench.ts';
import { sorted, startFiles, startPackages } from '../package-peers.ts';
import { aimed, measureGets, type Publishing, publishAll, versionsOf } from '../packages.ts';

const MODULE = 'example.com/bench/module';
const VERSIONS = Array.from({ length: 100 }, (_, at) => `v1.${at}.0`);
const ATHENS = 'absent: Athens, which the registry of Go modules does not serve (403)';

export const go: Bench = {
  name: 'go',
  async run(settings) {
    const zips = VERSIONS.map(version => moduleZip(MODULE, version, randomBytes(20_000).toString('base64')));
    const { peers, absent } = sorted([
      await startPackages(settings.folder, 'go'),
      await startFiles(settings.folder, {
        [`${MODULE}/@v/list`]: VERSIONS.map(version => `${version}\n`).join(''),
        [`${MODULE}/@v/v1.1.0.mod`]: `module ${MODULE}\n\ngo 1.19\n`,
        [`${MODULE}/@v/v1.1.0.zip`]: zips[1] ?? '',
      }),
    ]);
    try {
      const [strongroom] = peers;
      if (strongroom) await publishAll(strongroom, zips.values().map(uploadOf), 4);
      const notes = [...versionsOf(peers, absent), ATHENS];
      const get = (what: string, file: string) =>
        measureGets(settings, peers, { what, path: `/${MODULE}/@v/${file}` });
      return [
        aimed(await get('go list, 100 versions', 'list'), atLeast(3, undefined), notes),
        await get('go.mod', 'v1.1.0.mod'),
        await get('go zip, 16 KB', 'v1.1.0.zip'),
      ];
    } finally {
      for (const peer of peers) await peer.stop();
    }
  },
};

const uploadOf = (body: Buffer): Publishing => ({
  ...{ method: 'PUT', path: '/upload', headers: { 'content-type': 'application/zip' }, body },
});
