/** Pure: what a request to a NuGet repository asks for. https://learn.microsoft.com/en-us/nuget/api/overview */
import { refuse } from '../../domain/errors.ts';
import { type PkgPath, parsePkgPath } from '../shared/pkg.ts';
import { EMBEDDED, normalizeId, nupkgName, nuspecName, snupkgName, versionNames } from './names.ts';

/** Clients from before SemVer 2.0.0 read a registration of their own, which leaves out what they would choke on. */
export const HIVES = ['registration', 'registration-semver2'] as const;
export type Hive = (typeof HIVES)[number];

interface Named {
  readonly package: string;
}
interface Versioned extends Named {
  readonly version: string;
}
export type ContentRoute = PkgPath & { readonly kind: 'content'; readonly file: string } & Versioned;
export type ListingRoute = PkgPath & { readonly kind: 'listing' } & Versioned;
export type RegistrationRoute = PkgPath & { readonly hive: Hive } & Named &
  (
    | { readonly kind: 'registration' }
    | { readonly kind: 'page'; readonly lower: string; readonly upper: string }
    | { readonly kind: 'leaf'; readonly version: string }
  );
type Single = 'service' | 'push' | 'symbols' | 'search' | 'autocomplete';
export type NuGetRoute =
  | { [kind in Single]: PkgPath & { readonly kind: kind } }[Single]
  | (PkgPath & { readonly kind: 'versions' } & Named)
  | ContentRoute
  | ListingRoute
  | RegistrationRoute;

const SINGLE: Readonly<Record<string, Single>> = {
  'index.json': 'service',
  package: 'push',
  symbols: 'symbols',
  query: 'search',
  autocomplete: 'autocomplete',
};

/** Names are taken in any case and spelling, and come out normalised. @throws NAME_INVALID, VERSION_INVALID, ROUTE_UNKNOWN */
export function parseNuGetPath(rawPath: string): NuGetRoute {
  const path = parsePkgPath(rawPath);
  // clients add a slash to the address that they push to
  const rest = path.rest.at(-1) === '' ? path.rest.slice(0, -1) : path.rest;
  const [first = '', ...others] = rest;
  const single = Object.hasOwn(SINGLE, first) ? SINGLE[first] : undefined;
  if (single && others.length === 0) return { ...path, kind: single };
  if (single === 'push' && others.length === 2)
    return { ...path, kind: 'listing', ...versioned(others[0], others[1]) };
  if (first === 'flatcontainer') return flat(path, others);
  const hive = HIVES.find(one => one === first);
  if (hive) return registration(path, hive, others);
  throw refuse('ROUTE_UNKNOWN');
}

const versioned = (id = '', version = ''): Versioned => ({
  package: normalizeId(id),
  version: versionNames(version).version,
});

/** https://learn.microsoft.com/en-us/nuget/api/package-base-address-resource */
function flat(path: PkgPath, [id = '', second = '', third, ...more]: readonly string[]): NuGetRoute {
  if (more.length > 0) throw refuse('ROUTE_UNKNOWN');
  if (third === undefined) {
    if (second !== 'index.json') throw refuse('ROUTE_UNKNOWN');
    return { ...path, kind: 'versions', package: normalizeId(id) };
  }
  const of = versioned(id, second);
  const file = third.toLowerCase();
  const { package: name, version } = of;
  const files = [nupkgName(name, version), snupkgName(name, version), nuspecName(name), ...EMBEDDED];
  if (!files.includes(file)) throw refuse('ROUTE_UNKNOWN');
  return { ...path, kind: 'content', ...of, file };
}

/** https://learn.microsoft.com/en-us/nuget/api/registration-base-url-resource */
function registration(
  path: PkgPath,
  hive: Hive,
  [id = '', second = '', ...more]: readonly string[],
): RegistrationRoute {
  const of = { ...path, hive, package: normalizeId(id) };
  if (second === 'index.json' && more.length === 0) return { ...of, kind: 'registration' };
  if (second === 'page' && more.length === 2)
    return { ...of, kind: 'page', lower: versionNames(more[0] ?? '').version, upper: document(more[1]) };
  if (more.length === 0) return { ...of, kind: 'leaf', version: document(second) };
  throw refuse('ROUTE_UNKNOWN');
}

/** The version in `<version>.json`. */
function document(name = ''): string {
  const version = name.endsWith('.json') ? name.slice(0, -'.json'.length) : undefined;
  if (version === undefined) throw refuse('ROUTE_UNKNOWN');
  return versionNames(version).version;
}
