/** Generic files for the shared suite: a version of one file, in a folder. */
import { type Answer, jsonOf } from './client.ts';
import type { ProtocolFixture, PublishedVersion } from './fixture.ts';

const base = (place: { project: string; repository: string }, name: string) =>
  `/pkg/${place.project}/${place.repository}/generic/${name}`;
const versionOf = (label: string) => label.replace(/^v(\d+)$/, '$1.0.0');
const labelOf = (version: string) => version.replace(/^(\d+)\.0\.0$/, 'v$1');

interface Listing {
  readonly versions: readonly { readonly version: string }[];
}

const PATTERN = '/pkg/{project}/{repository}/generic/{package}/{version}/{path}';
const files = ({ files: all }: PublishedVersion) => ({
  kind: 'content' as const,
  paths: all.map(({ path }) => path),
});

export const genericFixture: ProtocolFixture = {
  republishing: 'refused',
  tagless: true,
  subjects: 2,
  publicationEvents: ['PackageRegistered', 'VersionPublished'],
  unknown: [404],
  packageName: plain => plain,

  async publish(actor, place, what) {
    const version = versionOf(what.label);
    const path = `${base(place, what.package)}/${version}/bin/tool.bin`;
    const bytes = Buffer.from(`content of ${what.seed} `.repeat(20));
    const answer = await actor.ask('PUT', path, { body: bytes });
    const shown = { place, package: what.package, version, files: [{ name: 'tool.bin', path, bytes }] };
    return { answer, version: shown };
  },

  listPath: (place, name) => `${base(place, name)}/`,
  labels: answer => jsonOf<Listing>(answer).versions.map(({ version }) => labelOf(version)),
  resolvePath: (place, name, label) => `${base(place, name)}/${versionOf(label)}/`,
  delete: (actor, { place, package: name, version }) =>
    actor.ask('DELETE', `${base(place, name)}/${version}/`),
  refusal: answer => ({ status: answer.status, message: answer.text.trim() }),
  isChallenge: (answer: Answer) =>
    answer.status === 401 && /^Basic realm=/.test(answer.headers.get('www-authenticate') ?? ''),

  asks: {
    [`GET ${PATTERN}`]: files,
    [`HEAD ${PATTERN}`]: files,
    [`GET ${PATTERN}.{checksum}`]: ({ files: all }) => ({
      kind: 'content',
      paths: all.flatMap(({ path }) => ['md5', 'sha1', 'sha256', 'sha512'].map(sum => `${path}.${sum}`)),
    }),
    [`GET ${PATTERN}/`]: ({ place, package: name, version }) => ({
      kind: 'index',
      paths: [`${base(place, name)}/${version}/bin/`],
    }),
    'GET /pkg/{project}/{repository}/generic/{package}/{version}/': ({ place, package: name, version }) => ({
      kind: 'index',
      paths: [`${base(place, name)}/${version}/`],
    }),
    'GET /pkg/{project}/{repository}/generic/{package}/': ({ place, package: name }) => ({
      kind: 'index',
      paths: [`${base(place, name)}/`],
    }),
    'GET /pkg/{project}/{repository}/generic/': ({ place }) => ({
      kind: 'index',
      paths: [`/pkg/${place.project}/${place.repository}/generic/`],
      offers: answer => answer.text.includes('tool.bin'),
    }),
  },
};
