/** Charts for the shared suite: an archive with its provenance file, in one form. */
import { fakeProvenance, makeChart } from '../support/charts.ts';
import { type Answer, jsonOf } from './client.ts';
import type { Place, ProtocolFixture, PublishedVersion } from './fixture.ts';

const base = (place: Place) => `/pkg/${place.project}/${place.repository}/helm`;
const versionOf = (label: string) => label.replace(/^v(\d+)$/, '$1.0.0');
const labelOf = (version: string) => version.replace(/^(\d+)\.0\.0$/, 'v$1');

const BASE = '/pkg/{project}/{repository}/helm';
const methods = <T>(pattern: string, asks: T) => ({
  [`GET ${BASE}/${pattern}`]: asks,
  [`HEAD ${BASE}/${pattern}`]: asks,
});
const content = (suffix: RegExp) => (version: PublishedVersion) => ({
  kind: 'content' as const,
  paths: version.files.map(({ path }) => path).filter(path => suffix.test(path)),
});
const index = (pathOf: (version: PublishedVersion) => string) => (version: PublishedVersion) => ({
  kind: 'index' as const,
  paths: [`${base(version.place)}/${pathOf(version)}`],
});

export function chartForm(parts: Readonly<Record<string, Buffer>>) {
  const boundary = 'form-of-a-chart';
  const pieces = Object.entries(parts).flatMap(([field, bytes]) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${field}"\r\nContent-Type: application/octet-stream\r\n\r\n`,
    ),
    bytes,
    Buffer.from('\r\n'),
  ]);
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

export const helmFixture: ProtocolFixture = {
  republishing: 'refused',
  tagless: true,
  // the archive, and the package URL
  subjects: 2,
  publicationEvents: ['PackageRegistered', 'VersionPublished'],
  unknown: [404],
  packageName: plain => plain,

  async publish(actor, place, what) {
    const version = versionOf(what.label);
    const named = { name: what.package, version };
    const chart = makeChart({ ...named, text: what.seed });
    const prov = fakeProvenance(named, chart);
    const answer = await actor.ask('POST', `${base(place)}/api/charts`, chartForm({ chart, prov }));
    const path = `${base(place)}/charts/${what.package}-${version}.tgz`;
    const files = [
      { name: 'chart', path, bytes: chart },
      { name: '.prov', path: `${path}.prov`, bytes: prov },
    ];
    return { answer, version: { place, package: what.package, version, files } };
  },

  listPath: (place, name) => `${base(place)}/api/charts/${name}`,
  labels: answer => jsonOf<{ version: string }[]>(answer).map(({ version }) => labelOf(version)),
  resolvePath: (place, name, label) => `${base(place)}/api/charts/${name}/${versionOf(label)}`,
  delete: (actor, { place, package: name, version }) =>
    actor.ask('DELETE', `${base(place)}/api/charts/${name}/${version}`),
  refusal: answer => ({ status: answer.status, message: jsonOf<{ error: string }>(answer).error }),
  isChallenge: (answer: Answer) =>
    answer.status === 401 && /^Basic realm=/.test(answer.headers.get('www-authenticate') ?? ''),

  asks: {
    ...methods(
      'index.yaml',
      index(() => 'index.yaml'),
    ),
    ...methods(
      'api/charts',
      index(() => 'api/charts'),
    ),
    ...methods(
      'api/charts/{name}',
      index(({ package: name }) => `api/charts/${name}`),
    ),
    ...methods('api/charts/{name}/{version}', ({ place, package: name, version }: PublishedVersion) => ({
      kind: 'content' as const,
      paths: [`${base(place)}/api/charts/${name}/${version}`],
    })),
    ...methods('charts/{name}-{version}.tgz', content(/\.tgz$/)),
    ...methods('charts/{name}-{version}.tgz.prov', content(/\.prov$/)),
  },
};
