/** Pure: what a request to a Go module repository asks for. https://go.dev/ref/mod#goproxy-protocol */
import { refuse } from '../../domain/errors.ts';
import { type PkgPath, parsePkgPath } from '../shared/pkg.ts';
import { unescapePath } from './module.ts';

export type GoRoute = PkgPath &
  (
    | { readonly kind: 'list' | 'latest'; readonly module: string }
    | {
        readonly kind: 'info' | 'mod' | 'zip';
        readonly module: string;
        readonly version: string;
      }
    | { readonly kind: 'upload' }
    | { readonly kind: 'sumdb' }
  );

/** @throws NAME_INVALID, ROUTE_UNKNOWN */
export function parseGo(rawPath: string): GoRoute {
  const path = parsePkgPath(rawPath);
  const { rest } = path;
  if (rest.length === 1 && rest[0] === 'upload') return { ...path, kind: 'upload' };
  if (rest[0] === 'sumdb') return { ...path, kind: 'sumdb' };
  const last = rest.at(-1) ?? '';
  if (last === '@latest') return { ...path, kind: 'latest', module: moduleOf(rest.slice(0, -1)) };
  if (rest.at(-2) !== '@v') throw refuse('ROUTE_UNKNOWN');
  const module = moduleOf(rest.slice(0, -2));
  if (last === 'list') return { ...path, kind: 'list', module };
  const match = /^(.+)\.(info|mod|zip)$/.exec(last);
  const [, version, kind] = match ?? [];
  if (version === undefined || (kind !== 'info' && kind !== 'mod' && kind !== 'zip'))
    throw refuse('ROUTE_UNKNOWN');
  return { ...path, kind, module, version: unescapeVersion(version) };
}

const moduleOf = (segments: readonly string[]): string => unescapePath(segments.join('/'));

/** Versions escape upper-case letters as paths do. */
function unescapeVersion(escaped: string): string {
  if (/[A-Z]/.test(escaped) || /!(?![a-z])/.test(escaped) || escaped.length > 200)
    throw refuse('VERSION_INVALID', 'in a proxy URL each upper-case letter is ! and the lower-case one');
  return escaped.replaceAll(/!([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
