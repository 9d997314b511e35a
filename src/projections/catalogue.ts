/** All views, the tables that Kysely sees, and the hash of their shapes. */
import { createHash } from 'node:crypto';
import {
  grants,
  grantsTable,
  passwords,
  passwordsTable,
  principals,
  principalsTable,
  tokens,
  tokensTable,
} from './access/view.ts';
import { activity, activityTable } from './activity/view.ts';
import { attachments, attachmentsTable } from './attachments/view.ts';
import { collections, collectionsTable } from './collections/view.ts';
import { denials, denialsTable } from './denials/view.ts';
import { descriptions, descriptionsTable } from './descriptions/view.ts';
import { projects, projectsTable, repositories, repositoriesTable } from './directory/view.ts';
import { holds, holdsTable } from './holds/view.ts';
import { linkAliases, linkAliasesTable, links, linksTable } from './links/view.ts';
import { packages, packagesTable } from './packages/view.ts';
import { promotions, promotionsTable } from './promotions/view.ts';
import type { StoredOf, Table } from './table.ts';
import { tags, tagsTable } from './tags/view.ts';
import { downloadSegments, downloads, downloadsTable, segmentsTable } from './usage/view.ts';
import { versionRefs, versionRefsTable, versions, versionsTable } from './versions/view.ts';
import type { AnyView } from './view.ts';

const TABLES = {
  projects: projectsTable,
  repositories: repositoriesTable,
  packages: packagesTable,
  versions: versionsTable,
  versionRefs: versionRefsTable,
  tags: tagsTable,
  links: linksTable,
  linkAliases: linkAliasesTable,
  holds: holdsTable,
  principals: principalsTable,
  passwords: passwordsTable,
  tokens: tokensTable,
  grants: grantsTable,
  attachments: attachmentsTable,
  promotions: promotionsTable,
  downloads: downloadsTable,
  downloadSegments: segmentsTable,
  activity: activityTable,
  denials: denialsTable,
  collections: collectionsTable,
  descriptions: descriptionsTable,
};

export type ViewTables = { [K in keyof typeof TABLES]: StoredOf<(typeof TABLES)[K]['columns']> };

export const VIEWS = [
  projects,
  repositories,
  packages,
  versions,
  versionRefs,
  tags,
  links,
  linkAliases,
  holds,
  principals,
  passwords,
  tokens,
  grants,
  attachments,
  promotions,
  downloads,
  downloadSegments,
  activity,
  denials,
  collections,
  descriptions,
] as unknown as readonly AnyView[];

/** raise it when the way tables are kept changes */
const LAYOUT = 1;

/** Changes whenever a table or the version of a fold does: views of another shape are rebuilt. */
export function shapeOf(views: readonly AnyView[]): string {
  const shapes = views.map(({ table, version, types }) => ({ table: plain(table), version, types }));
  return createHash('sha256')
    .update(JSON.stringify([LAYOUT, shapes]))
    .digest('hex')
    .slice(0, 32);
}

const plain = ({ name, columns, primaryKey, indexes }: Table) => ({ name, columns, primaryKey, indexes });
