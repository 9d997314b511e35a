import { describe, expect, it } from 'vitest';
import {
  DEFAULT_SETTINGS,
  globMatches,
  isImmutableTag,
  repository,
  repositoryStream,
} from '../../src/domain/repository/repository.ts';
import { given } from '../support/spec.ts';

const repositoryId = 'repo-1';
const visibility = (value: 'private' | 'public') =>
  ({ kind: 'SetVisibility', repositoryId, visibility: value }) as const;
const immutability = (versions: boolean, tagPatterns: readonly string[]) =>
  ({ kind: 'SetImmutability', repositoryId, versions, tagPatterns }) as const;
const recording = (mode: 'each' | 'counted' | 'off') =>
  ({ kind: 'SetRecording', repositoryId, mode }) as const;
const visibilitySet = (value: 'private' | 'public') =>
  ({ type: 'RepositoryVisibilitySet', data: { repositoryId, visibility: value } }) as const;
const immutabilitySet = (versions: boolean, tagPatterns: string[]) =>
  ({ type: 'RepositoryImmutabilitySet', data: { repositoryId, versions, tagPatterns } }) as const;
const recordingSet = (mode: 'each' | 'counted' | 'off') =>
  ({ type: 'RepositoryRecordingSet', data: { repositoryId, mode } }) as const;

describe('settings of a repository', () => {
  it('begin private, immutable in versions and counted', () => {
    expect(given(repository).state).toEqual({
      visibility: 'private',
      immutableVersions: true,
      immutableTags: [],
      recording: 'counted',
      requiredApprovals: 0,
    });
    expect(given(repository).state).toEqual(DEFAULT_SETTINGS);
  });

  it('set to what they are change nothing, also by default', () => {
    given(repository).when(visibility('private')).thenNothing();
    given(repository).when(immutability(true, [])).thenNothing();
    given(repository).when(recording('counted')).thenNothing();
    given(repository, [visibilitySet('public')])
      .when(visibility('public'))
      .thenNothing();
    given(repository, [recordingSet('off')])
      .when(recording('off'))
      .thenNothing();
  });

  it('ask for 0 to 10 approvals', () => {
    const ask = (required: number) => ({ kind: 'SetApprovals', repositoryId, required }) as const;
    const set = { type: 'RepositoryApprovalsSet', data: { repositoryId, required: 2 } } as const;
    given(repository).when(ask(2)).thenEvents([set]);
    given(repository, [set]).when(ask(2)).thenNothing();
    expect(given(repository, [set]).state.requiredApprovals).toBe(2);
    given(repository).when(ask(0)).thenNothing();
    for (const wrong of [-1, 11, 1.5]) given(repository).when(ask(wrong)).thenRefused('REQUEST_INVALID');
  });

  it('change one by one', () => {
    given(repository)
      .when(visibility('public'))
      .thenEvents([visibilitySet('public')]);
    given(repository)
      .when(recording('each'))
      .thenEvents([recordingSet('each')]);
    given(repository)
      .when(immutability(false, []))
      .thenEvents([immutabilitySet(false, [])]);
    const { state } = given(repository, [
      visibilitySet('public'),
      recordingSet('off'),
      immutabilitySet(false, ['v*']),
    ]);
    expect(state).toEqual({
      visibility: 'public',
      recording: 'off',
      requiredApprovals: 0,
      immutableVersions: false,
      immutableTags: ['v*'],
    });
  });

  it('leave each other alone, whichever changed last', () => {
    const all = [visibilitySet('public'), recordingSet('off'), immutabilitySet(false, ['v*'])];
    const { state } = given(repository, all);
    for (const last of all) expect(given(repository, [...all, last]).state).toEqual(state);
  });

  it('private → public → private is three states', () => {
    given(repository, [visibilitySet('public')])
      .when(visibility('private'))
      .thenEvents([visibilitySet('private')]);
  });

  it('keep tag patterns sorted and once, so that their order is no change', () => {
    given(repository)
      .when(immutability(true, ['v*', 'release-?', 'v*']))
      .thenEvents([immutabilitySet(true, ['release-?', 'v*'])]);
    given(repository, [immutabilitySet(true, ['release-?', 'v*'])])
      .when(immutability(true, ['v*', 'release-?']))
      .thenNothing();
    given(repository, [immutabilitySet(true, ['v*'])])
      .when(immutability(false, ['v*']))
      .thenEvents([immutabilitySet(false, ['v*'])]);
  });

  it('take at most 50 tag patterns', () => {
    const patterns = Array.from({ length: 51 }, (_, n) => `v${n}`);
    given(repository).when(immutability(true, patterns)).thenRefused('REQUEST_INVALID');
    given(repository)
      .when(immutability(true, patterns.slice(1)))
      .thenEvents([immutabilitySet(true, patterns.slice(1).sort())]);
  });

  it('have a stream for each repository', () => {
    expect(repositoryStream(repositoryId)).toBe('repository-repo-1');
  });
});

describe('globs', () => {
  it.each([
    ['', ''],
    ['*', ''],
    ['*', 'anything'],
    ['**', 'x'],
    ['v1', 'v1'],
    ['v*', 'v'],
    ['v*', 'v1.2.3'],
    ['v?', 'v1'],
    ['?', 'x'],
    ['*.0', '1.0.0'],
    ['v*.*', 'v1.2'],
    ['a*b*c', 'a-b-b-c'],
    ['*ab', 'aab'],
    ['v1*', 'v1**'],
  ])('%j matches %j', (pattern, text) => {
    expect(globMatches(pattern, text)).toBe(true);
  });

  it.each([
    ['', 'x'],
    ['?', ''],
    ['v1', 'v12'],
    ['v1', 'V1'],
    ['v?', 'v'],
    ['v?', 'v12'],
    ['*.0', '1.0.1'],
    ['v*.*', 'v1'],
    ['a*b*c', 'a-c-b'],
    ['v.', 'v1'],
    ['[ab]', 'a'],
    ['v1', 'xv1'],
  ])('%j does not match %j', (pattern, text) => {
    expect(globMatches(pattern, text)).toBe(false);
  });

  it('take no exponential time', () => {
    const steps = 20_000;
    expect(globMatches(`${'a*'.repeat(60)}b`, 'a'.repeat(steps))).toBe(false);
  });

  it('cover a tag when any of them does', () => {
    expect(isImmutableTag(['release-*', 'v?'], 'v1')).toBe(true);
    expect(isImmutableTag(['release-*', 'v?'], 'latest')).toBe(false);
    expect(isImmutableTag([], 'latest')).toBe(false);
  });
});
