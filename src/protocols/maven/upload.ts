/** PUT: artifacts are published, checksums compared, metadata taken and left aside. */
import type { Asked, Description, Publication } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { ProtocolReply } from '../protocol.ts';
import type { Context } from '../shared/content.ts';
import { purlOf } from '../shared/purl.ts';
import { isSnapshot, mediaTypeOf } from './layout.ts';
import type { ChecksumRoute, FileRoute } from './parse.ts';
import { goalPrefixIn } from './plugin.ts';
import { readPom } from './pom.ts';

/** of a version as a whole */
const VERSION_TYPE = 'application/java-archive';
const [MAX_POM, MAX_METADATA, MAX_CHECKSUM] = [2 * 1024 * 1024, 16 * 1024 * 1024, 4096];

/**
 * A release's files are fixed; so are a snapshot's builds, each of which has a name of its own. Only a snapshot under
 * its literal name is replaced.
 */
function rulesOf({ version, named }: FileRoute): Publication['rules'] {
  const literal = isSnapshot(version) && named.build === undefined;
  return { multiFile: true, reuse: 'same', replaceable: literal ? 'always' : true };
}

/** 201, or 200 when the same is there already. @throws VERSION_EXISTS, PACKAGE_INVALID */
export async function putFile(context: Context, asked: Asked, route: FileRoute): Promise<ProtocolReply> {
  const { request, registry } = context;
  const { group, artifact, version, file, named } = route;
  const isPom = isMain(named, 'pom');
  const max = isPom ? MAX_POM : undefined;
  const content = await registry.receive(asked, request.file(max), max);
  const found = isMain(named, 'jar') ? await goalPrefixIn(content) : undefined;
  const description = isPom ? { description: describe(route, await content.read()), describes: true } : {};
  const published = await registry.publish(asked, {
    package: route.package,
    version,
    mediaType: VERSION_TYPE,
    files: [{ name: file, mediaType: mediaTypeOf(named), content, of: named.signs, found }],
    purl: purlOf({ type: 'maven', namespace: group, name: artifact, version }),
    ...description,
    rules: rulesOf(route),
  });
  return done(published.changed ? 201 : 200, { etag: `"${content.canonical}"` });
}

const isMain = ({ extension, classifier }: FileRoute['named'], wanted: string) =>
  extension === wanted && classifier === undefined;

/**
 * What a pom says, when it says it of its own address: whoever resolves it goes by the address, and whoever reads it by
 * what it says. What it leaves to others is taken. @throws PACKAGE_INVALID
 */
function describe({ group, artifact, version, named }: FileRoute, bytes: Uint8Array): Description {
  const { description, coordinates } = readPom(bytes);
  const is = { group, artifact, version, ...coordinates };
  // of a snapshot's build some tools write the version that its files have
  const versionFits = is.version === version || is.version === named.value;
  if (is.group === group && is.artifact === artifact && versionFits) return description;
  const says = `${is.group}:${is.artifact}:${is.version}`.slice(0, 300);
  throw refuse(
    'PACKAGE_INVALID',
    `the pom is of ${says}, and its address is of ${group}:${artifact}:${version}`,
  );
}

/**
 * Clients send the checksums of what they sent: 200 when they are right. Those of metadata are about what the client
 * thought, which nobody is told. @throws DIGEST_INVALID, FILE_UNKNOWN
 */
export async function putChecksum(
  { request, registry }: Context,
  asked: Asked,
  { algorithm, of }: ChecksumRoute,
): Promise<ProtocolReply> {
  const sent = Buffer.from(await request.bytes(MAX_CHECKSUM)).toString('latin1');
  if (of?.kind !== 'file') return done(200);
  const file = await registry.placed(asked, of);
  if (!file) throw refuse('FILE_UNKNOWN', `${of.file}: send it before its checksum`);
  const is = algorithm === 'sha256' ? file.canonical.slice('sha256:'.length) : file.hashes?.[algorithm];
  if (is !== hexIn(sent, LENGTHS[algorithm]))
    throw refuse('DIGEST_INVALID', `the ${algorithm} of ${of.file} is ${is}`);
  return done(200);
}

const LENGTHS = { md5: 32, sha1: 40, sha256: 64, sha512: 128 } as const;

/** The bare digest, or a line of `sha1sum` or of openssl around it. */
function hexIn(text: string, length: number): string | undefined {
  const words = text.toLowerCase().split(/[^0-9a-z]+/);
  return words.find(word => word.length === length && /^[0-9a-f]+$/.test(word));
}

/** Taken, so that clients go on, and not trusted: what is served is computed from what is published. */
export async function putMetadata({ request }: Context): Promise<ProtocolReply> {
  await request.bytes(MAX_METADATA);
  return done(200);
}

const done = (status: number, headers: Readonly<Record<string, string>> = {}): ProtocolReply => ({
  status,
  headers: { ...headers, 'content-length': '0' },
});
