/** Pure: what can be had, as JSON for programs and as pages of links for browsers and wget. */
import type { ListedFile, ListedVersion, PackageListing } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import { type Headers, headerOf } from '../shared/headers.ts';
import { escapeXml } from '../shared/xml.ts';

/** Which part of a package. */
export interface Wanted {
  readonly version?: string | undefined;
  readonly folder?: string | undefined;
}

type Shown = Pick<ListedVersion, 'version' | 'publishedAt' | 'deprecated' | 'yanked' | 'files'>;

/** By version and path, in byte order; held files are left out. @throws VERSION_UNKNOWN, FILE_UNKNOWN */
export function available({ name, versions }: PackageListing, { version, folder }: Wanted): readonly Shown[] {
  const shown = versions
    .filter(one => one.held === undefined && (version ?? one.version) === one.version)
    .map(one => ({ ...one, files: filesIn(one, folder) }));
  if (version !== undefined && shown.length === 0) throw refuse('VERSION_UNKNOWN', `${name} ${version}`);
  if (folder !== undefined && shown.every(({ files }) => files.length === 0))
    throw refuse('FILE_UNKNOWN', `${folder}/`);
  return shown;
}

/** Files under a folder, those in its folders included. */
function filesIn({ files }: ListedVersion, folder: string | undefined): readonly ListedFile[] {
  const under = folder === undefined ? '' : `${folder}/`;
  const free = files.filter(({ name, held }) => held === undefined && name.startsWith(under));
  return free.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

export function renderJson(name: string, versions: readonly Shown[]): string {
  return JSON.stringify({
    package: name,
    versions: versions.map(({ version, publishedAt, deprecated, yanked, files }) => ({
      version,
      publishedAt,
      deprecated,
      yanked,
      files: files.map(fileJson),
    })),
  });
}

const fileJson = ({ name, size, canonical, mediaType, addedAt }: ListedFile) => ({
  path: name,
  ...{ size, digest: canonical, mediaType, uploadedAt: addedAt },
});

/** What the caller prefers; who takes anything gets JSON. */
export function wantsHtml(headers: Headers): boolean {
  const accept = headerOf(headers, 'accept') ?? '';
  return /\btext\/html\b/i.test(accept) && !/\bapplication\/json\b/i.test(accept);
}

export const HTML = 'text/html; charset=utf-8';
/** No script and no style; what a link leads to may be saved. */
export const HTML_HEADERS = { 'content-security-policy': "default-src 'none'; sandbox allow-downloads" };

interface Link {
  /** relative to the folder that the page is about, escaped as a URL */
  readonly href: string;
  readonly text: string;
  readonly notes?: readonly string[];
}

interface Page {
  readonly title: string;
  /** the raw path that was asked for: without a slash at its end, links begin with its last segment */
  readonly path: string;
  readonly links: readonly Link[];
}

export function renderHtml({ title, path, links }: Page): string {
  const last = path.slice(path.lastIndexOf('/') + 1);
  const before = last === '' ? '' : `${last}/`;
  const up = last === '' ? '../' : './';
  const lines = [
    ...(title === '' ? [] : [line({ href: up, text: '../' }, '')]),
    ...links.map(link => line(link, before)),
  ];
  const head = `<title>${escapeXml(title || 'Packages')}</title>`;
  return `<!DOCTYPE html>\n<html>\n<head>\n${head}\n</head>\n<body>\n<pre>\n${lines.join('')}</pre>\n</body>\n</html>\n`;
}

/** A link that stays on its page (a query) is not below it. */
function line({ href, text, notes = [] }: Link, before: string): string {
  const to = href.startsWith('?') ? href : before + href;
  const said = notes.map(note => `  ${escapeXml(note)}`).join('');
  return `<a href="${escapeXml(to)}">${escapeXml(text)}</a>${said}\n`;
}

export const folderLink = (name: string, notes: readonly string[] = []): Link => ({
  href: `${encodeURIComponent(name)}/`,
  text: `${name}/`,
  notes,
});

export const versionLinks = (versions: readonly Shown[]): readonly Link[] =>
  versions.map(({ version, publishedAt, deprecated, yanked }) =>
    folderLink(version, [
      publishedAt,
      ...(deprecated === undefined ? [] : [`deprecated: ${deprecated}`]),
      ...(yanked === undefined ? [] : [`yanked: ${yanked}`]),
    ]),
  );

/** Folders first, then files; each level by itself. */
export function fileLinks(versions: readonly Shown[], folder: string | undefined): readonly Link[] {
  const skipped = folder === undefined ? 0 : folder.length + 1;
  const files = versions.flatMap(one => one.files.map(file => ({ file, path: file.name.slice(skipped) })));
  const folders = files.flatMap(({ path }) => (path.includes('/') ? [path.split('/', 1)[0] ?? ''] : []));
  const own = files.filter(({ path }) => !path.includes('/'));
  return [
    ...[...new Set(folders)].map(name => folderLink(name)),
    ...own.map(({ file: { size, addedAt }, path }) => ({
      href: encodeURIComponent(path),
      text: path,
      notes: [addedAt, `${size} bytes`],
    })),
  ];
}
