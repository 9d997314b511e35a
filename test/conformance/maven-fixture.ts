/** Maven for the shared suite: a release of a pom, a jar and a signature, sent as mvn does, with checksums. */
import { createHash } from 'node:crypto';
import type { Actor, Answer } from './client.ts';
import { jsonOf } from './client.ts';
import type { Asks, Place, ProtocolFixture, PublishedFile, PublishedVersion } from './fixture.ts';

const GROUP = 'com.acme';
const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const;

const MOUNTS = ['/pkg/{project}/{repository}/maven', '/maven/{project}/{repository}'] as const;
const rootOf = (place: Place, mount: string = MOUNTS[0]) =>
  mount.replace('{project}', place.project).replace('{repository}', place.repository);
const base = (place: Place, name: string, mount?: string) =>
  `${rootOf(place, mount)}/${name.replaceAll('.', '/').replace(':', '/')}`;
const artifactOf = (name: string) => name.split(':')[1] ?? '';
const versionOf = (label: string) => label.replace(/^v(\d+)$/, '$1.0.0');
const labelOf = (version: string) => version.replace(/^(\d+)\.0\.0$/, 'v$1');

const pomOf = (artifact: string, version: string, seed: string) =>
  `<project><modelVersion>4.0.0</modelVersion><groupId>${GROUP}</groupId><artifactId>${artifact}</artifactId>` +
  `<version>${version}</version><packaging>maven-plugin</packaging><description>${seed}</description></project>\n`;

async function put(actor: Actor, path: string, bytes: Buffer): Promise<Answer> {
  const answer = await actor.ask('PUT', path, { body: bytes });
  if (answer.status >= 300) return answer;
  for (const algorithm of ['md5', 'sha1'] as const) {
    const checked = await actor.ask('PUT', `${path}.${algorithm}`, { body: hashOf(algorithm, bytes) });
    if (checked.status >= 300) return checked;
  }
  return answer;
}

const hashOf = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex');

const withChecksums = (file: PublishedFile): PublishedFile[] => [
  file,
  ...ALGORITHMS.map(algorithm => ({
    name: `${file.name}.${algorithm}`,
    path: `${file.path}.${algorithm}`,
    bytes: Buffer.from(hashOf(algorithm, file.bytes)),
  })),
];

/** Asked under both mounts, which differ by the path's beginning only. */
const under = (mount: string, { place }: PublishedVersion, path: string) =>
  path.replace(rootOf(place), rootOf(place, mount));

const FILE = '{group}/{artifact}/{version}/{file}';
const isChecksum = (name: string) => ALGORITHMS.some(algorithm => name.endsWith(`.${algorithm}`));
const contents =
  (mount: string, checksums: boolean) =>
  (version: PublishedVersion): Asks => ({
    kind: 'content',
    paths: version.files
      .filter(({ name }) => isChecksum(name) === checksums)
      .map(({ path }) => under(mount, version, path)),
  });

const listedVersions = (answer: Answer) =>
  [...answer.text.matchAll(/<version>([^<]+)<\/version>/g)].map(([, version = '']) => version);
const offers = (answer: Answer, { package: name, version }: PublishedVersion) =>
  listedVersions(answer).includes(version) ||
  answer.text.includes(`<artifactId>${artifactOf(name)}</artifactId>`);

const index =
  (pathOf: (version: PublishedVersion) => string, suffixes: readonly string[]) =>
  (version: PublishedVersion): Asks => ({
    kind: 'index',
    paths: suffixes.map(suffix => `${pathOf(version)}/maven-metadata.xml${suffix}`),
    offers,
  });

function asksUnder(mount: string): [string, (version: PublishedVersion) => Asks][] {
  const group = ({ place }: PublishedVersion) => `${rootOf(place, mount)}/${GROUP.replaceAll('.', '/')}`;
  const artifact = ({ place, package: name }: PublishedVersion) => base(place, name, mount);
  const checksums = ALGORITHMS.map(algorithm => `.${algorithm}`);
  const asks: [string, (version: PublishedVersion) => Asks][] = [
    [FILE, contents(mount, false)],
    [`${FILE}.{algorithm}`, contents(mount, true)],
    ['{group}/{artifact}/maven-metadata.xml', index(artifact, [''])],
    ['{group}/{artifact}/maven-metadata.xml.{algorithm}', index(artifact, checksums)],
    // of a release there is none: its folder is no artifact's
    ['{group}/{artifact}/{version}/maven-metadata.xml', index(artifact, [''])],
    ['{group}/{artifact}/{version}/maven-metadata.xml.{algorithm}', index(artifact, checksums)],
    ['{group}/maven-metadata.xml', index(group, [''])],
    ['{group}/maven-metadata.xml.{algorithm}', index(group, checksums)],
  ];
  return asks.flatMap(([path, asking]) =>
    ['GET', 'HEAD'].map((method): [string, typeof asking] => [`${method} ${mount}/${path}`, asking]),
  );
}

export const mavenFixture: ProtocolFixture = {
  republishing: 'refused',
  tagless: true,
  fileByFile: true,
  subjects: 3,
  publicationEvents: ['PackageRegistered', 'VersionPublished', 'VersionFileAdded', 'VersionFileAdded'],
  unknown: [404],
  packageName: plain => `${GROUP}:${plain}`,

  async publish(actor, place, what) {
    const [artifact, version] = [artifactOf(what.package), versionOf(what.label)];
    const file = (extension: string, text: string) => ({
      name: extension,
      path: `${base(place, what.package)}/${version}/${artifact}-${version}.${extension}`,
      bytes: Buffer.from(text),
    });
    const files = [
      file('jar', `jar of ${what.seed} `.repeat(20)),
      file('jar.asc', `signature of ${what.seed} `.repeat(5)),
      file('pom', pomOf(artifact, version, what.seed)),
    ];
    let answer: Answer | undefined;
    for (const { path, bytes } of files) {
      answer = await put(actor, path, bytes);
      if (answer.status >= 300) break;
    }
    if (!answer) throw new Error('nothing was sent');
    const published = { place, package: what.package, version, files: files.flatMap(withChecksums) };
    return { answer, version: published };
  },

  listPath: (place, name) => `${base(place, name)}/maven-metadata.xml`,
  labels: answer => listedVersions(answer).map(labelOf),
  resolvePath: (place, name, label) =>
    `${base(place, name)}/${versionOf(label)}/${artifactOf(name)}-${versionOf(label)}.pom`,
  delete: (actor, { place, package: name, version }) =>
    actor.ask('DELETE', `${base(place, name)}/${version}/`),
  refusal: answer => ({
    status: answer.status,
    message: answer.status === 403 ? jsonOf<{ detail: string }>(answer).detail : answer.text.trim(),
  }),
  isChallenge: answer =>
    answer.status === 401 && /^Basic realm=/.test(answer.headers.get('www-authenticate') ?? ''),
  asks: Object.fromEntries(MOUNTS.flatMap(asksUnder)),
};
