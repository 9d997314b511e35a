/** Go modules for the shared suite: a module of one package, uploaded as a zip. */
import { makeZip } from '../support/zip-maker.ts';
import type { Answer } from './client.ts';
import type { Place, ProtocolFixture, PublishedVersion } from './fixture.ts';

const base = (place: Place) => `/pkg/${place.project}/${place.repository}/go`;
const versionOf = (label: string) => label.replace(/^v(\d+)$/, 'v1.$1.0');
const labelOf = (version: string) => version.replace(/^v1\.(\d+)\.0$/, 'v$1');

const BASE = '/pkg/{project}/{repository}/go';

export function moduleZip(path: string, version: string, text: string): Buffer {
  const prefix = `${path}@${version}`;
  return makeZip([
    { path: `${prefix}/go.mod`, content: `module ${path}\n\ngo 1.19\n` },
    { path: `${prefix}/lib.go`, content: `package lib\n\nconst Text = ${JSON.stringify(text)}\n` },
  ]);
}

const content = (suffix: RegExp) => (version: PublishedVersion) => ({
  kind: 'content' as const,
  paths: version.files.map(({ path }) => path).filter(path => suffix.test(path)),
});
const index = (last: string) => (version: PublishedVersion) => ({
  kind: 'index' as const,
  paths: [`${base(version.place)}/${version.package}/${last}`],
  offers: (answer: Answer) => answer.text.includes(version.version),
});
const methods = <T>(pattern: string, asks: T) => ({
  [`GET ${BASE}/${pattern}`]: asks,
  [`HEAD ${BASE}/${pattern}`]: asks,
});

export const goFixture: ProtocolFixture = {
  republishing: 'refused',
  tagless: true,
  subjects: 2,
  publicationEvents: ['PackageRegistered', 'VersionPublished'],
  unknown: [404],
  packageName: plain => `example.com/${plain}`,

  async publish(actor, place, what) {
    const version = versionOf(what.label);
    const zip = moduleZip(what.package, version, what.seed.repeat(20));
    const answer = await actor.ask('PUT', `${base(place)}/upload`, { body: zip });
    const at = `${base(place)}/${what.package}/@v/${version}`;
    const files = [
      { name: 'zip', path: `${at}.zip`, bytes: zip },
      { name: 'mod', path: `${at}.mod`, bytes: Buffer.from(`module ${what.package}\n\ngo 1.19\n`) },
    ];
    return { answer, version: { place, package: what.package, version, files } };
  },

  listPath: (place, name) => `${base(place)}/${name}/@v/list`,
  labels: answer => answer.text.split('\n').filter(Boolean).map(labelOf),
  resolvePath: (place, name, label) => `${base(place)}/${name}/@v/${versionOf(label)}.info`,
  refusal: answer => ({ status: answer.status, message: answer.text.trim() }),
  isChallenge: (answer: Answer) =>
    answer.status === 401 && /^Basic realm=/.test(answer.headers.get('www-authenticate') ?? ''),

  asks: {
    ...methods('{module}/@v/list', index('@v/list')),
    ...methods('{module}/@latest', index('@latest')),
    ...methods('{module}/@v/{version}.info', ({ place, package: name, version }: PublishedVersion) => ({
      kind: 'content' as const,
      paths: [`${base(place)}/${name}/@v/${version}.info`],
    })),
    ...methods('{module}/@v/{version}.mod', content(/\.mod$/)),
    ...methods('{module}/@v/{version}.zip', content(/\.zip$/)),
  },
};
