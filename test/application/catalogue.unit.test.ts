import { beforeEach, describe, expect, it } from 'vitest';
import type { Core } from '../../src/application/core.ts';
import { listCatalogue } from '../../src/application/listing.ts';
import type { CatalogueEntry, HoldRow, RepositoryInfo, VersionRow } from '../../src/projections/queries.ts';
import { caller } from './support.ts';

const name = (row: CatalogueEntry) => `${row.projectName}/${row.repositoryName}/${row.package}`;
const placed = (text: string) => {
  const [projectName = '', repositoryName = '', ...rest] = text.split('/');
  return { projectName, repositoryName, package: rest.join('/') };
};

describe('the catalogue', () => {
  let repositories: RepositoryInfo[];
  let entries: CatalogueEntry[];
  let versions: VersionRow[];
  let held: Set<string>;
  /** sizes of the lists of repositories that were asked for */
  let asked: number[];

  function repository(projectName: string, repositoryName: string, of: Partial<RepositoryInfo> = {}) {
    const repositoryId = `${projectName}/${repositoryName}`;
    const row = { repositoryId, projectId: projectName, projectName, name: repositoryName, format: 'oci' };
    repositories.push({ visibility: 'public', ...row, ...of } as RepositoryInfo);
  }
  function image(path: string, ...digests: string[]) {
    const entry = { ...placed(path), repositoryId: path.split('/').slice(0, 2).join('/') };
    entries.push(entry);
    for (const version of digests)
      versions.push({
        ...{ repositoryId: entry.repositoryId, package: entry.package, version, status: 'live' },
        ...{ incarnation: version, references: [], files: [{ name: 'manifest', canonical: version }] },
      } as unknown as VersionRow);
  }
  const order = (a: string, b: string) => (a < b ? -1 : 1);
  const core = {
    hot: { get: (_group: string, _key: string, load: () => unknown) => load() },
    queries: {
      listRepositories: async ({ after: from, limit = 100 }: { after?: RepositoryInfo; limit?: number }) =>
        repositories
          .filter(
            row => !from || [row.projectName, row.name].join(' ') > [from.projectName, from.name].join(' '),
          )
          .slice(0, limit),
      listAllPackages: async (of: { repositoryIds: string[]; after?: CatalogueEntry; limit: number }) => {
        asked.push(of.repositoryIds.length);
        const key = (row: Omit<CatalogueEntry, 'repositoryId'>) =>
          [row.projectName, row.repositoryName, row.package].join('\0');
        return entries
          .filter(row => of.repositoryIds.includes(row.repositoryId))
          .filter(row => !of.after || key(row) > key(of.after))
          .slice(0, of.limit);
      },
      listVersions: async (
        repositoryId: string,
        packageName: string,
        of: { after?: string; limit: number },
      ) =>
        versions
          .filter(row => row.repositoryId === repositoryId && row.package === packageName)
          .filter(row => row.version > (of.after ?? ''))
          .slice(0, of.limit),
      listHolds: async () => [...held],
      packagesUnderHolds: async () => versions.filter(({ version }) => held.has(version)),
      openHolds: async ({ subjects }: { subjects: readonly string[] }) =>
        subjects.filter(subject => held.has(subject)).map(holdId => ({ holdId }) as HoldRow),
      versionsNaming: async () => [],
      grantsOf: async () => [],
    },
  } as unknown as Core;
  const list = async (limit: number, last?: string) => {
    const page = await listCatalogue(core, caller('ada'), {
      ...{ limit, format: 'oci' },
      after: last === undefined ? undefined : placed(last),
    });
    return [page.items.map(name), page.more] as const;
  };
  async function all(limit: number): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const [names, more] = await list(limit, found.at(-1));
      found.push(...names);
      if (!more) return found;
    }
  }

  beforeEach(() => {
    [repositories, entries, versions, held, asked] = [[], [], [], new Set(), []];
  });

  it('has what lies in more repositories than one query takes, in order, on every page', async () => {
    const names = Array.from({ length: 1203 }, (_, n) => `p${String(n % 7)}/r${String(n).padStart(4, '0')}`);
    for (const each of names.sort(order)) {
      const [project = '', of = ''] = each.split('/');
      repository(project, of);
      image(`${each}/app`, 'a');
    }
    const expected = names.map(each => `${each}/app`);
    expect(await list(2000)).toEqual([expected, false]);
    expect(Math.max(...asked)).toBe(500);
    expect(await all(400)).toEqual(expected);
    expect(await list(1203)).toEqual([expected, false]);
    expect(await list(1202)).toEqual([expected.slice(0, -1), true]);
  });

  it('leaves out what the caller may not pull, and other formats', async () => {
    repository('p', 'open');
    repository('p', 'other', { format: 'npm' });
    repository('p', 'secret', { visibility: 'private' });
    for (const of of ['open', 'other', 'secret']) image(`p/${of}/app`, 'a');
    expect(await list(10)).toEqual([['p/open/app'], false]);
  });

  it('leaves out names whose every version is held, and fills the page with what follows', async () => {
    repository('p', 'r');
    image('p/r/all', 'bad', 'worse');
    image('p/r/none', 'good');
    image('p/r/some', 'bad', 'fine');
    image('p/r/z', 'good');
    held = new Set(['bad', 'worse']);
    expect(await list(10)).toEqual([['p/r/none', 'p/r/some', 'p/r/z'], false]);
    expect(await list(2)).toEqual([['p/r/none', 'p/r/some'], true]);
    expect(await list(1, 'p/r/a')).toEqual([['p/r/none'], true]);
    held = new Set(['bad', 'worse', 'good']);
    expect(await all(1)).toEqual(['p/r/some']);
    held = new Set();
    expect(await all(3)).toEqual(['p/r/all', 'p/r/none', 'p/r/some', 'p/r/z']);
  });

  it('says that there is more only when there is more to see', async () => {
    repository('p', 'r');
    image('p/r/a', 'good');
    image('p/r/b', 'bad');
    held = new Set(['bad']);
    expect(await list(1)).toEqual([['p/r/a'], false]);
  });

  it('goes on within the repository of the last entry', async () => {
    for (const of of ['a', 'b', 'c']) {
      repository('p', of);
      image(`p/${of}/one`, 'x');
      image(`p/${of}/two`, 'x');
    }
    expect(await list(10, 'p/b/one')).toEqual([['p/b/two', 'p/c/one', 'p/c/two'], false]);
    expect(await list(10, 'p')).toEqual([entries.map(name), false]);
    expect(await list(10, 'q')).toEqual([[], false]);
  });
});
