/** Pure: the simple repository API's documents. https://packaging.python.org/en/latest/specifications/simple-repository-api/ */
import type {
  Composer,
  Description,
  ListedFile,
  ListedVersion,
  OutlinedVersion,
  PackageOutline,
} from '../../application/registry.ts';
import { metadataName, parseDistributionName, provenanceName, sortByVersion } from './names.ts';
import { filePath } from './parse.ts';

const API_VERSION = '1.4';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#x27;',
};
function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, mark => ESCAPES[mark] ?? mark);
}

/** One file, as an index shows it. */
interface IndexFile {
  readonly filename: string;
  /** relative to the index */
  readonly url: string;
  readonly sha256: string;
  readonly size: number;
  readonly uploadTime: string;
  readonly requiresPython: string | undefined;
  /** sha256 of its metadata file, when installers may go by it */
  readonly metadata: string | undefined;
  /** why no range may choose it; '' without a reason */
  readonly yanked: string | undefined;
  /** absolute URL */
  readonly provenance: string | undefined;
}

/** How a form writes what it says of a project before, of and after its files. */
interface Form {
  head(of: { readonly name: string; readonly status: Status; readonly versions: readonly string[] }): string;
  file(file: IndexFile): string;
  readonly between: string;
  readonly tail: string;
}

export interface Composing {
  readonly outline: PackageOutline;
  /** what versions of it say of themselves */
  readonly describe: (versions: readonly string[]) => Promise<ReadonlyMap<string, Description>>;
  readonly composer: Composer;
  /** absolute URL of the repository, without a trailing slash */
  readonly base: string;
}

/**
 * What an index says of a project: a fragment for each version, made anew when that version changed. What is held stays
 * listed, as yanked for the reason of the hold: then ranges resolve to another file, and who insists on this one is told
 * why it is refused.
 */
export async function composeProject(
  form: Form,
  { outline: { name, versions }, describe, composer, base }: Composing,
): Promise<ReturnType<Composer['finish']>> {
  const sorted = sortByVersion(versions);
  const lacking = sorted.filter(one => composer.lacks(fragmentOf(one))).map(({ version }) => version);
  const descriptions = lacking.length > 0 ? await describe(lacking) : new Map<string, Description>();
  composer.frame(
    form.head({ name, status: statusOf(sorted), versions: sorted.map(({ version }) => version) }),
  );
  let between = '';
  for (const one of sorted) {
    const files = one.files.filter(({ of }) => of === undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
    if (files.length === 0) continue;
    composer.frame(between);
    between = form.between;
    composer.fragment(fragmentOf(one), () => {
      const version = { ...one, description: descriptions.get(one.version) };
      return files.map(file => form.file(indexFile(name, version, { file, base }))).join(form.between);
    });
  }
  composer.frame(form.tail);
  return composer.finish();
}

const fragmentOf = ({ version, stamp }: OutlinedVersion) => ({ key: version, stamp });

interface Status {
  readonly status: string;
  readonly reason?: string;
}

/** https://packaging.python.org/en/latest/specifications/project-status-markers/ */
function statusOf(sorted: readonly OutlinedVersion[]): Status {
  if (!sorted.every(({ deprecated }) => deprecated !== undefined)) return { status: 'active' };
  const reason = sorted.at(-1)?.deprecated;
  return { status: 'deprecated', ...(reason ? { reason } : {}) };
}

function indexFile(
  project: string,
  version: ListedVersion,
  { file, base }: { file: ListedFile; base: string },
): IndexFile {
  const { canonical } = parseDistributionName(file.name);
  const sidecar = (name: string) => version.files.find(one => one.name === name && one.of === file.name);
  const metadata = sidecar(metadataName(canonical));
  const path = filePath(project, version.version, file.name);
  const requiresPython = version.description?.native?.requiresPython;
  return {
    filename: file.name,
    url: `../../${path}`,
    sha256: hexOf(file),
    size: file.size,
    uploadTime: file.addedAt,
    requiresPython: typeof requiresPython === 'string' ? requiresPython : undefined,
    metadata: metadata && hexOf(metadata),
    yanked: file.held === undefined ? version.yanked : `on hold: ${file.held}`,
    provenance: sidecar(provenanceName(canonical)) && `${base}/${path}.provenance`,
  };
}

const hexOf = ({ canonical }: ListedFile) => canonical.slice('sha256:'.length);

/** PEP 691, 700, 714, 792 */
const jsonForm: Form = {
  head({ name, status, versions }) {
    const meta = { 'api-version': API_VERSION };
    return `${JSON.stringify({ meta, name, 'project-status': status, versions }).slice(0, -1)},"files":[`;
  },
  file(file) {
    const metadata = file.metadata === undefined ? false : { sha256: file.metadata };
    return JSON.stringify({
      filename: file.filename,
      url: file.url,
      hashes: { sha256: file.sha256 },
      size: file.size,
      'upload-time': file.uploadTime,
      ...(file.requiresPython === undefined ? {} : { 'requires-python': file.requiresPython }),
      'core-metadata': metadata,
      'data-dist-info-metadata': metadata,
      yanked: file.yanked === undefined ? false : file.yanked || true,
      ...(file.provenance === undefined ? {} : { provenance: file.provenance }),
    });
  },
  between: ',',
  tail: ']}',
};

/** PEP 503, 592, 658, 714, 792 */
const htmlForm: Form = {
  head({ name, status }) {
    const metas = [
      ['pypi:project-status', status.status],
      ...(status.reason === undefined ? [] : [['pypi:project-status-reason', status.reason]]),
    ].map(([key, value]) => `<meta name="${key}" content="${escapeHtml(value ?? '')}">\n`);
    return htmlHead(`Links for ${name}`, metas.join(''));
  },
  file(file) {
    const metadata = file.metadata === undefined ? undefined : `sha256=${file.metadata}`;
    const attributes = attributesOf({
      href: `${file.url}#sha256=${file.sha256}`,
      'data-requires-python': file.requiresPython,
      'data-core-metadata': metadata,
      'data-dist-info-metadata': metadata,
      'data-yanked': file.yanked,
      'data-provenance': file.provenance,
    });
    return `<a${attributes}>${escapeHtml(file.filename)}</a><br>\n`;
  },
  between: '',
  tail: '</body>\n</html>\n',
};

export const FORMS = { json: jsonForm, html: htmlForm } as const;

const attributesOf = (all: Readonly<Record<string, string | undefined>>) =>
  Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeHtml(value ?? '')}"`)
    .join('');

const htmlHead = (title: string, metas = '') =>
  `<!DOCTYPE html>\n<html>\n<head>\n<meta name="pypi:repository-version" content="${API_VERSION}">\n${metas}<title>${escapeHtml(title)}</title>\n</head>\n<body>\n`;

/** How the list of all projects is written: `item` for each name, in between what `begin` and `end` give. */
export const PROJECTS = {
  json: {
    begin: `{"meta":{"api-version":"${API_VERSION}"},"projects":[`,
    item: (name: string, first: boolean) => `${first ? '' : ','}{"name":${JSON.stringify(name)}}`,
    end: ']}',
  },
  html: {
    begin: htmlHead('Simple index'),
    item: (name: string, _first: boolean) =>
      `<a href="${encodeURIComponent(name)}/">${escapeHtml(name)}</a><br>\n`,
    end: htmlForm.tail,
  },
} as const;
