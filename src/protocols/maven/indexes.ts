/** Indexes: composed from what is published, never from what clients send; kept until something changes. */
import type { Asked, Document } from '../../application/registry.ts';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { Context } from '../shared/content.ts';
import {
  artifactMetadata,
  groupMetadata,
  type Plugin,
  pluginOf,
  snapshotMetadata,
  withPlugins,
} from './metadata.ts';
import type { MetadataRoute, SnapshotMetadataRoute } from './parse.ts';

type Tools = Pick<Context, 'registry'>;

/** @throws FILE_UNKNOWN when nothing is on offer there: to Maven that is an empty repository */
export async function metadataDocument(
  tools: Tools,
  asked: Asked,
  route: MetadataRoute | SnapshotMetadataRoute,
): Promise<Document> {
  if (route.kind === 'snapshot-metadata') return snapshotDocument(tools, asked, route);
  const { package: name, group } = route;
  const artifact = name === undefined ? undefined : await artifactDocument(tools, asked, name).catch(absent);
  const plugins = group === undefined ? undefined : await pluginsDocument(tools, asked, group).catch(absent);
  const found = artifact && plugins ? await bothDocument(tools, asked, route) : (artifact ?? plugins);
  if (!found) throw nothing();
  return found;
}

const nothing = () => refuse('FILE_UNKNOWN', 'maven-metadata.xml: nothing is on offer there');

const absent = (error: unknown) => {
  if (isRefusal(error) && error.kind === 'not_found') return undefined;
  throw error;
};

const artifactDocument = ({ registry }: Tools, asked: Asked, name: string) =>
  registry.document(asked, { package: name, kind: 'metadata' }, async () => {
    const metadata = artifactMetadata(await registry.package(asked, name));
    if (metadata === undefined) throw nothing();
    return metadata;
  });

const snapshotDocument = (
  { registry }: Tools,
  asked: Asked,
  { package: name, version }: SnapshotMetadataRoute,
) =>
  registry.document(asked, { package: name, kind: `snapshot ${version}` }, async () => {
    const listing = await registry.package(asked, name);
    const listed = listing.versions.find(one => one.version === version);
    const metadata = listed && snapshotMetadata(listing, listed);
    if (metadata === undefined) throw nothing();
    return metadata;
  });

const pluginsDocument = (tools: Tools, asked: Asked, group: string) =>
  tools.registry.document(asked, { kind: `plugins ${group}` }, async () => {
    const plugins = await pluginsOf(tools, asked, group);
    if (plugins.length === 0) throw nothing();
    return groupMetadata(plugins);
  });

const bothDocument = (tools: Tools, asked: Asked, { package: name = '', group = '' }: MetadataRoute) =>
  tools.registry.document(asked, { kind: `both ${name} ${group}` }, async () => {
    const artifact = await artifactDocument(tools, asked, name);
    return withPlugins(Buffer.from(artifact.bytes).toString(), await pluginsOf(tools, asked, group));
  });

const PAGE = 500;

/** One fragment for each artifact of the group: a change builds one of them again. */
async function pluginsOf(tools: Tools, asked: Asked, group: string): Promise<readonly Plugin[]> {
  const plugins: Plugin[] = [];
  const prefix = `${group}:`;
  for (let after = prefix; ; ) {
    const { items, more } = await tools.registry.packages(asked, { after, limit: PAGE });
    for (const { name } of items) {
      if (!name.startsWith(prefix)) return plugins;
      const plugin = await pluginFragment(tools, asked, name);
      if (plugin) plugins.push(plugin);
    }
    after = items.at(-1)?.name ?? prefix;
    if (!more) return plugins;
  }
}

async function pluginFragment({ registry }: Tools, asked: Asked, name: string): Promise<Plugin | undefined> {
  const { bytes } = await registry.document(asked, { package: name, kind: 'plugin' }, async () => {
    const listing = await registry.package(asked, name).catch(absent);
    return JSON.stringify((listing && pluginOf(listing)) ?? null);
  });
  return (JSON.parse(Buffer.from(bytes).toString()) as Plugin | null) ?? undefined;
}
