/** Projects and repositories. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Cli, command, group, listed, segment } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { confirm } from '../io.ts';
import type { ListShape } from '../output/print.ts';
import { count, size, time } from '../output/text.ts';
import { parseRepository, type RepositoryName } from '../reference.ts';

interface Project {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
}

interface Repository extends Project {
  readonly project: string;
  readonly format: string;
  readonly kind: string;
  readonly visibility: string;
  readonly recording: string;
  readonly immutableTags: readonly string[];
  readonly requiredApprovals: number;
}

interface Usage {
  readonly versions: number;
  readonly bytes: number;
  readonly downloads: number;
}

const PROJECTS: ListShape<Project> = {
  what: 'projects',
  id: ({ name }) => name,
  columns: [
    { title: 'PROJECT', value: ({ name }) => name },
    { title: 'CREATED', value: ({ createdAt }) => time(createdAt) },
    { title: 'ID', value: ({ id }) => id },
  ],
};

const fullName = ({ project, name }: Repository) => `${project}/${name}`;

const REPOSITORIES: ListShape<Repository> = {
  what: 'repositories',
  id: fullName,
  columns: [
    { title: 'REPOSITORY', value: fullName },
    { title: 'FORMAT', value: ({ format }) => format },
    { title: 'KIND', value: ({ kind }) => kind },
    { title: 'VISIBILITY', value: ({ visibility }) => visibility },
    { title: 'RECORDING', value: ({ recording }) => recording },
    { title: 'IMMUTABLE TAGS', value: ({ immutableTags }) => immutableTags.join(' ') },
    { title: 'CREATED', value: ({ createdAt }) => time(createdAt) },
  ],
};

export const pathOf = ({ project, repository }: RepositoryName): string =>
  `/projects/${segment(project)}/repositories/${segment(repository)}`;

export function registerProjects(program: Command, cli: Cli): void {
  registerProject(group(program, 'project', 'Projects: they hold repositories'), cli);
  const repository = group(program, 'repository', 'Repositories, named <project>/<repository>');
  registerReading(repository, cli);
  registerChanging(repository, cli);
}

function registerProject(project: Command, cli: Cli): void {
  command(project, 'list', { summary: 'List the projects that you may see', example: 'project list' }).action(
    async () => {
      const { most, list } = cli.print;
      await list((await cli.client()).items<Project>('/projects', {}, most + 1), PROJECTS);
    },
  );
  command(project, 'create <name>', {
    summary: 'Create a project',
    example: 'project create payments',
  }).action(async (name: string) => {
    const body = await (await cli.client()).send<{ id: string }>('POST', '/projects', { name });
    await cli.print.done(`Created project ${name}`, { body, id: body.id });
  });
  command(project, 'rename <project> <name>', {
    summary: 'Give a project another name; history and rights stay',
    example: 'project rename payments billing',
  }).action(async (project: string, name: string) => {
    await (await cli.client()).send('PATCH', `/projects/${segment(project)}`, { name });
    await cli.print.done(`Renamed project ${project} to ${name}`);
  });
  command(project, 'delete <project>', {
    summary: 'Delete an empty project',
    example: 'project delete payments',
  })
    .option('-y, --yes', 'do not ask')
    .action(async (project: string, { yes }: { yes?: boolean }) => {
      await confirm(cli.io, `Delete project ${project}?`, yes);
      await (await cli.client()).send('DELETE', `/projects/${segment(project)}`);
      await cli.print.done(`Deleted project ${project}`);
    });
}

function registerReading(repository: Command, cli: Cli): void {
  command(repository, 'list [project]', {
    summary: 'List the repositories that you may pull from',
    example: 'repository list main',
  }).action(async (project: string | undefined) => {
    const { most, list } = cli.print;
    await list((await cli.client()).items<Repository>('/repositories', { project }, most + 1), REPOSITORIES);
  });
  command(repository, 'show <repository>', {
    summary: 'Show a repository and what it holds',
    example: 'repository show main/oci',
  }).action(async (name: string) => {
    const found = await (await cli.client()).get<Repository & { usage: Usage }>(
      pathOf(parseRepository(name)),
    );
    await cli.print.item(found, fullName(found), ({ createdAt, immutableTags, usage, ...rest }) => ({
      fields: {
        repository: fullName(found),
        format: rest.format,
        kind: rest.kind,
        visibility: rest.visibility,
        'downloads recorded': rest.recording,
        'immutable tags': immutableTags.join(' ') || 'none',
        'approvals to promote into it': String(rest.requiredApprovals),
        created: time(createdAt),
        id: rest.id,
        holds: `${count(usage.versions, 'version')}, ${size(usage.bytes)}, ${count(usage.downloads, 'download')}`,
      },
    }));
  });
}

interface Settings {
  readonly name?: string;
  readonly visibility?: string;
  readonly recording?: string;
  readonly immutableTags?: readonly string[] | false;
  readonly mutableVersions?: boolean;
  readonly requiredApprovals?: number;
}

function approvals(text: string): number {
  if (!/^\d$|^10$/.test(text)) throw new InvalidArgumentError('It is a whole number from 0 to 10.');
  return Number(text);
}

function registerChanging(repository: Command, cli: Cli): void {
  command(repository, 'create <repository>', {
    summary: 'Create a repository; it is private',
    example: 'repository create payments/images --format oci',
  })
    .requiredOption('--format <format>', 'what it holds, e.g. oci')
    .addOption(
      new Option('--kind <kind>', 'where its content comes from')
        .choices(['hosted', 'proxy', 'virtual'])
        .default('hosted'),
    )
    .action(async (name: string, { format, kind }: { format: string; kind: string }) => {
      const of = parseRepository(name);
      const path = `/projects/${segment(of.project)}/repositories`;
      const body = await (await cli.client()).send<{ id: string }>('POST', path, {
        name: of.repository,
        format,
        kind,
      });
      await cli.print.done(`Created repository ${name}`, { body, id: body.id });
    });
  command(repository, 'set <repository>', {
    summary: 'Change the settings of a repository',
    example: "repository set main/oci --visibility public --immutable-tags 'v*'",
  })
    .option('--name <name>', 'another name; history and rights stay')
    .addOption(new Option('--visibility <who>', 'who may pull').choices(['private', 'public']))
    .addOption(
      new Option('--recording <how>', 'which downloads are recorded').choices(['each', 'counted', 'off']),
    )
    .option('--immutable-tags <patterns>', 'tags that never move, by comma', listed)
    .option('--no-immutable-tags', 'let all tags move')
    .option('--mutable-versions', 'files of packages may be replaced, where the format knows such a thing')
    .option('--no-mutable-versions', 'what was published never changes')
    .option('--required-approvals <n>', 'persons who must approve a promotion into it', approvals)
    .action(async (name: string, { immutableTags, mutableVersions, ...settings }: Settings) => {
      const tags = immutableTags === false ? [] : immutableTags;
      const wanted = {
        ...settings,
        ...(tags === undefined ? {} : { immutableTags: tags }),
        ...(mutableVersions === undefined ? {} : { immutableVersions: !mutableVersions }),
      };
      if (Object.keys(wanted).length === 0) throw new UsageError('say what to change');
      await (await cli.client()).send('PATCH', pathOf(parseRepository(name)), wanted);
      await cli.print.done(`Changed repository ${name}`);
    });
  command(repository, 'delete <repository>', {
    summary: 'Delete an empty repository',
    example: 'repository delete payments/images',
  })
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const of = parseRepository(name);
      await confirm(cli.io, `Delete repository ${name}?`, yes);
      await (await cli.client()).send('DELETE', pathOf(of));
      await cli.print.done(`Deleted repository ${name}`);
    });
}
