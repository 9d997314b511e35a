/** Paths inside archives: what unpacks beside its folder, or through a link, is refused whoever unpacks it. */
import { refuse, type StrongroomError } from '../../../domain/errors.ts';

export const badArchive = (reason: string): StrongroomError => refuse('PACKAGE_INVALID', reason);

/** @throws PACKAGE_INVALID for absolute paths, `..`, drive letters, NUL */
export function checkPath(path: string): void {
  const absolute = /^(?:[\\/]|[A-Za-z]:)/.test(path);
  if (path === '' || absolute || path.includes('\0') || path.split(/[\\/]/).includes('..'))
    throw badArchive(`the archive has the path ${quoted(path)}, which leads out of it`);
}

/**
 * @param from path of the link; a symbolic link's target counts from its folder, a hard link's from the root
 * @throws PACKAGE_INVALID when the target lies outside, or goes down and up again (through what might be a link)
 */
export function checkLink(from: string, target: string, symbolic: boolean): void {
  const parts = target.split(/[\\/]/).filter(part => part !== '' && part !== '.');
  const ups = parts.lastIndexOf('..') + 1;
  const depth = symbolic ? segmentsOf(from).length - 1 : 0;
  const crooked = parts.slice(0, ups).some(part => part !== '..');
  if (/^(?:[\\/]|[A-Za-z]:)/.test(target) || target.includes('\0') || crooked || ups > depth)
    throw badArchive(`the archive has the link ${quoted(from)}, which leads out of it`);
}

export const segmentsOf = (path: string): string[] =>
  path.split('/').filter(part => part !== '' && part !== '.');

/** Path without `./`, doubled and trailing slashes: one spelling for one file. */
export const plainPath = (path: string): string => segmentsOf(path).join('/');

const quoted = (path: string) => JSON.stringify(path.length <= 200 ? path : `${path.slice(0, 200)}…`);
