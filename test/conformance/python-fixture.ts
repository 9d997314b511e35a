/** Python distributions for the shared suite: a wheel with its metadata and attestations. */
import { createHash } from 'node:crypto';
import { type Dist, makeWheel, uploadForm } from '../support/python-dists.ts';
import { type Answer, jsonOf } from './client.ts';
import type { Place, ProtocolFixture, PublishedVersion } from './fixture.ts';

const base = (place: Place) => `/pkg/${place.project}/${place.repository}/python`;
const versionOf = (label: string) => label.replace(/^v(\d+)$/, '$1.0.0');
const labelOf = (version: string) => version.replace(/^(\d+)\.0\.0$/, 'v$1');
const JSON_INDEX = { accept: 'application/vnd.pypi.simple.v1+json' };

interface Index {
  readonly files: readonly { readonly filename: string; readonly yanked: boolean | string }[];
}

/** An attestation whose statement is about this file; nobody signed it. */
export function attestationOf({ filename, bytes }: Dist) {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: filename, digest: { sha256: createHash('sha256').update(bytes).digest('hex') } }],
    predicateType: 'https://docs.pypi.org/attestations/publish/v1',
    predicate: null,
  };
  return {
    version: 1,
    verification_material: { certificate: 'AAAA', transparency_entries: [{}] },
    envelope: { statement: Buffer.from(JSON.stringify(statement)).toString('base64'), signature: 'AAAA' },
  };
}

/** The index as clients read it: a file that is yanked is chosen by no range. */
const chosen = (answer: Answer) =>
  jsonOf<Index>(answer)
    .files.filter(({ yanked }) => yanked === false)
    .map(({ filename }) => filename);
const versionIn = (filename: string) => filename.split('-')[1] ?? '';

const FILES = '/pkg/{project}/{repository}/python/files/{package}/{version}/{file}';
const SIMPLE = '/pkg/{project}/{repository}/python/simple';
const only = (index: number) => (version: PublishedVersion) => ({
  kind: 'content' as const,
  paths: version.files.slice(index, index + 1).map(({ path }) => path),
});
const root = ({ place }: PublishedVersion) => ({
  kind: 'index' as const,
  paths: [`${base(place)}/simple/`],
  offers: (answer: Answer, { files }: PublishedVersion) =>
    files.some(({ path }) => answer.text.includes(path)),
});
/** Listed, but yanked: https://packaging.python.org/en/latest/specifications/file-yanking/ */
const project = ({ place, package: name }: PublishedVersion) => ({
  kind: 'index' as const,
  paths: [`${base(place)}/simple/${name}/`],
  headers: JSON_INDEX,
  offers: (answer: Answer) => answer.body.length > 0 && chosen(answer).length > 0,
});

export const pythonFixture: ProtocolFixture = {
  republishing: 'refused',
  tagless: true,
  neverAgain: true,
  subjects: 2,
  publicationEvents: ['PackageRegistered', 'VersionPublished'],
  unknown: [404],
  packageName: plain => plain,

  async publish(actor, place, what) {
    const version = versionOf(what.label);
    const dist = makeWheel({ name: what.package, version, value: `content of ${what.seed}` });
    const attestations = JSON.stringify([attestationOf(dist)]);
    const form = uploadForm(dist, { attestations });
    const answer = await actor.ask('POST', `${base(place)}/`, form);
    const path = `${base(place)}/files/${what.package}/${version}/${dist.filename}`;
    const provenance = JSON.stringify({
      version: 1,
      attestation_bundles: [
        { publisher: { kind: 'Strongroom', claims: null }, attestations: [attestationOf(dist)] },
      ],
    });
    const files = [
      { name: 'wheel', path, bytes: dist.bytes },
      { name: '.metadata', path: `${path}.metadata`, bytes: Buffer.from(dist.metadata) },
      { name: '.provenance', path: `${path}.provenance`, bytes: Buffer.from(provenance) },
    ];
    return { answer, version: { place, package: what.package, version, files } };
  },

  listPath: (place, name) =>
    `${base(place)}/simple/${name}/?format=${encodeURIComponent('application/vnd.pypi.simple.v1+json')}`,
  labels: answer => [...new Set(chosen(answer).map(filename => labelOf(versionIn(filename))))],
  resolvePath: (place, name, label) => {
    const { filename } = makeWheel({ name, version: versionOf(label) });
    return `${base(place)}/files/${name}/${versionOf(label)}/${filename}`;
  },
  refusal: answer => ({ status: answer.status, message: answer.text.trim() }),
  isChallenge: (answer: Answer) =>
    answer.status === 401 && /^Basic realm=/.test(answer.headers.get('www-authenticate') ?? ''),

  asks: Object.fromEntries(
    ['GET', 'HEAD'].flatMap(method => [
      [`${method} ${SIMPLE}/`, root],
      [`${method} ${SIMPLE}/{package}/`, project],
      [`${method} ${FILES}`, only(0)],
      [`${method} ${FILES}.metadata`, only(1)],
      [`${method} ${FILES}.provenance`, only(2)],
    ]),
  ),
};
