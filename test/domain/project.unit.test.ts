import { describe, expect, it } from 'vitest';
import { project, projectStream, type RepositoryKind } from '../../src/domain/project/project.ts';
import { given } from '../support/spec.ts';
import { INHERITED } from './facts.ts';

const projectId = 'p1';

const create = (
  repositoryId: string,
  name: string,
  repositoryKind: RepositoryKind = 'hosted',
  format = 'oci',
) => ({ kind: 'CreateRepository', projectId, repositoryId, name, format, repositoryKind }) as const;
const rename = (repositoryId: string, name: string) =>
  ({ kind: 'RenameRepository', projectId, repositoryId, name }) as const;
const remove = (repositoryId: string) => ({ kind: 'DeleteRepository', projectId, repositoryId }) as const;
const created = (repositoryId: string, name: string) =>
  ({
    type: 'RepositoryCreated',
    data: { projectId, repositoryId, name, format: 'oci', kind: 'hosted' },
  }) as const;
const renamed = (repositoryId: string, name: string, previousName: string) =>
  ({ type: 'RepositoryRenamed', data: { projectId, repositoryId, name, previousName } }) as const;
const deleted = (repositoryId: string, name: string) =>
  ({ type: 'RepositoryDeleted', data: { projectId, repositoryId, name } }) as const;

const OCI = created('r1', 'oci');

describe('repositories', () => {
  it('are created', () => {
    given(project).when(create('r1', 'oci')).thenEvents([OCI]);
  });

  it.each(INHERITED)('may have the id %s', repositoryId => {
    given(project)
      .when(create(repositoryId, 'oci'))
      .thenEvents([created(repositoryId, 'oci')]);
  });

  it('created again change nothing', () => {
    given(project, [OCI]).when(create('r1', 'oci')).thenNothing();
  });

  it.each([
    ['name', create('r1', 'other')],
    ['format', create('r1', 'oci', 'hosted', 'npm')],
    ['kind', create('r1', 'oci', 'proxy')],
  ])('hold their id against another %s', (_what, command) => {
    given(project, [OCI]).when(command).thenRefused('STATE_CONFLICT');
  });

  it('hold their name against others', () => {
    given(project, [OCI]).when(create('r2', 'oci')).thenRefused('NAME_TAKEN');
  });

  it.each(['proxy', 'virtual'] as const)('of kind %s are not built yet', kind => {
    given(project)
      .when(create('r1', 'oci', kind))
      .thenRefused('REQUEST_INVALID');
  });

  it('are renamed, and their old name is free', () => {
    given(project, [OCI])
      .when(rename('r1', 'images'))
      .thenEvents([renamed('r1', 'images', 'oci')]);
    const { state } = given(project, [OCI, renamed('r1', 'images', 'oci')]);
    expect(state.repositories).toEqual({ r1: { name: 'images', format: 'oci', kind: 'hosted' } });
    given(project, [OCI, renamed('r1', 'images', 'oci')])
      .when(create('r2', 'oci'))
      .thenEvents([created('r2', 'oci')]);
  });

  it('are kept beside each other', () => {
    const { state } = given(project, [OCI, created('r2', 'two'), renamed('r2', 'three', 'two')]);
    expect(Object.values(state.repositories).map(({ name }) => name)).toEqual(['oci', 'three']);
  });

  it('renamed to the name they have change nothing', () => {
    given(project, [OCI]).when(rename('r1', 'oci')).thenNothing();
  });

  it('cannot take the name of another', () => {
    given(project, [OCI, created('r2', 'images')])
      .when(rename('r1', 'images'))
      .thenRefused('NAME_TAKEN');
  });

  it('that are not there cannot be renamed', () => {
    for (const repositoryId of ['r9', ...INHERITED])
      given(project, [OCI]).when(rename(repositoryId, 'x')).thenRefused('REPOSITORY_UNKNOWN');
  });

  it('are deleted once', () => {
    given(project, [OCI])
      .when(remove('r1'))
      .thenEvents([deleted('r1', 'oci')]);
    given(project, [OCI, deleted('r1', 'oci')])
      .when(remove('r1'))
      .thenNothing();
  });

  it('that are not there are deleted without an event', () => {
    for (const repositoryId of ['r9', ...INHERITED])
      given(project, [OCI]).when(remove(repositoryId)).thenNothing();
  });

  it('recreated under a name are others, without history', () => {
    const { state } = given(project, [OCI, deleted('r1', 'oci'), created('r2', 'oci')]);
    expect(Object.keys(state.repositories)).toEqual(['r2']);
  });
});

it('folds a rename of what it does not know to nothing', () => {
  expect(given(project, [renamed('r9', 'new', 'old')]).state.repositories).toEqual({});
});

it('has a stream for each project', () => expect(projectStream('p1')).toBe('project-p1'));
