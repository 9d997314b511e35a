/** Reading packages: packuments, manifests, tarballs, attestations. */
import type { ProtocolReply } from '../protocol.ts';
import { sendDocument, sendFile } from '../shared/content.ts';
import { headerOf } from '../shared/headers.ts';
import { asciiLine } from '../shared/refusal.ts';
import type { Npm } from './context.ts';
import { bundleOf, checkVersion } from './names.ts';
import { abbreviatedPackument, fullPackument, holdNotice, oneManifest } from './packument.ts';
import { attestationsOf } from './provenance.ts';

const FULL = 'application/json';
const ABBREVIATED = 'application/vnd.npm.install-v1+json';

/** `GET /<package>` */
export async function packument(npm: Npm, name: string): Promise<ProtocolReply> {
  const short = prefersAbbreviated(headerOf(npm.request.headers, 'accept'));
  const kind = `${short ? 'short' : 'full'} ${npm.links.root}`;
  const { registry, asked, links } = npm;
  const document = await registry.document(asked, { package: name, kind }, async composer => {
    const describe = (versions: readonly string[]) =>
      registry.descriptions(asked, { package: name, versions });
    const composing = { outline: await registry.outline(asked, name), links, composer, describe };
    return short
      ? abbreviatedPackument(composing)
      : fullPackument(composing, digest => registry.text(asked, digest));
  });
  return sendDocument(npm, document, short ? ABBREVIATED : FULL, await noticed(npm, name));
}

/** `GET /<package>/<version or tag>` */
export async function manifest(npm: Npm, name: string, selector: string): Promise<ProtocolReply> {
  const { registry, asked, links } = npm;
  const kind = `manifest ${links.root} ${selector}`;
  const document = await registry.document(asked, { package: name, kind }, async () =>
    JSON.stringify(oneManifest(await registry.package(asked, name), links, selector)),
  );
  return sendDocument(npm, document, FULL);
}

/**
 * npm prints this header: why a version that somebody asks for is not among those on offer. It does so only for answers
 * that it does not cache.
 */
async function noticed({ registry, asked }: Npm, name: string): Promise<Record<string, string>> {
  const notice = await registry.document(asked, { package: name, kind: 'notice' }, async () =>
    asciiLine(holdNotice(await registry.outline(asked, name)) ?? '', 300),
  );
  if (notice.bytes.length === 0) return {};
  return {
    'npm-notice': Buffer.from(notice.bytes).toString('latin1'),
    'cache-control': 'private, no-store',
  };
}

/** `GET /<package>/-/<file>`: a tarball, or the provenance bundle beside it. */
export async function file(
  npm: Npm,
  of: { package: string; version: string; file: string },
): Promise<ProtocolReply> {
  return sendFile(npm, npm.asked, await npm.registry.file(npm.asked, of));
}

/** `GET /-/npm/v1/attestations/<package>@<version>` */
export async function attestations(
  npm: Npm,
  of: { package: string; version: string },
): Promise<ProtocolReply> {
  const version = checkVersion(of.version);
  const name = { package: of.package, version, file: bundleOf(of.package, version) };
  const released = await npm.registry.file(npm.asked, name);
  const bytes = await npm.registry.read(released);
  if (npm.request.method !== 'HEAD') await npm.registry.downloaded(npm.asked, released);
  const document = await npm.registry.document(
    npm.asked,
    { package: of.package, kind: `attestations ${version} ${released.content.canonical}` },
    async () => JSON.stringify(attestationsOf(bytes)),
  );
  return sendDocument(npm, document, FULL);
}

/** Whether the abbreviated form is wanted at least as much as the full one. RFC 9110, section 12.5.1 */
export function prefersAbbreviated(accept: string | undefined): boolean {
  const weights = new Map<string, number>();
  for (const part of (accept ?? '').slice(0, 1000).split(',')) {
    const [type = '', ...parameters] = part.split(';').map(text => text.trim().toLowerCase());
    const q = parameters.find(text => text.startsWith('q='));
    weights.set(type, q === undefined ? 1 : Number(q.slice(2)) || 0);
  }
  const short = weights.get(ABBREVIATED) ?? 0;
  return short > 0 && short >= (weights.get(FULL) ?? 0);
}
