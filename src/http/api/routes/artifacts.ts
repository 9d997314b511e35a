/** What is in a repository: packages, versions, tags, their holds and their history. */
import { z } from 'zod';
import type { Core } from '../../../application/core.ts';
import { deleteVersion, removeTag, restoreVersion } from '../../../application/govern.ts';
import { holdsOn } from '../../../application/holds.ts';
import { repositoryFor } from '../../../application/places.ts';
import { tagVersion } from '../../../application/publish.ts';
import type { HoldRow, RepositoryInfo, VersionRow } from '../../../projections/queries.ts';
import { packageAsKept } from '../formats.ts';
import { pageOf, paging, readCursor, toPage } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';
import { artifact, governed, repositoryParams } from '../shapes.ts';

const holdShape = z.object({
  id: z.string(),
  kind: z.enum(['manual', 'policy', 'scan', 'staged']),
  everywhere: z.boolean(),
  file: z.string().optional().describe('it binds only this file'),
  reason: z.string().optional(),
  placedBy: z.string(),
  placedAt: z.string(),
});
export const versionShape = z.object({
  package: z.string(),
  version: z.string(),
  status: z.enum(['live', 'deleted']),
  held: z.boolean(),
  mediaType: z.string(),
  artifactType: z.string().optional(),
  size: z.number(),
  tags: z.array(z.string()),
  publishedAt: z.string(),
  publishedBy: z.string(),
  promotion: z.string().optional(),
  purl: z.string().optional(),
  deprecated: z.string().optional().describe('advice against it'),
  yanked: z.string().optional().describe('why no range chooses it'),
});

export async function showHold(core: Core, row: HoldRow) {
  const reason = await core.sealing.unseal(row.reason);
  return {
    id: row.holdId,
    kind: row.kind,
    everywhere: row.targetKind === 'subject',
    ...(row.file === null ? {} : { file: row.file }),
    ...(reason === undefined ? {} : { reason }),
    placedBy: row.placedBy,
    placedAt: row.placedAt,
  };
}

async function show(core: Core, repository: RepositoryInfo, row: VersionRow) {
  const tags = await core.queries.tagsOfVersion(row.repositoryId, row.package, row.version);
  return {
    package: row.package,
    version: row.version,
    status: row.status,
    held: (await holdsOn(core, repository, row)).length > 0,
    mediaType: row.mediaType,
    ...(row.artifactType ? { artifactType: row.artifactType } : {}),
    size: row.size,
    tags: tags.map(({ tag }) => tag),
    publishedAt: row.publishedAt,
    publishedBy: row.publishedBy,
    ...(row.provenance ? { promotion: row.provenance.promotionId } : {}),
    ...(row.purl === null ? {} : { purl: row.purl }),
    ...(row.deprecated === null ? {} : { deprecated: (await core.sealing.unseal(row.deprecated)) ?? '' }),
    ...(row.yanked === null ? {} : { yanked: (await core.sealing.unseal(row.yanked)) ?? '' }),
  };
}

const fileShape = z.object({
  name: z.string(),
  digest: z.string(),
  mediaType: z.string(),
  size: z.number(),
  addedAt: z.string(),
  of: z.string().optional().describe('of a sidecar: the file that it stands and falls with'),
});

const showFile = ({ addedAt, publishedAt }: VersionRow, file: VersionRow['files'][number]) => ({
  name: file.name,
  digest: file.canonical,
  mediaType: file.mediaType,
  size: file.size,
  addedAt: addedAt[file.name] ?? publishedAt,
  ...(file.of === undefined ? {} : { of: file.of }),
});

const partShape = z.object({
  relation: z.string(),
  digest: z.string(),
  mediaType: z.string(),
  size: z.number(),
});

const reading: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/projects/:project/repositories/:repository/packages',
    tag: 'artifacts',
    summary: 'List the packages of a repository',
    params: repositoryParams,
    query: paging,
    response: pageOf(z.object({ name: z.string(), createdAt: z.string() })),
    serves: true,
    async handle({ caller, params, query }, { core }) {
      const { repositoryId } = await repositoryFor(core, caller, params, 'pull');
      const after = readCursor(query.cursor, z.string());
      const rows = await core.queries.listPackages(repositoryId, { after, limit: query.limit + 1 });
      const item = (row: { displayName: string; createdAt: string }) => ({
        name: row.displayName,
        createdAt: row.createdAt,
      });
      return toPage(rows, query.limit, { key: row => row.package, item });
    },
  }),
  route({
    method: 'GET',
    path: '/projects/:project/repositories/:repository/versions',
    tag: 'artifacts',
    summary: 'List the versions of a package',
    params: repositoryParams,
    query: paging.extend({ package: z.string(), status: z.enum(['live', 'deleted']).optional() }),
    response: pageOf(versionShape),
    serves: true,
    async handle({ caller, params, query }, { core }) {
      const repository = await repositoryFor(core, caller, params, 'pull');
      const after = readCursor(query.cursor, z.string());
      const name = packageAsKept(repository.format, query.package);
      const options = { after, status: query.status, limit: query.limit + 1 };
      const rows = await core.queries.listVersions(repository.repositoryId, name, options);
      const page = toPage(rows, query.limit, { key: row => row.version, item: row => row });
      return { ...page, items: await Promise.all(page.items.map(row => show(core, repository, row))) };
    },
  }),
  route({
    method: 'GET',
    path: '/artifact',
    tag: 'artifacts',
    summary: 'Show one version: its parts, tags and holds',
    query: artifact,
    response: versionShape.extend({
      holds: z.array(holdShape),
      files: z.array(fileShape),
      parts: z.array(partShape),
    }),
    serves: true,
    async handle({ caller, query }, { core }) {
      const { repository, version } = await governed(core, caller, query, 'pull');
      const holds = await holdsOn(core, repository, version);
      const parts = version.references.map(({ relation, digest, mediaType, size }) => ({
        relation,
        digest,
        mediaType,
        size,
      }));
      return {
        ...(await show(core, repository, version)),
        holds: await Promise.all(holds.map(row => showHold(core, row))),
        files: version.files.map(file => showFile(version, file)),
        parts,
      };
    },
  }),
];

const changing: AnyRoute[] = [
  route({
    method: 'POST',
    path: '/artifact/delete',
    tag: 'artifacts',
    summary: 'Delete a version, or only the tag when one is named; it can be restored for some days',
    body: artifact,
    status: 204,
    async handle({ caller, body }, { core, consistency }) {
      const of = await governed(core, caller, body, 'delete');
      const done = body.tag === undefined ? deleteVersion(core, of) : removeTag(core, of, body.tag);
      await consistency.wait(await done);
    },
  }),
  route({
    method: 'POST',
    path: '/artifact/restore',
    tag: 'artifacts',
    summary: 'Restore a deleted version with its tags',
    body: artifact.omit({ tag: true }),
    status: 204,
    async handle({ caller, body }, { core, consistency }) {
      await consistency.wait(await restoreVersion(core, await governed(core, caller, body, 'restore')));
    },
  }),
  route({
    method: 'POST',
    path: '/artifact/tag',
    tag: 'artifacts',
    summary: 'Give a version another tag',
    body: artifact.extend({ newTag: z.string().min(1).max(128) }),
    status: 204,
    async handle({ caller, body }, { core, consistency }) {
      const { repository, version } = await governed(core, caller, body, 'tag');
      const of = { package: version.package, digest: version.version, tag: body.newTag };
      await consistency.wait(await tagVersion(core, caller, repository, of));
    },
  }),
];

export const routes: readonly AnyRoute[] = [...reading, ...changing];
