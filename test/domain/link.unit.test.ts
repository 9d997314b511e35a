import { describe, expect, it } from 'vitest';
import { link, linkStream } from '../../src/domain/link/link.ts';
import { given } from '../support/spec.ts';
import { REPOSITORY, sha256, sha512 } from './facts.ts';

const canonical = sha256('layer');
const alias = sha512('layer');
const blob = { repositoryId: REPOSITORY, canonical };
const at = (hours: number) => new Date(Date.UTC(2026, 0, 1) + hours * 3_600_000).toISOString();

/** A lease of a day, taken at an hour. */
const bring = (hour: number, more: { alias?: string; via?: 'upload' | 'mount' | 'promotion' } = {}) =>
  ({
    kind: 'LinkBlob',
    ...blob,
    size: 10,
    via: 'upload',
    now: at(hour),
    leaseUntil: at(hour + 24),
    ...more,
  }) as const;
const unlink = (cause: 'delete' | 'collection') => ({ kind: 'UnlinkBlob', ...blob, cause }) as const;
const linked = (hour: number, more: { alias?: string; via?: 'upload' | 'mount' | 'promotion' } = {}) =>
  ({
    type: 'BlobLinked',
    data: { ...blob, size: 10, via: 'upload', leaseUntil: at(hour + 24), ...more },
  }) as const;
const unlinked = (cause: 'delete' | 'collection') =>
  ({ type: 'BlobUnlinked', data: { ...blob, cause } }) as const;

describe('a link', () => {
  it.each(['upload', 'mount', 'promotion'] as const)('is made by %s', via => {
    given(link)
      .when(bring(0, { via }))
      .thenEvents([linked(0, { via })]);
  });

  it('keeps the digest as the client named it', () => {
    given(link)
      .when(bring(0, { alias }))
      .thenEvents([linked(0, { alias })]);
    expect(given(link, [linked(0, { alias })]).state.aliases).toEqual([alias]);
  });

  it('is not written again while at least half of its lease is left', () => {
    given(link, [linked(0)])
      .when(bring(1))
      .thenNothing();
    given(link, [linked(0)])
      .when(bring(12))
      .thenNothing();
  });

  it('is renewed when less than half of its lease is left', () => {
    given(link, [linked(0)])
      .when(bring(13))
      .thenEvents([linked(13)]);
    given(link, [linked(0)])
      .when(bring(48))
      .thenEvents([linked(48)]);
  });

  it('is written again for an alias that it does not know yet, once', () => {
    given(link, [linked(0)])
      .when(bring(1, { alias }))
      .thenEvents([linked(1, { alias })]);
    given(link, [linked(0, { alias })])
      .when(bring(1, { alias }))
      .thenNothing();
  });

  it('knows its aliases after a renewal that names none', () => {
    const { state } = given(link, [linked(0, { alias }), linked(24), linked(48, { alias })]);
    expect(state).toEqual({ linked: true, leaseUntil: at(72), aliases: [alias] });
  });

  it.each(['delete', 'collection'] as const)('is undone by %s, once', cause => {
    given(link, [linked(0)])
      .when(unlink(cause))
      .thenEvents([unlinked(cause)]);
    given(link, [linked(0), unlinked(cause)])
      .when(unlink(cause))
      .thenNothing();
    given(link).when(unlink(cause)).thenNothing();
  });

  it('is made again after it was undone, however young its lease', () => {
    given(link, [linked(0), unlinked('delete')])
      .when(bring(1))
      .thenEvents([linked(1)]);
  });

  it('has a stream in each repository', () => {
    expect(linkStream('repo-1', canonical)).toBe(`link-repo-1/${canonical}`);
  });
});
