/** Takes a distribution as twine and uv send it. https://docs.pypi.org/api/upload/ */
import { parse as parsePep440 } from '@renovatebot/pep440';
import type { Asked, PublicationFile, PublishedVersion, ReceivedFile } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Context } from '../shared/content.ts';
import { type FilePart, type Multipart, readMultipart } from '../shared/multipart.ts';
import { purlOf } from '../shared/purl.ts';
import { extractMetadata } from './archive.ts';
import { PROVENANCE_TYPE, provenanceOf } from './attestations.ts';
import { describe } from './describe.ts';
import { type CoreMetadata, isReliable, parseMetadata } from './metadata.ts';
import {
  type DistributionName,
  metadataName,
  normalizeName,
  normalizeVersion,
  parseDistributionName,
  pkgInfoName,
  provenanceName,
} from './names.ts';

const BINARY = 'application/octet-stream';
const VERSION_TYPE = 'application/vnd.python.distribution';
const MEDIA_TYPES = { 'tar.gz': 'application/gzip', zip: 'application/zip' } as const;

interface Sent {
  readonly name: DistributionName;
  readonly content: ReceivedFile;
}
type Form = Multipart<Sent | undefined>;

/** @throws REQUEST_INVALID, PACKAGE_INVALID, DIGEST_INVALID, VERSION_EXISTS */
export async function upload(context: Context, asked: Asked): Promise<PublishedVersion> {
  const { registry, request } = context;
  const form = await readMultipart(request, { onFile: part => receive(context, asked, part), files: 2 });
  const { name, content } = sentIn(form);
  checkDigests(form, content);
  const bytes = await extractMetadata(content, name);
  const metadata = parseMetadata(bytes);
  checkAgreement(form, metadata, name);
  const [sidecars, provenance] = await Promise.all([
    metadataFiles(context, asked, { name, metadata, bytes }),
    provenanceFile(context, asked, { form, name, content }),
    refuseOtherSpellings(context, asked, name),
  ]);
  return registry.publish(asked, {
    package: name.project,
    displayName: metadata.name,
    version: name.version,
    mediaType: VERSION_TYPE,
    files: [{ name: name.filename, mediaType: mediaTypeOf(name), content }, ...sidecars, ...provenance],
    purl: purlOf({ type: 'pypi', name: name.project, version: name.version }),
    description: describe(metadata),
    readme: metadata.description,
    // a wheel's metadata is final; a source distribution's may miss what only building finds out
    describes: name.kind === 'wheel',
    rules: { multiFile: true, reuse: 'never' },
  });
}

async function receive({ registry }: Context, asked: Asked, part: FilePart): Promise<Sent | undefined> {
  if (part.field === 'content') {
    const name = parseDistributionName(part.filename ?? '');
    return { name, content: await registry.receive(asked, part.stream) };
  }
  // signatures of before PEP 740: nobody verifies them any more
  part.stream.resume();
  return undefined;
}

function sentIn({ fields, files }: Form): Sent {
  const action = single(fields, ':action');
  if (action !== undefined && action !== 'file_upload')
    throw refuse('REQUEST_INVALID', 'only the action file_upload is known');
  const [sent, ...others] = files.filter(file => file !== undefined);
  if (!sent || others.length > 0) throw refuse('REQUEST_INVALID', 'send one file, in the field content');
  return sent;
}

function single(fields: Form['fields'], name: string): string | undefined {
  const values = fields.get(name) ?? [];
  if (values.length > 1) throw refuse('REQUEST_INVALID', `the field ${name} may appear only once`);
  return values[0]?.trim() || undefined;
}

/** @throws DIGEST_INVALID when something else arrived than was sent */
function checkDigests({ fields }: Form, { digests }: ReceivedFile): void {
  for (const algorithm of ['sha256', 'md5'] as const) {
    const said = single(fields, `${algorithm}_digest`)?.toLowerCase();
    if (said !== undefined && said !== digests[algorithm])
      throw refuse('DIGEST_INVALID', `the file has ${algorithm} ${digests[algorithm]}`);
  }
}

