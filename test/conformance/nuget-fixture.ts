/** NuGet packages for the shared suite: a package with all that can be embedded, and its symbols. */
import { makeFullNupkg, makeSnupkg, PNG, pushForm } from '../support/nupkgs.ts';
import { type Actor, type Answer, jsonOf } from './client.ts';
import type { Place, ProtocolFixture, PublishedVersion, Publishing } from './fixture.ts';

const base = (place: Place) => `/pkg/${place.project}/${place.repository}/nuget`;
const versionOf = (label: string) => label.replace(/^v(\d+)$/, '$1.0.0');
const labelOf = (version: string) => version.replace(/^(\d+)\.0\.0$/, 'v$1');

const flat = (place: Place, id: string, version: string) => `${base(place)}/flatcontainer/${id}/${version}`;

async function push(actor: Actor, place: Place, what: Publishing) {
  const version = versionOf(what.label);
  // clients push with the id as it is written
  const id = what.package.replace(/^n/, 'N');
  const options = { id, version, description: `content of ${what.seed}` };
  const readme = `# About ${what.seed}\n`;
  const { bytes, nuspec } = makeFullNupkg({ ...options, readme });
  const symbols = makeSnupkg({
    ...options,
    extra: [{ path: `lib/net45/${id}.pdb`, content: what.seed.repeat(10) }],
  });
  let answer = await actor.ask('PUT', `${base(place)}/package/`, pushForm(bytes));
  if (answer.status < 300) answer = await actor.ask('PUT', `${base(place)}/symbols/`, pushForm(symbols));
  const at = flat(place, what.package, version);
  const license = Buffer.from(`The licence of ${id} ${version}\n`);
  const files = [
    { name: '.nupkg', path: `${at}/${what.package}.${version}.nupkg`, bytes },
    { name: '.snupkg', path: `${at}/${what.package}.${version}.snupkg`, bytes: symbols },
    { name: '.nuspec', path: `${at}/${what.package}.nuspec`, bytes: Buffer.from(nuspec) },
    { name: 'readme', path: `${at}/readme`, bytes: Buffer.from(readme) },
    { name: 'icon', path: `${at}/icon`, bytes: PNG },
    { name: 'license', path: `${at}/license`, bytes: license },
  ];
  return { answer, version: { place, package: what.package, version, files } };
}

const NUGET = '/pkg/{project}/{repository}/nuget';
const content = (suffix: string) => (version: PublishedVersion) => ({
  kind: 'content' as const,
  paths: version.files.map(({ path }) => path).filter(path => path.endsWith(suffix)),
});
/** Whatever names the package's file offers it, and in lists its version. */
const offers = (answer: Answer, { package: id, version }: PublishedVersion) =>
  answer.text.includes(`${id}.${version}.nupkg`) || answer.text.includes(`"${version}"`);
const index = (path: (version: PublishedVersion) => string) => (version: PublishedVersion) => ({
  kind: 'index' as const,
  paths: [base(version.place) + path(version)],
  offers,
});
const methods = <T>(pattern: string, asks: T) => ({
  [`GET ${NUGET}/${pattern}`]: asks,
  [`HEAD ${NUGET}/${pattern}`]: asks,
});
const CONTENT = 'flatcontainer/{id}/{version}';
const registrations = (hive: string) => ({
  ...methods(
    `${hive}/{id}/index.json`,
    index(({ package: id }) => `/${hive}/${id}/index.json`),
  ),
  ...methods(
    `${hive}/{id}/page/{lower}/{upper}.json`,
    index(({ package: id, version }) => `/${hive}/${id}/page/${version}/${version}.json`),
  ),
  ...methods(`${hive}/{id}/{version}.json`, ({ place, package: id, version }: PublishedVersion) => ({
    kind: 'content' as const,
    paths: [`${base(place)}/${hive}/${id}/${version}.json`],
  })),
});

export const nugetFixture: ProtocolFixture = {
  republishing: 'refused',
  tagless: true,
  fileByFile: true,
  deletesByApi: true,
  // the package, its symbols, and the version's purl
  subjects: 3,
  publicationEvents: ['PackageRegistered', 'VersionPublished', 'VersionFileAdded'],
  unknown: [404],
  packageName: plain => plain,
  publish: push,

  listPath: (place, name) => `${base(place)}/flatcontainer/${name}/index.json`,
  labels: answer => jsonOf<{ versions: string[] }>(answer).versions.map(labelOf),
  resolvePath: (place, name, label) => `${base(place)}/registration/${name}/${versionOf(label)}.json`,
  delete: (actor, { place, package: name, version }) =>
    actor.ask('DELETE', `${base(place)}/package/${name}/${version}`),
  refusal: answer => ({ status: answer.status, message: answer.text.trim() }),
  isChallenge: (answer: Answer) =>
    answer.status === 401 && /^Basic realm=/.test(answer.headers.get('www-authenticate') ?? ''),

  asks: {
    ...methods(
      'flatcontainer/{id}/index.json',
      index(({ package: id }) => `/flatcontainer/${id}/index.json`),
    ),
    ...methods(`${CONTENT}/{id}.{version}.nupkg`, content('.nupkg')),
    ...methods(`${CONTENT}/{id}.{version}.snupkg`, content('.snupkg')),
    ...methods(`${CONTENT}/{id}.nuspec`, content('.nuspec')),
    ...methods(`${CONTENT}/readme`, content('/readme')),
    ...methods(`${CONTENT}/icon`, content('/icon')),
    ...methods(`${CONTENT}/license`, content('/license')),
    ...registrations('registration'),
    ...registrations('registration-semver2'),
    ...methods(
      'query',
      index(({ package: id }) => `/query?q=${id}&prerelease=true`),
    ),
    ...methods('autocomplete', ({ place, package: id }: PublishedVersion) => ({
      kind: 'index' as const,
      paths: [`${base(place)}/autocomplete?q=${id}`, `${base(place)}/autocomplete?id=${id}`],
      offers: (answer: Answer) => /"data":\[[^\]]/.test(answer.text),
    })),
  },
};
