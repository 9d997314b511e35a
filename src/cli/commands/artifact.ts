/** What is in a repository: packages, their versions, and what happened to them. */
import { type Command, Option } from 'commander';
import { type Cli, command, group } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { confirm } from '../io.ts';
import { type ListShape, tableText } from '../output/print.ts';
import { shortDigest, shortId, size, time } from '../output/text.ts';
import { type ArtifactName, formatPlace, type PlaceName, parseArtifact, parsePlace } from '../reference.ts';
import { registerGovernance } from './govern.ts';
import { HOLDS, type Hold } from './hold.ts';
import { registerPackages } from './package.ts';
import { pathOf } from './project.ts';

interface Package {
  readonly name: string;
  readonly createdAt: string;
}

interface Version {
  readonly package: string;
  readonly version: string;
  readonly status: string;
  readonly held: boolean;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly size: number;
  readonly tags: readonly string[];
  readonly publishedAt: string;
  readonly publishedBy: string;
  readonly promotion?: string;
  readonly purl?: string;
  readonly deprecated?: string;
  readonly yanked?: string;
}

interface File {
  readonly name: string;
  readonly digest: string;
  readonly size: number;
  readonly addedAt: string;
  readonly of?: string;
}

interface Part {
  readonly relation: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
}

interface Happened {
  readonly position: string;
  readonly recordedAt: string;
  readonly type: string;
  readonly actor: string;
  readonly package: string | null;
  readonly version: string | null;
  readonly tag: string | null;
  readonly outcome: string | null;
}

const stateOf = ({ status, held, deprecated, yanked }: Version) =>
  [
    status,
    ...(held ? ['held'] : []),
    ...(deprecated === undefined ? [] : ['deprecated']),
    ...(yanked === undefined ? [] : ['yanked']),
  ].join(', ');

const packages = (of: PlaceName): ListShape<Package> => ({
  what: 'packages',
  id: ({ name }) => formatPlace({ ...of, package: name }),
  columns: [
    { title: 'PACKAGE', value: ({ name }) => formatPlace({ ...of, package: name }) },
    { title: 'CREATED', value: ({ createdAt }) => time(createdAt) },
  ],
});

const versions = (of: PlaceName): ListShape<Version> => ({
  what: 'versions',
  id: ({ version }) => formatPlace({ ...of, version }),
  columns: [
    { title: 'VERSION', value: ({ version }) => shortDigest(version) },
    { title: 'TAGS', value: ({ tags }) => tags.join(' ') },
    { title: 'STATE', value: stateOf },
    { title: 'SIZE', value: ({ size: bytes }) => size(bytes), right: true },
    { title: 'PUBLISHED', value: ({ publishedAt }) => time(publishedAt) },
    { title: 'BY', value: ({ publishedBy }) => shortId(publishedBy) },
  ],
});

const HISTORY: ListShape<Happened> = {
  what: 'events',
  id: ({ position }) => position,
  columns: [
    { title: 'TIME', value: ({ recordedAt }) => time(recordedAt) },
    { title: 'EVENT', value: ({ type }) => type },
    { title: 'PACKAGE', value: row => row.package },
    { title: 'TAG', value: ({ tag }) => tag },
    { title: 'VERSION', value: ({ version }) => shortDigest(version) },
    { title: 'DECISION', value: ({ outcome }) => outcome },
    { title: 'BY', value: ({ actor }) => shortId(actor) },
    { title: 'POSITION', value: ({ position }) => position },
  ],
};

const PARTS = [
  { title: 'PART', value: ({ relation }: Part) => relation },
  { title: 'SIZE', value: ({ size: bytes }: Part) => size(bytes), right: true },
  { title: 'MEDIA TYPE', value: ({ mediaType }: Part) => mediaType },
  { title: 'DIGEST', value: ({ digest }: Part) => digest },
];

const FILES = [
  { title: 'FILE', value: ({ name }: File) => name },
  { title: 'SIZE', value: ({ size: bytes }: File) => size(bytes), right: true },
  { title: 'ADDED', value: ({ addedAt }: File) => time(addedAt) },
  { title: 'DIGEST', value: ({ digest }: File) => digest },
];

export function registerArtifacts(program: Command, cli: Cli): void {
  const artifact = group(
    program,
    'artifact',
    'Artifacts, named <project>/<repository>/<package>:<tag> or @<version>',
  );
  registerReading(artifact, cli);
  registerGovernance(artifact, cli);
  registerChanging(artifact, cli);
  registerPackages(artifact, cli);
}