/** What is shown comes from the archive; a form or a file's name that says otherwise is somebody's mistake. */
function checkAgreement({ fields }: Form, metadata: CoreMetadata, name: DistributionName): void {
  const { project, version } = name;
  const sayings: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['its metadata', metadata.name, metadata.version],
    ['the form', single(fields, 'name'), single(fields, 'version')],
  ];
  for (const [who, saysName = project, saysVersion = version] of sayings)
    if (normalizeName(saysName) !== project || normalizeVersion(saysVersion) !== version)
      throw refuse('PACKAGE_INVALID', `${name.filename} is ${saysName} ${saysVersion}, as ${who} says`);
  const requires = single(fields, 'requires_python');
  if (requires !== undefined && squeezed(requires) !== squeezed(metadata.one('Requires-Python')))
    throw refuse('PACKAGE_INVALID', 'the form says another requires_python than its metadata');
}

const squeezed = (text = '') => text.replaceAll(/\s+/g, '');

const mediaTypeOf = ({ kind, archive }: DistributionName) =>
  kind === 'wheel' ? BINARY : MEDIA_TYPES[archive];

/**
 * A source distribution's stands under the name that is not offered, too: once deleted, that name refuses every spelling
 * of the file's, whatever its metadata is like.
 */
async function metadataFiles(
  { registry }: Context,
  asked: Asked,
  { name, metadata, bytes }: { name: DistributionName; metadata: CoreMetadata; bytes: Buffer },
): Promise<PublicationFile[]> {
  const content = await registry.receive(asked, bytes);
  const sidecars = [
    ...(name.kind === 'wheel' || isReliable(metadata) ? [metadataName(name.canonical)] : []),
    ...(name.kind === 'sdist' ? [pkgInfoName(name.canonical)] : []),
  ];
  return sidecars.map(sidecar => ({ name: sidecar, mediaType: BINARY, content, of: name.filename }));
}

async function provenanceFile(
  { registry }: Context,
  asked: Asked,
  { form, name, content }: Sent & { form: Form },
): Promise<PublicationFile[]> {
  const field = single(form.fields, 'attestations');
  if (field === undefined) return [];
  const { sha256 } = content.digests;
  const provenance = Buffer.from(provenanceOf(field, { filename: name.filename, sha256 }));
  const sidecar = provenanceName(name.canonical);
  const received = await registry.receive(asked, provenance);
  return [{ name: sidecar, mediaType: PROVENANCE_TYPE, content: received, of: name.filename }];
}

/**
 * Installers take `1.0` and `1.0.0` for one version, and `A_b-1.tar.gz` and `a.B-1.tar.gz` for one file: a second
 * spelling would be a way around whatever is said of the first.
 * @throws VERSION_EXISTS
 */
async function refuseOtherSpellings(
  { registry }: Context,
  asked: Asked,
  { project, version, canonical, filename }: DistributionName,
): Promise<void> {
  const standing = (spelling: string) => registry.standing(asked, { package: project, version: spelling });
  const spellings = equalVersions(version);
  const found = await Promise.all(spellings.map(standing));
  const other = spellings.find((_, index) => found[index] !== undefined);
  if (other !== undefined)
    throw refuse('VERSION_EXISTS', `${project} ${version} already exists here as ${other}: name the file so`);
  const sidecars = [metadataName(canonical), pkgInfoName(canonical)];
  const files = (await standing(version)) ?? [];
  const same = files.find(({ name, of }) => sidecars.includes(name) && of !== filename)?.of;
  if (same !== undefined) throw refuse('VERSION_EXISTS', `${filename} already exists here as ${same}`);
}

const MAX_RELEASE = 6;

/** Other spellings of a version: zeros at its end mean nothing. */
function equalVersions(version: string): string[] {
  const release = parsePep440(version)?.release ?? [];
  const written = release.join('.');
  // an epoch before it may look the same
  const start = version.indexOf('!') + 1;
  let significant = release.length;
  while (significant > 1 && release[significant - 1] === 0) significant--;
  const spellings: string[] = [];
  for (let length = significant; length <= Math.max(MAX_RELEASE, release.length); length++) {
    const padded = Array.from({ length }, (_, index) => release[index] ?? 0);
    if (length !== release.length)
      spellings.push(`${version.slice(0, start)}${padded.join('.')}${version.slice(start + written.length)}`);
  }
  return spellings;
}
