/** Pure: what core metadata says, in the words that all formats share. */
import type { Description } from '../../application/registry.ts';
import { licenceOf } from '../shared/licence.ts';
import type { CoreMetadata } from './metadata.ts';

const MAX_LINE = 2000;
const MAX_SUMMARY = 10_000;
const MAX_PEOPLE = 100;
const MAX_KEYWORDS = 200;
const MAX_DEPENDENCIES = 5000;

type Person = NonNullable<Description['authors']>[number];
type Dependency = NonNullable<Description['dependencies']>[number];

/** What is too long for a field is left out, not cut: half a URL or a requirement says something else. */
export function describe(metadata: CoreMetadata): Description {
  const urls = projectUrls(metadata);
  const requiresPython = short(metadata.one('Requires-Python'));
  const found = {
    summary: metadata.one('Summary')?.replaceAll(/\s+/g, ' ').slice(0, MAX_SUMMARY),
    ...licence(metadata),
    authors: people(metadata),
    keywords: keywords(metadata),
    homepage: short(metadata.one('Home-page')) ?? urlNamed(urls, ['homepage', 'home', 'documentation']),
    repository: urlNamed(urls, ['source', 'sourcecode', 'repository', 'github', 'gitlab', 'code', 'git']),
    dependencies: dependencies(metadata),
    native: { metadataVersion: metadata.metadataVersion, ...(requiresPython ? { requiresPython } : {}) },
  };
  return Object.fromEntries(
    Object.entries(found).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  ) as Description;
}

const short = (text: string | undefined) =>
  text !== undefined && text.length <= MAX_LINE ? text : undefined;

/** Classifiers that name one SPDX licence; others are families. */
const CLASSIFIED: Readonly<Record<string, string>> = {
  'MIT License': 'MIT',
  'MIT No Attribution License (MIT-0)': 'MIT-0',
  'Apache Software License': 'Apache-2.0',
  'ISC License (ISCL)': 'ISC',
  'Mozilla Public License 2.0 (MPL 2.0)': 'MPL-2.0',
  'Python Software Foundation License': 'PSF-2.0',
  'The Unlicense (Unlicense)': 'Unlicense',
  'GNU General Public License v2 (GPLv2)': 'GPL-2.0-only',
  'GNU General Public License v2 or later (GPLv2+)': 'GPL-2.0-or-later',
  'GNU General Public License v3 (GPLv3)': 'GPL-3.0-only',
  'GNU General Public License v3 or later (GPLv3+)': 'GPL-3.0-or-later',
  'GNU Lesser General Public License v3 (LGPLv3)': 'LGPL-3.0-only',
  'GNU Lesser General Public License v3 or later (LGPLv3+)': 'LGPL-3.0-or-later',
  'GNU Affero General Public License v3': 'AGPL-3.0-only',
};

/** https://packaging.python.org/en/latest/specifications/core-metadata/#license-expression, else what came before it */
function licence(metadata: CoreMetadata): Pick<Description, 'license' | 'declaredLicense'> {
  const declared = metadata.one('License-Expression') ?? metadata.one('License');
  const read = licenceOf(
    declared !== undefined && declared.length > 200 ? declared.split('\n', 1)[0] : declared,
  );
  if (read.license !== undefined) return read;
  const classifiers = metadata
    .all('Classifier')
    .map(line => line.trim())
    .filter(line => line.startsWith('License :: ') && line.length <= MAX_LINE)
    .map(line => line.split(' :: ').at(-1) ?? '');
  const [first, ...others] = classifiers;
  const license = first !== undefined && others.length === 0 ? CLASSIFIED[first] : undefined;
  if (license !== undefined) return { license, declaredLicense: read.declaredLicense ?? first ?? license };
  return read.declaredLicense === undefined ? licenceOf(first) : read;
}

/** `Name <mail>, Other <mail>` in the e-mail fields, plain names beside them. */
function people(metadata: CoreMetadata): Person[] {
  const found: Person[] = [];
  for (const who of ['Author', 'Maintainer']) {
    const name = short(metadata.one(who));
    const addresses = (metadata.one(`${who}-email`) ?? '').split(',', MAX_PEOPLE).map(readAddress);
    const known = addresses.filter(person => person !== undefined);
    if (name !== undefined && known.length === 1 && known[0]?.name === undefined)
      found.push({ name, ...known[0] });
    else found.push(...(name === undefined ? [] : [{ name }]), ...known);
  }
  return found.slice(0, MAX_PEOPLE);
}

function readAddress(text: string): Person | undefined {
  const [, quoted = '', email] = /^([^<]*)<([^<>]+)>\s*$/.exec(text.trim()) ?? [];
  const name = quoted.trim().replaceAll(/^"|"$/g, '');
  const address = email ?? text.trim();
  if (address.length > MAX_LINE || name.length > MAX_LINE || !address.includes('@')) return undefined;
  return { ...(name === '' ? {} : { name }), email: address };
}

function keywords(metadata: CoreMetadata): string[] {
  const text = metadata.one('Keywords') ?? '';
  const parts = text.split(text.includes(',') ? ',' : /\s+/).map(word => word.trim());
  return parts.filter(word => word !== '' && word.length <= 100).slice(0, MAX_KEYWORDS);
}

/** https://packaging.python.org/en/latest/specifications/well-known-project-urls/#label-normalization */
function projectUrls(metadata: CoreMetadata): ReadonlyMap<string, string> {
  const urls = new Map<string, string>();
  for (const line of metadata.all('Project-URL').slice(0, 100)) {
    const [, label = '', url] = /^([^,]*),\s*(\S+)\s*$/.exec(line) ?? [];
    const key = label.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
    if (url !== undefined && url.length <= MAX_LINE && !urls.has(key)) urls.set(key, url);
  }
  return urls;
}

const urlNamed = (urls: ReadonlyMap<string, string>, labels: readonly string[]) =>
  labels.map(label => urls.get(label)).find(url => url !== undefined);

function dependencies(metadata: CoreMetadata): Dependency[] {
  return metadata
    .all('Requires-Dist')
    .slice(0, MAX_DEPENDENCIES)
    .map(readRequirement)
    .filter(dependency => dependency !== undefined);
}

/** `name[extra] (>=1,<2); marker`. https://packaging.python.org/en/latest/specifications/dependency-specifiers/ */
function readRequirement(text: string): Dependency | undefined {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const [, name, rest = ''] = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(.*)$/.exec(line) ?? [];
  if (name === undefined || line.length > MAX_LINE) return undefined;
  const requirement = rest.trim();
  const kind = /;.*\bextra\s*[=!]=/.test(rest) ? 'optional' : 'runtime';
  const normal = name.replaceAll(/[-_.]+/g, '-').toLowerCase();
  return { name: normal, ...(requirement === '' ? {} : { requirement }), kind };
}
