/** Ids and versions of packages as NuGet takes them, and the names of their files. Pure. */
import { refuse } from '../../domain/errors.ts';
import { isSemVer2, normalizeNuGet, parseNuGet } from '../../versions/nuget.ts';

const MAX_ID = 100;
const ID = /^[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*$/;
const MAX_NUMBER = 2_147_483_647n;
const MAX_VERSION = 64;

/** The id as it is kept: ids are the same whatever their case. @throws NAME_INVALID */
export function normalizeId(id: string): string {
  if (id.length > MAX_ID || !ID.test(id))
    throw refuse(
      'NAME_INVALID',
      `an id has letters, digits and _ of ASCII, with single dots and dashes between, and at most ${MAX_ID} of them`,
    );
  return id.toLowerCase();
}

export interface VersionNames {
  /** normalised, lower case, without build metadata: what URLs and the registry say */
  readonly version: string;
  /** normalised, with letters and build metadata as written: what clients show */
  readonly shown: string;
  readonly prerelease: boolean;
  readonly semVer2: boolean;
}

/** @throws VERSION_INVALID */
export function versionNames(text: string): VersionNames {
  const parsed = parseNuGet(text.trim());
  const normal = parsed && normalizeNuGet(parsed);
  if (!parsed || !normal || normal.length > MAX_VERSION || parsed.numbers.some(one => one > MAX_NUMBER))
    throw refuse('VERSION_INVALID', 'a version is <major>.<minor>.<patch>, with a pre-release at most');
  return {
    version: normal.toLowerCase(),
    shown: parsed.metadata === undefined ? normal : `${normal}+${parsed.metadata}`,
    prerelease: parsed.labels.length > 0,
    semVer2: isSemVer2(parsed),
  };
}

/** @see https://learn.microsoft.com/en-us/nuget/api/package-base-address-resource */
export const nupkgName = (id: string, version: string) => `${id}.${version}.nupkg`;
export const snupkgName = (id: string, version: string) => `${id}.${version}.snupkg`;
export const nuspecName = (id: string) => `${id}.nuspec`;

/** Files that a package carries inside, kept beside it under these names. */
export const EMBEDDED = ['readme', 'icon', 'license'] as const;
export type Embedded = (typeof EMBEDDED)[number];
