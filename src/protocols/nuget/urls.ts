/** Where things are, as clients are told. NuGet takes absolute URLs only. Pure. */

import { type Embedded, nupkgName } from './names.ts';
import type { Hive } from './parse.ts';

/** @param base `http(s)://host[:port]/pkg/<project>/<repository>/nuget` */
export const urlsAt = (base: string) => {
  const registration = (hive: Hive, id: string) => `${base}/${hive}/${id}`;
  const content = (id: string, version: string) => `${base}/flatcontainer/${id}/${version}`;
  return {
    base,
    registration: (hive: Hive, id: string) => `${registration(hive, id)}/index.json`,
    page: (hive: Hive, id: string, { lower, upper }: { lower: string; upper: string }) =>
      `${registration(hive, id)}/page/${lower}/${upper}.json`,
    leaf: (hive: Hive, id: string, version: string) => `${registration(hive, id)}/${version}.json`,
    nupkg: (id: string, version: string) => `${content(id, version)}/${nupkgName(id, version)}`,
    embedded: (id: string, version: string, name: Embedded) => `${content(id, version)}/${name}`,
  };
};

export type Urls = ReturnType<typeof urlsAt>;

const SEARCH = ['', '/3.0.0-beta', '/3.0.0-rc', '/3.5.0'];

/**
 * The service index. Clients look for types as text, each for another one: all of them are named.
 * https://learn.microsoft.com/en-us/nuget/api/service-index
 */
export function serviceIndex(base: string): object {
  const resource = (path: string, type: string, more = {}) => ({
    '@id': `${base}/${path}`,
    '@type': type,
    ...more,
  });
  const each = (path: string, type: string, versions: readonly string[]) =>
    versions.map(version => resource(path, `${type}${version}`));
  return {
    version: '3.0.0',
    resources: [
      resource('flatcontainer/', 'PackageBaseAddress/3.0.0'),
      ...each('registration/', 'RegistrationsBaseUrl', ['', '/3.0.0-beta', '/3.0.0-rc', '/3.4.0']),
      resource('registration-semver2/', 'RegistrationsBaseUrl/3.6.0'),
      resource('registration-semver2/', 'RegistrationsBaseUrl/Versioned', { clientVersion: '4.3.0-alpha' }),
      ...each('query', 'SearchQueryService', SEARCH),
      ...each('autocomplete', 'SearchAutocompleteService', SEARCH),
      resource('package', 'PackagePublish/2.0.0'),
      resource('symbols', 'SymbolPackagePublish/4.9.0'),
      resource('flatcontainer/{lower_id}/{lower_version}/readme', 'ReadmeUriTemplate/6.13.0'),
    ],
  };
}
