/** npm for the shared suite: a scoped package with a provenance bundle beside its tarball. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { makeTar } from '../support/tar.ts';
import { type Answer, jsonOf } from './client.ts';
import type { ProtocolFixture, PublishedVersion } from './fixture.ts';

const base = (place: { project: string; repository: string }) =>
  `/pkg/${place.project}/${place.repository}/npm`;
const escaped = (name: string) => name.replace('/', '%2f');
const versionOf = (label: string) => label.replace(/^v(\d+)$/, '$1.0.0');
const labelOf = (version: string) => version.replace(/^(\d+)\.0\.0$/, 'v$1');
const fileOf = (name: string, version: string) => `${name.slice(name.indexOf('/') + 1)}-${version}`;

/** A tarball as `npm pack` makes it. */
export function npmTarball(
  manifest: { name: string; version: string },
  files: Readonly<Record<string, string>>,
) {
  const all = { 'package/package.json': JSON.stringify(manifest), ...files };
  return gzipSync(makeTar(all), { level: 1 });
}

/** A sigstore bundle about these bytes, signed by nobody. */
export function npmBundle({ name, version }: { name: string; version: string }, tarball: Buffer): string {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      {
        name: `pkg:npm/${name.replace('@', '%40')}@${version}`,
        digest: { sha512: createHash('sha512').update(tarball).digest('hex') },
      },
    ],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
  };
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64');
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
    dsseEnvelope: { payload, payloadType: 'application/vnd.in-toto+json', signatures: [] },
    verificationMaterial: {},
  });
}

/** What npm sends to publish. */
export function npmDocument(
  manifest: { name: string; version: string },
  tarball: Buffer,
  { tag = 'latest', bundle }: { tag?: string; bundle?: string } = {},
) {
  const { name, version } = manifest;
  const sha512 = createHash('sha512').update(tarball).digest('base64');
  const dist = { integrity: `sha512-${sha512}`, shasum: createHash('sha1').update(tarball).digest('hex') };
  const data = tarball.toString('base64');
  const attachments = {
    [`${name}-${version}.tgz`]: { content_type: 'application/octet-stream', data, length: tarball.length },
    ...(bundle === undefined
      ? {}
      : {
          [`${name}-${version}.sigstore`]: {
            content_type: 'application/json',
            data: bundle,
            length: bundle.length,
          },
        }),
  };
  return {
    _id: name,
    name,
    'dist-tags': { [tag]: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    access: null,
    _attachments: attachments,
  };
}

interface Packument {
  readonly versions: Readonly<Record<string, unknown>>;
}

const content = (pick: (file: string) => boolean) => (version: PublishedVersion) => ({
  kind: 'content' as const,
  paths: version.files.map(({ path }) => path).filter(pick),
});
const index = (path: (version: PublishedVersion) => string) => (version: PublishedVersion) => ({
  kind: 'index' as const,
  paths: [path(version)],
  offers: (answer: Answer) =>
    answer.text.includes(`${version.version}.tgz`) || answer.text.includes('"version"'),
});

const BASE = '/pkg/{project}/{repository}/npm';

export const npmFixture: ProtocolFixture = {
  republishing: 'refused',
  tagless: true,
  subjects: 2,
  publicationEvents: ['PackageRegistered', 'VersionPublished', 'TagAssigned'],
  unknown: [404],
  packageName: plain => `@acme/${plain}`,

  async publish(actor, place, what) {
    const manifest = { name: what.package, version: versionOf(what.label) };
    const bytes = npmTarball(manifest, { 'package/index.js': `// ${what.seed}`.repeat(50) });
    const bundle = npmBundle(manifest, bytes);
    const path = `${base(place)}/${escaped(manifest.name)}`;
    const body = JSON.stringify(npmDocument(manifest, bytes, { bundle }));
    const answer = await actor.ask('PUT', path, { body, headers: { 'content-type': 'application/json' } });
    const file = `${base(place)}/${manifest.name}/-/${fileOf(manifest.name, manifest.version)}`;
    const files = [
      { name: 'tarball', path: `${file}.tgz`, bytes },
      { name: 'provenance', path: `${file}.sigstore`, bytes: Buffer.from(bundle) },
    ];
    return { answer, version: { place, package: manifest.name, version: manifest.version, files } };
  },

  listPath: (place, name) => `${base(place)}/${escaped(name)}`,
  labels: answer => Object.keys(jsonOf<Packument>(answer).versions).map(labelOf),
  resolvePath: (place, name, label) => `${base(place)}/${escaped(name)}/${versionOf(label)}`,
  async delete(actor, { place, package: name }) {
    const path = `${base(place)}/${escaped(name)}`;
    const shown = jsonOf<{ _rev: string }>(await actor.ask('GET', `${path}?write=true`));
    return actor.ask('DELETE', `${path}/-rev/${shown._rev}`);
  },
  refusal: answer => ({ status: answer.status, message: jsonOf<{ error: string }>(answer).error }),
  isChallenge: (answer: Answer) =>
    answer.status === 401 && /^Basic realm=/.test(answer.headers.get('www-authenticate') ?? ''),

  asks: {
    [`GET ${BASE}/{package}`]: index(({ place, package: name }) => `${base(place)}/${escaped(name)}`),
    [`HEAD ${BASE}/{package}`]: index(({ place, package: name }) => `${base(place)}/${escaped(name)}`),
    [`GET ${BASE}/{package}/{version}`]: index(
      ({ place, package: name, version }) => `${base(place)}/${escaped(name)}/${version}`,
    ),
    [`GET ${BASE}/{package}/-/{file}`]: content(() => true),
    [`HEAD ${BASE}/{package}/-/{file}`]: content(() => true),
    [`GET ${BASE}/-/package/{package}/dist-tags`]: version => ({
      kind: 'index',
      paths: [`${base(version.place)}/-/package/${escaped(version.package)}/dist-tags`],
      offers: answer => answer.text.includes(version.version),
    }),
    [`GET ${BASE}/-/npm/v1/attestations/{package}@{version}`]: ({ place, package: name, version }) => ({
      kind: 'content',
      paths: [`${base(place)}/-/npm/v1/attestations/${escaped(name)}@${version}`],
    }),
    [`GET ${BASE}/-/v1/search`]: index(({ place }) => `${base(place)}/-/v1/search?text=`),
    // only for who pushes or approves, of what was staged: test/protocols/npm/stage.int.test.ts
    [`GET ${BASE}/-/stage`]: () => ({ kind: 'index', paths: [] }),
    [`GET ${BASE}/-/stage/{id}`]: () => ({ kind: 'index', paths: [] }),
    [`GET ${BASE}/-/stage/{id}/tarball`]: () => ({ kind: 'content', paths: [] }),
    [`GET ${BASE}/-/user/{user}/package`]: () => ({ kind: 'index', paths: [] }),
  },
};
