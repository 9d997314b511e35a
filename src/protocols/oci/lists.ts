/** Lists: tags, referrers, the catalogue. */
import type { Asked } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { ProtocolReply } from '../protocol.ts';
import type { Context } from './context.ts';
import { parseManifest, referrerDescriptor, referrersIndex } from './manifest.ts';
import { formatName } from './name.ts';
import { MAX_PAGE, type OciRoute, type Page } from './parse.ts';
import { json } from './reply.ts';

const limitOf = (page: Page) => Math.min(page.n ?? MAX_PAGE, MAX_PAGE);

function next(path: string, page: Page, last: string | undefined): Record<string, string> {
  if (last === undefined) return {};
  return { link: `<${path}?n=${limitOf(page)}&last=${encodeURIComponent(last)}>; rel="next"` };
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags */
export async function tags(
  route: Extract<OciRoute, { kind: 'tags' }>,
  { request, registry }: Context,
): Promise<ProtocolReply> {
  const { caller } = request;
  const { name, page } = route;
  const asked: Asked = { caller, repository: await registry.repository(caller, name, 'pull', 'oci') };
  const { items, more } = await registry.listTags(asked, name.image, {
    after: page.last,
    limit: limitOf(page),
  });
  const path = `/v2/${formatName(name)}/tags/list`;
  return json(
    { name: formatName(name), tags: items },
    next(path, page, more ? items.at(-1) : undefined),
    route.head,
  );
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers */
export async function referrers(
  route: Extract<OciRoute, { kind: 'referrers' }>,
  { request, registry }: Context,
): Promise<ProtocolReply> {
  const { caller } = request;
  const asked: Asked = { caller, repository: await registry.repository(caller, route.name, 'pull', 'oci') };
  const released = await registry.listReferrers(asked, route.name.image, route.digest);
  const all = await Promise.all(
    released.map(async item => {
      const { digest, size, mediaType } = item.content;
      return referrerDescriptor(parseManifest(await registry.read(item), mediaType), digest, size);
    }),
  );
  const wanted = route.artifactType;
  const listed = wanted === undefined ? all : all.filter(({ artifactType }) => artifactType === wanted);
  const filtered: Record<string, string> =
    wanted === undefined ? {} : { 'oci-filters-applied': 'artifactType' };
  const index = referrersIndex(listed);
  return json(index, { 'content-type': index.mediaType, ...filtered }, route.head);
}

/** Only what the caller may pull. */
export async function catalogue(
  route: Extract<OciRoute, { kind: 'catalog' }>,
  { request, registry }: Context,
): Promise<ProtocolReply> {
  const { page } = route;
  const { caller } = request;
  if (caller.kind === 'anonymous' && caller.issuedFor === undefined) throw refuse('UNAUTHENTICATED');
  const limit = limitOf(page);
  const [projectName, repositoryName, ...image] = (page.last ?? '').split('/');
  const after = page.last
    ? { projectName: projectName ?? '', repositoryName: repositoryName ?? '', package: image.join('/') }
    : undefined;
  const { items, more } =
    limit === 0
      ? { items: [], more: false }
      : await registry.listCatalogue(caller, { after, limit, format: 'oci' });
  const names = items.map(item => `${item.projectName}/${item.repositoryName}/${item.package}`);
  return json(
    { repositories: names },
    next('/v2/_catalog', page, more ? names.at(-1) : undefined),
    route.head,
  );
}
