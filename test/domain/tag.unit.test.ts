import { describe, expect, it } from 'vitest';
import { tag, tagStream } from '../../src/domain/tag/tag.ts';
import { eventsOf, given } from '../support/spec.ts';
import { REPOSITORY, sha256 } from './facts.ts';

const name = { repositoryId: REPOSITORY, package: 'team/app', tag: 'v1' };
const [A, B] = [sha256('a'), sha256('b')];

const assign = (version: string, incarnation: string, immutable = false) =>
  ({ kind: 'AssignTag', ...name, version, incarnation, immutable }) as const;
const remove = (more: { immutable?: boolean; incarnation?: string } = {}) =>
  ({ kind: 'RemoveTag', ...name, immutable: false, ...more }) as const;
const assigned = (version: string, incarnation: string, previousVersion?: string) =>
  ({
    type: 'TagAssigned',
    data: { ...name, version, incarnation, ...(previousVersion ? { previousVersion } : {}) },
  }) as const;
const removed = (version: string, incarnation: string) =>
  ({ type: 'TagRemoved', data: { ...name, version, incarnation } }) as const;

describe('a tag', () => {
  it('is assigned', () => {
    given(tag)
      .when(assign(A, 'a1'))
      .thenEvents([assigned(A, 'a1')]);
  });

  it('assigned again to the same incarnation changes nothing', () => {
    given(tag, [assigned(A, 'a1')])
      .when(assign(A, 'a1'))
      .thenNothing();
  });

  it('that moves says where from', () => {
    given(tag, [assigned(A, 'a1')])
      .when(assign(B, 'b1'))
      .thenEvents([assigned(B, 'b1', A)]);
  });

  it('moved A → B → A has changed three times', () => {
    expect(eventsOf(tag, [assign(A, 'a1'), assign(B, 'b1'), assign(A, 'a1')])).toEqual([
      assigned(A, 'a1'),
      assigned(B, 'b1', A),
      assigned(A, 'a1', B),
    ]);
  });

  it('names an incarnation: the same version published again is another, and did not move', () => {
    given(tag, [assigned(A, 'a1')])
      .when(assign(A, 'a2'))
      .thenEvents([assigned(A, 'a2')]);
  });

  it('is not revived when its version is deleted and pushed again', () => {
    // the tag still names the first incarnation; nothing but another AssignTag makes it name the second
    expect(given(tag, [assigned(A, 'a1')]).state).toEqual({ assigned: true, version: A, incarnation: 'a1' });
  });

  it('is removed, whatever it names', () => {
    given(tag, [assigned(A, 'a1')])
      .when(remove())
      .thenEvents([removed(A, 'a1')]);
  });

  it('is removed for an incarnation only while it names that one', () => {
    given(tag, [assigned(A, 'a1')])
      .when(remove({ incarnation: 'a1' }))
      .thenEvents([removed(A, 'a1')]);
    given(tag, [assigned(A, 'a2')])
      .when(remove({ incarnation: 'a1' }))
      .thenNothing();
  });

  it('that is not there is removed without an event', () => {
    given(tag).when(remove()).thenNothing();
    given(tag)
      .when(remove({ immutable: true }))
      .thenNothing();
    given(tag, [assigned(A, 'a1'), removed(A, 'a1')])
      .when(remove())
      .thenNothing();
  });

  it('assigned after its removal moved from nowhere', () => {
    given(tag, [assigned(A, 'a1'), removed(A, 'a1')])
      .when(assign(B, 'b1'))
      .thenEvents([assigned(B, 'b1')]);
    given(tag, [assigned(A, 'a1'), removed(A, 'a1')])
      .when(assign(A, 'a1'))
      .thenEvents([assigned(A, 'a1')]);
  });
});

describe('an immutable tag', () => {
  it('is assigned once', () => {
    given(tag)
      .when(assign(A, 'a1', true))
      .thenEvents([assigned(A, 'a1')]);
    given(tag, [assigned(A, 'a1')])
      .when(assign(A, 'a1', true))
      .thenNothing();
  });

  it('cannot be moved', () => {
    const refusal = given(tag, [assigned(A, 'a1')])
      .when(assign(B, 'b1', true))
      .thenRefused('TAG_IMMUTABLE');
    expect(refusal.detail.reason).toContain(A);
  });

  it('cannot be removed, not even for its own incarnation', () => {
    given(tag, [assigned(A, 'a1')])
      .when(remove({ immutable: true }))
      .thenRefused('TAG_IMMUTABLE');
    given(tag, [assigned(A, 'a1')])
      .when(remove({ immutable: true, incarnation: 'a1' }))
      .thenRefused('TAG_IMMUTABLE');
  });

  it('leaves a removal alone that concerns another incarnation', () => {
    given(tag, [assigned(A, 'a2')])
      .when(remove({ immutable: true, incarnation: 'a1' }))
      .thenNothing();
  });

  it('names no other version after its removal', () => {
    given(tag, [assigned(A, 'a1'), removed(A, 'a1')])
      .when(assign(B, 'b1', true))
      .thenRefused('TAG_IMMUTABLE');
  });

  it('may name the same version again: after its removal, and in its next incarnation', () => {
    given(tag, [assigned(A, 'a1'), removed(A, 'a1')])
      .when(assign(A, 'a2', true))
      .thenEvents([assigned(A, 'a2')]);
    given(tag, [assigned(A, 'a1')])
      .when(assign(A, 'a2', true))
      .thenEvents([assigned(A, 'a2')]);
  });
});

it('has a stream of its own', () => {
  expect(tagStream(name)).toBe('tag-repo-1/team/app:v1');
});
