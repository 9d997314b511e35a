/** Projects and repositories by id, with their settings. */
import {
  DEFAULT_SETTINGS,
  evolveSettings,
  type RepositorySettings,
} from '../../domain/repository/repository.ts';
import { flag, integer, json, nullable, type RowOf, table, text } from '../table.ts';
import { view } from '../view.ts';

export const projectsTable = table({
  name: 'projects',
  columns: { projectId: text(), name: text(), createdAt: text(), createdBy: text() },
  primaryKey: ['projectId'],
  indexes: [{ name: 'projects_name', columns: ['name'] }],
});
export type ProjectRow = RowOf<typeof projectsTable.columns>;

export const projects = view({
  table: projectsTable,
  version: 1,
  types: ['ProjectCreated', 'ProjectRenamed', 'ProjectDeleted'],
  overwrites: ['ProjectCreated', 'ProjectDeleted'],
  keysOf: event => [[event.data.projectId]],
  evolve(row, event) {
    const { projectId, name } = event.data;
    switch (event.type) {
      case 'ProjectCreated':
        return { projectId, name, createdAt: event.recordedAt, createdBy: event.meta.actor };
      case 'ProjectRenamed':
        return row && { ...row, name };
      case 'ProjectDeleted':
        return undefined;
    }
  },
});

export const repositoriesTable = table({
  name: 'repositories',
  columns: {
    repositoryId: text(),
    projectId: text(),
    name: text(),
    format: text(),
    kind: text<'hosted' | 'proxy' | 'virtual'>(),
    visibility: text<RepositorySettings['visibility']>(),
    immutableVersions: flag(),
    immutableTags: json<readonly string[]>(),
    recording: text<RepositorySettings['recording']>(),
    requiredApprovals: integer(),
    createdAt: text(),
    createdBy: text(),
    /** a deleted repository keeps its row, because its content is kept for as long as a deleted version's */
    deletedAt: nullable(text()),
  },
  primaryKey: ['repositoryId'],
  indexes: [{ name: 'repositories_name', columns: ['projectId', 'name'] }],
});
export type RepositoryRow = RowOf<typeof repositoriesTable.columns>;

export const repositories = view({
  table: repositoriesTable,
  version: 1,
  types: [
    'RepositoryCreated',
    'RepositoryRenamed',
    'RepositoryDeleted',
    'RepositoryVisibilitySet',
    'RepositoryImmutabilitySet',
    'RepositoryRecordingSet',
    'RepositoryApprovalsSet',
  ],
  overwrites: ['RepositoryCreated'],
  keysOf: event => [[event.data.repositoryId]],
  evolve(row, event) {
    switch (event.type) {
      case 'RepositoryCreated':
        return {
          ...event.data,
          ...DEFAULT_SETTINGS,
          createdAt: event.recordedAt,
          createdBy: event.meta.actor,
          deletedAt: null,
        };
      case 'RepositoryRenamed':
        return row && { ...row, name: event.data.name };
      case 'RepositoryDeleted':
        return row && { ...row, deletedAt: event.recordedAt };
      default:
        return row && { ...row, ...evolveSettings(row, event) };
    }
  },
});
