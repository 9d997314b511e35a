import { describe, expect, it } from 'vitest';
import { directory, directoryStream } from '../../src/domain/directory/directory.ts';
import { given } from '../support/spec.ts';
import { INHERITED } from './facts.ts';

const create = (projectId: string, name: string) => ({ kind: 'CreateProject', projectId, name }) as const;
const rename = (projectId: string, name: string) => ({ kind: 'RenameProject', projectId, name }) as const;
const remove = (projectId: string, empty = true) => ({ kind: 'DeleteProject', projectId, empty }) as const;
const created = (projectId: string, name: string) =>
  ({ type: 'ProjectCreated', data: { projectId, name } }) as const;
const renamed = (projectId: string, name: string, previousName: string) =>
  ({ type: 'ProjectRenamed', data: { projectId, name, previousName } }) as const;
const deleted = (projectId: string, name: string) =>
  ({ type: 'ProjectDeleted', data: { projectId, name } }) as const;

const MAIN = created('p1', 'main');

describe('projects', () => {
  it('are created', () => {
    given(directory).when(create('p1', 'main')).thenEvents([MAIN]);
  });

  it('created again change nothing', () => {
    given(directory, [MAIN]).when(create('p1', 'main')).thenNothing();
  });

  it('hold their name against others', () => {
    given(directory, [MAIN]).when(create('p2', 'main')).thenRefused('NAME_TAKEN');
  });

  it('hold their id against another name', () => {
    given(directory, [MAIN]).when(create('p1', 'other')).thenRefused('STATE_CONFLICT');
  });

  it('may have a name that every object inherits', () => {
    given(directory)
      .when(create('p1', 'constructor'))
      .thenEvents([created('p1', 'constructor')]);
  });

  it.each(INHERITED)('may have the id %s', projectId => {
    given(directory)
      .when(create(projectId, 'main'))
      .thenEvents([created(projectId, 'main')]);
  });

  it('are renamed, and their old name is free', () => {
    given(directory, [MAIN])
      .when(rename('p1', 'core'))
      .thenEvents([renamed('p1', 'core', 'main')]);
    given(directory, [MAIN, renamed('p1', 'core', 'main')])
      .when(create('p2', 'main'))
      .thenEvents([created('p2', 'main')]);
    given(directory, [MAIN, renamed('p1', 'core', 'main')])
      .when(create('p2', 'core'))
      .thenRefused('NAME_TAKEN');
  });

  it('renamed to the name they have change nothing', () => {
    given(directory, [MAIN]).when(rename('p1', 'main')).thenNothing();
  });

  it('cannot take the name of another', () => {
    given(directory, [MAIN, created('p2', 'other')])
      .when(rename('p1', 'other'))
      .thenRefused('NAME_TAKEN');
  });

  it('that are not there cannot be renamed', () => {
    for (const projectId of ['p9', ...INHERITED])
      given(directory, [MAIN]).when(rename(projectId, 'other')).thenRefused('PROJECT_UNKNOWN');
    given(directory, [MAIN, deleted('p1', 'main')])
      .when(rename('p1', 'other'))
      .thenRefused('PROJECT_UNKNOWN');
  });

  it('are deleted when they are empty, once', () => {
    given(directory, [MAIN]).when(remove('p1', false)).thenRefused('STATE_CONFLICT');
    given(directory, [MAIN])
      .when(remove('p1'))
      .thenEvents([deleted('p1', 'main')]);
    given(directory, [MAIN, deleted('p1', 'main')])
      .when(remove('p1'))
      .thenNothing();
    given(directory, [MAIN, deleted('p1', 'main')])
      .when(remove('p1', false))
      .thenNothing();
  });

  it('that are not there are deleted without an event', () => {
    for (const projectId of ['p9', ...INHERITED])
      given(directory, [MAIN]).when(remove(projectId)).thenNothing();
  });

  it('recreated under a name are others', () => {
    const { state } = given(directory, [MAIN, deleted('p1', 'main'), created('p2', 'main')]);
    expect(state).toEqual({ byName: { main: 'p2' }, names: { p2: 'main' } });
  });
});

it('has one stream', () => expect(directoryStream()).toBe('directory-projects'));
