/** What a .nuspec says, as the registry keeps it: for everybody, and what NuGet's own indexes are made of. Pure. */
import { z } from 'zod';
import type { Description, ListedVersion, PackageListing } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import { licenceOf } from '../shared/licence.ts';
import { EMBEDDED, type Embedded, versionNames } from './names.ts';
import type { Nuspec } from './nuspec.ts';

const text = z.string().optional();
/** What indexes show of one version. */
const nativeSchema = z.object({
  id: z.string(),
  /** normalised, with build metadata */
  version: z.string(),
  title: text,
  authors: text,
  description: text,
  summary: text,
  language: text,
  tags: z.array(z.string()).optional(),
  projectUrl: text,
  iconUrl: text,
  licenseUrl: text,
  licenseExpression: text,
  requireLicenseAcceptance: z.boolean().optional(),
  minClientVersion: text,
  groups: z
    .array(
      z.object({
        targetFramework: text,
        dependencies: z.array(z.object({ id: z.string(), range: text })),
      }),
    )
    .optional(),
  packageTypes: z.array(z.object({ name: z.string(), version: text })).optional(),
  embedded: z.array(z.enum(EMBEDDED)).optional(),
  /** a version or a dependency's range that clients from before SemVer 2.0.0 cannot read */
  semVer2: z.boolean().optional(),
});
export type NativeDescription = z.output<typeof nativeSchema>;

const MAX_NATIVE = 100 * 1024;

/** @throws PACKAGE_INVALID when there is more of it than indexes can show */
export function describe(nuspec: Nuspec): Description {
  const native = JSON.parse(JSON.stringify(nativeOf(nuspec))) as NonNullable<Description['native']>;
  if (JSON.stringify(native).length > MAX_NATIVE)
    throw refuse('PACKAGE_INVALID', 'its .nuspec says too much');
  const { description, projectUrl, repositoryUrl, authors, tags } = nuspec;
  return {
    ...(description === '' ? {} : { summary: description }),
    ...licenceOf(nuspec.licenseExpression),
    authors: authors
      .split(',')
      .map(name => ({ name: name.trim() }))
      .filter(({ name }) => name !== '')
      .slice(0, 200),
    keywords: [...tags],
    ...(projectUrl === undefined ? {} : { homepage: projectUrl }),
    ...(repositoryUrl === undefined ? {} : { repository: repositoryUrl }),
    dependencies: dependenciesOf(nuspec),
    native,
  };
}

function nativeOf(nuspec: Nuspec): NativeDescription {
  const { id, shown, title, authors, description, summary, language, tags } = nuspec;
  const { projectUrl, iconUrl, licenseUrl, licenseExpression, requireLicenseAcceptance } = nuspec;
  const { minClientVersion, groups, packageTypes, embedded } = nuspec;
  const ranges = groups.flatMap(({ dependencies }) => dependencies.map(({ range = '' }) => range));
  return {
    ...{ id, version: shown, title, authors, description, summary, language, tags: [...tags] },
    ...{ projectUrl, iconUrl, licenseUrl, licenseExpression, requireLicenseAcceptance, minClientVersion },
    groups: groups.map(group => ({ ...group, dependencies: [...group.dependencies] })),
    packageTypes: packageTypes.map(({ name, version }) => ({ name, version })),
    embedded: Object.keys(embedded) as Embedded[],
    semVer2: nuspec.semVer2 || ranges.some(needsSemVer2),
  };
}

/** A pre-release with dots, or build metadata, in one of its bounds. */
const needsSemVer2 = (range: string) => /[0-9]-[0-9A-Za-z-]*\.|\+/.test(range);

/** One for each id and range, whatever the framework. */
function dependenciesOf({ groups }: Nuspec): NonNullable<Description['dependencies']> {
  const all = groups.flatMap(({ dependencies }) => dependencies);
  const distinct = new Map(all.map(one => [`${one.id.toLowerCase()} ${one.range}`, one]));
  return [...distinct.values()].map(({ id, range }) => ({
    name: id,
    ...(range === undefined ? {} : { requirement: range }),
    kind: 'runtime' as const,
  }));
}

/** What is known of a listed version; its names at least. */
export function nativeDescription(
  { displayName }: Pick<PackageListing, 'displayName'>,
  { version, description }: Pick<ListedVersion, 'version' | 'description'>,
): NativeDescription {
  const parsed = nativeSchema.safeParse(description?.native);
  return parsed.success ? parsed.data : { id: displayName, version, semVer2: versionNames(version).semVer2 };
}