function registerReading(artifact: Command, cli: Cli): void {
  command(artifact, 'list <where>', {
    summary: 'List the packages of a repository, or the versions of a package',
    example: 'artifact list main/oci/app',
  })
    .addOption(new Option('--status <status>', 'only these versions').choices(['live', 'deleted']))
    .action(async (where: string, { status }: { status?: string }) => {
      const of = parsePlace(where);
      const { project, repository } = of;
      // a list names no tag: the colon is part of the name (Maven's group:artifact)
      const name = of.tag === undefined ? of.package : `${of.package}:${of.tag}`;
      if (repository === undefined || of.version !== undefined)
        throw new UsageError('list <project>/<repository> or <project>/<repository>/<package>');
      const path = pathOf({ project, repository });
      const client = await cli.client();
      const { list, most } = cli.print;
      if (name === undefined)
        return list(client.items<Package>(`${path}/packages`, {}, most + 1), packages(of));
      return list(
        client.items<Version>(`${path}/versions`, { package: name, status }, most + 1),
        versions({ project, repository, package: name }),
      );
    });
  command(artifact, 'show <artifact>', {
    summary: 'Show a version: its parts, tags and holds',
    example: 'artifact show main/oci/app:1.0',
  }).action((name: string) => show(cli, parseArtifact(name)));
  command(artifact, 'history [where]', {
    summary: 'What happened to a repository, package, version or tag, or what somebody did; newest first',
    example: 'artifact history main/oci/app:1.0',
  })
    .option('--actor <id>', 'only what this one did')
    .option('--oldest-first', 'in the order it happened')
    .action(async (where: string | undefined, options: { actor?: string; oldestFirst?: boolean }) => {
      const of = where === undefined ? {} : parsePlace(where);
      if (where !== undefined && !('repository' in of))
        throw new UsageError('name at least <project>/<repository>');
      const query = { ...of, actor: options.actor, order: options.oldestFirst ? 'asc' : 'desc' };
      const { list, most } = cli.print;
      await list((await cli.client()).items<Happened>('/history', query, most + 1), HISTORY);
    });
}

async function show(cli: Cli, of: ArtifactName): Promise<void> {
  const client = await cli.client();
  const found = await client.get<Version & { holds: Hold[]; files: File[]; parts: Part[] }>('/artifact', {
    ...of,
  });
  const { project, repository, package: name } = of;
  const whole = formatPlace({ project, repository, package: name, version: found.version });
  await cli.print.item(found, whole, ({ holds, files, parts, ...version }) => ({
    fields: {
      artifact: formatPlace({ project, repository, package: name }),
      version: version.version,
      tags: version.tags.join(' ') || 'none',
      state: stateOf(version),
      'media type': version.mediaType,
      'artifact type': version.artifactType,
      size: size(version.size),
      published: `${time(version.publishedAt)} by ${version.publishedBy}`,
      promotion: version.promotion,
      purl: version.purl,
      deprecated: version.deprecated,
      yanked: version.yanked,
    },
    tables: [
      ...(holds.length > 0 ? [tableText(holds, HOLDS)] : []),
      ...(version.purl !== undefined ? [tableText(files, FILES)] : []),
      ...(parts.length > 0 ? [tableText(parts, PARTS)] : []),
    ],
  }));
}

function registerChanging(artifact: Command, cli: Cli): void {
  command(artifact, 'delete <artifact>', {
    summary: 'Delete a version (by digest), or take away a tag; a version can be restored for some days',
    example: 'artifact delete main/oci/app:1.0',
  })
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const of = parseArtifact(name);
      const question =
        of.tag === undefined ? `Delete ${name} with all its tags?` : `Take away the tag ${name}?`;
      await confirm(cli.io, question, yes);
      await (await cli.client()).send('POST', '/artifact/delete', of);
      if (of.tag === undefined)
        await cli.print.done(`Deleted ${name}; to take it back: strongroom artifact restore ${name}`);
      else
        await cli.print.done(
          `Took away the tag ${name}; the version itself stays until it is deleted by its digest`,
        );
    });
  command(artifact, 'restore <artifact>', {
    summary: 'Restore a deleted version with its tags',
    example: `artifact restore main/oci/app@sha256:${'0123456789abcdef'.repeat(4)}`,
  }).action(async (name: string) => {
    const of = parseArtifact(name);
    if (of.version === undefined)
      throw new UsageError(
        'name its version or digest: strongroom artifact list <package> --status deleted --quiet shows it',
      );
    await (await cli.client()).send('POST', '/artifact/restore', of);
    await cli.print.done(`Restored ${name}`);
  });
  command(artifact, 'tag <artifact> <tag>', {
    summary: 'Give a version another tag',
    example: 'artifact tag main/oci/app:1.0 stable',
  }).action(async (name: string, newTag: string) => {
    const { tag: _tag, version: _version, ...place } = parseArtifact(name);
    await (await cli.client()).send('POST', '/artifact/tag', { ...parseArtifact(name), newTag });
    await cli.print.done(`Tagged ${name} as ${formatPlace({ ...place, tag: newTag })}`);
  });
}
