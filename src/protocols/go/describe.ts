/** Pure: what a module says of itself, in the words that all formats share. */
import type { Description } from '../../application/registry.ts';
import { licenceOfText } from './licence.ts';
import { requirementsIn } from './zip.ts';

export interface ModuleTexts {
  readonly path: string;
  /** `go.mod` */
  readonly mod: string;
  /** of the LICENSE file in its root */
  readonly licence: string | undefined;
  /** the source file in its root that has the package's documentation */
  readonly doc: string | undefined;
}

export function describeModule({ path, mod, licence, doc }: ModuleTexts): Description {
  const summary = synopsisOf(doc ?? '');
  const repository = repositoryOf(path);
  const dependencies = requirementsIn(mod).map(({ name, requirement, indirect }) => ({
    ...{ name, requirement },
    kind: indirect ? ('build' as const) : ('runtime' as const),
  }));
  return {
    ...(summary === '' ? {} : { summary }),
    ...licenceOfText(licence),
    ...(repository === undefined ? {} : { repository }),
    ...(dependencies.length === 0 ? {} : { dependencies }),
  };
}

const MAX_SUMMARY = 500;
const MAX_LINES = 2000;

/** The first sentence of the comment right above the package clause. https://go.dev/doc/comment#package */
function synopsisOf(source: string): string {
  const lines = source.split('\n', MAX_LINES).map(line => line.trim());
  const clause = lines.findIndex(line => /^package\s+\w/.test(line));
  const paragraph =
    commentAbove(lines, clause)
      .join('\n')
      .trim()
      .split(/\n\s*\n/, 1)[0] ?? '';
  const words = paragraph.replaceAll(/\s+/g, ' ').trim();
  const end = words.indexOf('. ');
  return (end < 0 ? words : words.slice(0, end + 1)).slice(0, MAX_SUMMARY).toWellFormed();
}

function commentAbove(lines: readonly string[], clause: number): string[] {
  if (clause < 1) return [];
  if (lines[clause - 1]?.endsWith('*/')) {
    const start = lines.slice(0, clause).findLastIndex(line => line.startsWith('/*'));
    const block = start < 0 ? '' : lines.slice(start, clause).join('\n');
    return block.slice('/*'.length, -'*/'.length).split('\n');
  }
  const start = lines.slice(0, clause).findLastIndex(line => !line.startsWith('//')) + 1;
  // directives (//go:build) are not for readers
  return lines
    .slice(start, clause)
    .filter(line => !/^\/\/[a-z]+:/.test(line))
    .map(line => line.slice('//'.length).trim());
}

/** Hosts whose repositories are the first two segments, as the go command knows them. */
const HOSTS = new Set(['github.com', 'gitlab.com', 'bitbucket.org', 'codeberg.org']);

/** Where the path itself names it: nobody is asked. https://go.dev/ref/mod#vcs-find */
function repositoryOf(path: string): string | undefined {
  const qualified = /^([^/]+\/.+?)\.(?:git|hg|svn|bzr|fossil)(?:\/|$)/.exec(path)?.[1];
  if (qualified !== undefined) return `https://${qualified}`;
  const [host = '', owner, name] = path.split('/');
  return HOSTS.has(host) && owner !== undefined && name !== undefined
    ? `https://${host}/${owner}/${name}`
    : undefined;
}
