import { describe, expect, it } from 'vitest';
import type { ListedVersion, PackageListing } from '../../../src/application/registry.ts';
import {
  availableIn,
  noneIn,
  readFragments,
  registrationIndex,
  registrationItem,
  registrationPage,
  writeFragments,
} from '../../../src/protocols/nuget/registration.ts';
import { serviceIndex, urlsAt } from '../../../src/protocols/nuget/urls.ts';

const BASE = 'http://registry.example/pkg/main/nuget/nuget';
const SHOWN = { urls: urlsAt(BASE), hive: 'registration-semver2' as const, id: 'acme.widget' };

interface Page {
  readonly '@id': string;
  readonly count: number;
  readonly lower: string;
  readonly upper: string;
  readonly items?: readonly { readonly catalogEntry: { readonly version: string } }[];
}
interface Index {
  readonly count: number;
  readonly items: readonly Page[];
}

function listed(
  version: string,
  more: { held?: string; symbolsHeld?: string; yanked?: string } = {},
): ListedVersion {
  const { held, symbolsHeld, yanked } = more;
  const file = (name: string, why: string | undefined) => ({
    ...{ name, digest: 'sha256:00', canonical: 'sha256:00', size: 1, mediaType: 'application/octet-stream' },
    ...{ addedAt: '2026-01-01T00:00:00.000Z', held: why },
  });
  return {
    ...{
      version,
      stamp: '',
      publishedAt: '2026-01-01T00:00:00.000Z',
      publishedBy: 'somebody',
      mediaType: 'x/y',
    },
    ...{ purl: undefined, held: undefined, deprecated: undefined, yanked },
    files: [
      file(`acme.widget.${version}.nupkg`, held),
      file(`acme.widget.${version}.snupkg`, symbolsHeld),
      file('acme.widget.nuspec', held),
    ],
    description: { native: { id: 'Acme.Widget', version, semVer2: false } },
  };
}

const listing = (versions: readonly ListedVersion[]): PackageListing => ({
  ...{ name: 'acme.widget', displayName: 'Acme.Widget', createdAt: '2026-01-01T00:00:00.000Z' },
  ...{ versions, tags: new Map() },
});

const fragmentsOf = (versions: readonly ListedVersion[]) =>
  readFragments(
    Buffer.from(
      writeFragments(
        availableIn(listing(versions)).map(one => ({
          version: one.version,
          json: JSON.stringify(registrationItem(SHOWN, one)),
        })),
      ),
    ),
  );

const many = (count: number) => fragmentsOf(Array.from({ length: count }, (_, n) => listed(`1.0.${n}`)));
const indexOf = (count: number) => JSON.parse(registrationIndex(SHOWN, many(count))) as Index;

describe('a registration', () => {
  it('carries up to 128 versions in itself', () => {
    const { count, items } = indexOf(128);
    expect([count, ...items.map(page => page.items?.length)]).toEqual([2, 64, 64]);
    expect(items[1]?.items?.[0]?.catalogEntry.version).toBe('1.0.64');
  });

  it('has pages of their own for more, which together hold every version once', () => {
    const { items } = indexOf(129);
    expect(items.map(page => [page.count, page.lower, page.upper, page.items])).toEqual([
      [64, '1.0.0', '1.0.63', undefined],
      [64, '1.0.64', '1.0.127', undefined],
      [1, '1.0.128', '1.0.128', undefined],
    ]);
    const pages = items.map(page => JSON.parse(registrationPage(SHOWN, many(129), page) ?? '') as Page);
    expect(pages.map(page => page['@id'])).toEqual(items.map(page => page['@id']));
    const versions = pages.flatMap(page => page.items?.map(item => item.catalogEntry.version));
    expect(versions).toEqual(Array.from({ length: 129 }, (_, n) => `1.0.${n}`));
  });

  it('answers a page whose bounds went away meanwhile', () => {
    const page = registrationPage(SHOWN, fragmentsOf([listed('1.1.0')]), { lower: '1.0.0', upper: '2.0.0' });
    expect(JSON.parse(page ?? '')).toMatchObject({ count: 1, lower: '1.1.0', upper: '1.1.0' });
    expect(registrationPage(SHOWN, many(3), { lower: '3.0.0', upper: '2.0.0' })).toBeUndefined();
  });

  it('is in the order of versions, without those whose package is held', () => {
    const versions = [
      ...[listed('1.10.0'), listed('1.9.0'), listed('1.10.0-rc.1'), listed('2.0.0', { held: 'bad' })],
      listed('1.0.0', { symbolsHeld: 'bad' }),
    ];
    expect(fragmentsOf(versions).map(({ version }) => version)).toEqual([
      ...['1.0.0', '1.9.0', '1.10.0-rc.1', '1.10.0'],
    ]);
  });

  it('says which versions are not listed', () => {
    const [fragment] = fragmentsOf([listed('1.0.0', { yanked: '' })]);
    expect(JSON.parse(fragment?.json ?? '')).toMatchObject({
      catalogEntry: { listed: false, published: '1900-01-01T00:00:00+00:00' },
      packageContent: `${BASE}/flatcontainer/acme.widget/1.0.0/acme.widget.1.0.0.nupkg`,
    });
  });

  it('says why there is nothing: held, so that nobody looks elsewhere, or absent', () => {
    expect(noneIn(listing([listed('1.0.0', { held: 'malware' })]))).toMatchObject({ code: 'ARTIFACT_HELD' });
    expect(noneIn(listing([]))).toMatchObject({ code: 'PACKAGE_UNKNOWN' });
  });
});

describe('the service index', () => {
  it('names every type that clients look for', () => {
    const { resources } = serviceIndex(BASE) as { resources: { '@type': string; '@id': string }[] };
    expect(resources.map(one => one['@type']).sort()).toEqual([
      'PackageBaseAddress/3.0.0',
      'PackagePublish/2.0.0',
      'ReadmeUriTemplate/6.13.0',
      'RegistrationsBaseUrl',
      'RegistrationsBaseUrl/3.0.0-beta',
      'RegistrationsBaseUrl/3.0.0-rc',
      'RegistrationsBaseUrl/3.4.0',
      'RegistrationsBaseUrl/3.6.0',
      'RegistrationsBaseUrl/Versioned',
      'SearchAutocompleteService',
      'SearchAutocompleteService/3.0.0-beta',
      'SearchAutocompleteService/3.0.0-rc',
      'SearchAutocompleteService/3.5.0',
      'SearchQueryService',
      'SearchQueryService/3.0.0-beta',
      'SearchQueryService/3.0.0-rc',
      'SearchQueryService/3.5.0',
      'SymbolPackagePublish/4.9.0',
    ]);
    expect(resources.every(one => one['@id'].startsWith(`${BASE}/`))).toBe(true);
  });
});
