import { describe, expect, it } from 'vitest';
import { type PlacementCommand, placement, placementStream } from '../../src/domain/placement/placement.ts';
import type { HoldKind } from '../../src/domain/values/schemas.ts';
import { eventsOf, given } from '../support/spec.ts';
import { INHERITED, MANIFEST, REPOSITORY, sha256 } from './facts.ts';

const place = { repositoryId: REPOSITORY, package: 'team/app', version: sha256('manifest') };
const file = (seed: string, name = 'manifest') => ({
  name,
  digest: sha256(seed),
  canonical: sha256(seed),
  size: 512,
  mediaType: MANIFEST,
});
const content = { format: 'oci', mediaType: MANIFEST, files: [file('manifest')], references: [] };

type Publish = Extract<PlacementCommand, { kind: 'PublishVersion' }>;
const publish = (incarnation = 'i1', more: Partial<Publish> = {}): Publish => ({
  kind: 'PublishVersion',
  ...place,
  incarnation,
  ...content,
  ...more,
});
const remove = { kind: 'DeleteVersion', ...place } as const;
const restore = { kind: 'RestoreVersion', ...place } as const;
const hold = (holdId: string, holdKind: HoldKind = 'manual') =>
  ({ kind: 'HoldVersion', ...place, holdId, holdKind, reason: 'sealed:why' }) as const;
const lift = (holdId: string, holdKind: HoldKind = 'manual', reason?: string) =>
  ({ kind: 'LiftHold', ...place, holdId, holdKind, reason }) as const;

const published = (incarnation = 'i1') =>
  ({ type: 'VersionPublished', data: { ...place, incarnation, ...content } }) as const;
const deleted = (incarnation = 'i1') =>
  ({ type: 'VersionDeleted', data: { ...place, incarnation } }) as const;
const restored = (incarnation = 'i1') =>
  ({ type: 'VersionRestored', data: { ...place, incarnation } }) as const;
const held = (holdId: string, kind: HoldKind = 'manual', incarnation = 'i1') =>
  ({ type: 'VersionHeld', data: { ...place, incarnation, holdId, kind, reason: 'sealed:why' } }) as const;
const lifted = (holdId: string, kind: HoldKind = 'manual', incarnation = 'i1') =>
  ({ type: 'VersionHoldLifted', data: { ...place, incarnation, holdId, kind } }) as const;

describe('publishing', () => {
  it('begins the first incarnation', () => {
    given(placement).when(publish()).thenEvents([published()]);
  });

  it('keeps what the version is an artifact of, and where it came from', () => {
    const provenance = {
      promotionId: 'p1',
      fromRepositoryId: 'repo-0',
      fromIncarnation: 'i0',
      publishedBy: 'user-1',
    };
    const artifactType = 'application/spdx+json';
    given(placement)
      .when(publish('i1', { artifactType, provenance }))
      .thenEvents([{ type: 'VersionPublished', data: { ...published().data, artifactType, provenance } }]);
  });

  it('the same content again changes nothing, whoever asks with which incarnation', () => {
    given(placement, [published()]).when(publish('i2')).thenNothing();
  });

  it.each([
    ['other bytes', { files: [file('other')] }],
    ['another name', { files: [file('manifest', 'renamed')] }],
    ['one file more', { files: [file('manifest'), file('more', 'more')] }],
    ['another media type', { mediaType: 'application/vnd.oci.image.index.v1+json' }],
  ])('%s under a live version is refused', (_what, more) => {
    given(placement, [published()]).when(publish('i2', more)).thenRefused('VERSION_EXISTS');
  });

  it('fewer files than are live is refused', () => {
    const two = { ...published().data, files: [file('manifest'), file('more', 'more')] };
    given(placement, [{ type: 'VersionPublished', data: two }])
      .when(publish())
      .thenRefused('VERSION_EXISTS');
  });

  it('after a deletion begins the next incarnation, also with other content', () => {
    given(placement, [published(), deleted()])
      .when(publish('i2'))
      .thenEvents([published('i2')]);
    given(placement, [published(), deleted()])
      .when(publish('i2', { files: [file('other')] }))
      .thenEvents([{ type: 'VersionPublished', data: { ...published('i2').data, files: [file('other')] } }]);
  });
});

describe('deleting and restoring', () => {
  it('deletes what is live, once', () => {
    given(placement, [published()]).when(remove).thenEvents([deleted()]);
    given(placement, [published(), deleted()]).when(remove).thenNothing();
    given(placement).when(remove).thenNothing();
  });

  it('restores the incarnation that was deleted, once', () => {
    given(placement, [published(), deleted()]).when(restore).thenEvents([restored()]);
    given(placement, [published(), deleted(), restored()]).when(restore).thenNothing();
    given(placement, [published()]).when(restore).thenNothing();
  });

  it('what never was cannot be restored', () => {
    given(placement).when(restore).thenRefused('VERSION_UNKNOWN');
  });

  it('a restored version takes the same content without an event', () => {
    given(placement, [published(), deleted(), restored()]).when(publish('i2')).thenNothing();
  });
});

describe('holds', () => {
  it('hold a version, each by its id', () => {
    given(placement, [published()])
      .when(hold('h1'))
      .thenEvents([held('h1')]);
    given(placement, [published(), held('h1')])
      .when(hold('h2', 'scan'))
      .thenEvents([held('h2', 'scan')]);
  });

  it('placed again change nothing, not even their kind', () => {
    given(placement, [published(), held('h1')])
      .when(hold('h1'))
      .thenNothing();
    given(placement, [published(), held('h1')])
      .when(hold('h1', 'scan'))
      .thenNothing();
  });

  it('hold a deleted version too', () => {
    given(placement, [published(), deleted()])
      .when(hold('h1'))
      .thenEvents([held('h1')]);
  });

  it('cannot hold what never was', () => {
    given(placement).when(hold('h1')).thenRefused('VERSION_UNKNOWN');
  });

  it('are lifted once, with a reason when there is one', () => {
    given(placement, [published(), held('h1')])
      .when(lift('h1'))
      .thenEvents([lifted('h1')]);
    given(placement, [published(), held('h1')])
      .when(lift('h1', 'manual', 'sealed:fine'))
      .thenEvents([{ type: 'VersionHoldLifted', data: { ...lifted('h1').data, reason: 'sealed:fine' } }]);
    given(placement, [published(), held('h1'), lifted('h1')])
      .when(lift('h1'))
      .thenRefused('HOLD_UNKNOWN');
  });

  it.each(['manual', 'policy', 'scan'] as const)('of kind %s are lifted by their own kind only', kind => {
    const history = [published(), held('h1', kind)];
    for (const other of ['manual', 'policy', 'scan'] as const) {
      if (other === kind) continue;
      given(placement, history).when(lift('h1', other)).thenRefused('STATE_CONFLICT');
    }
    given(placement, history)
      .when(lift('h1', kind))
      .thenEvents([lifted('h1', kind)]);
  });

  it('are independent: lifting one leaves the others', () => {
    const history = [published(), held('h1'), held('h2', 'policy'), held('h3', 'scan'), lifted('h1')];
    expect(given(placement, history).state.holds).toEqual({ h2: 'policy', h3: 'scan' });
    given(placement, history).when(lift('h1')).thenRefused('HOLD_UNKNOWN');
  });

  it('survive deleting, restoring and publishing again', () => {
    expect(given(placement, [published(), held('h1'), deleted(), restored()]).state.holds).toEqual({
      h1: 'manual',
    });
    const again = [published(), held('h1'), deleted(), published('i2')];
    expect(given(placement, again).state).toMatchObject({ incarnation: 'i2', holds: { h1: 'manual' } });
    given(placement, again)
      .when(lift('h1'))
      .thenEvents([lifted('h1', 'manual', 'i2')]);
  });

  it('that nobody placed cannot be lifted', () => {
    for (const holdId of ['h9', ...INHERITED])
      given(placement, [published()]).when(lift(holdId)).thenRefused('HOLD_UNKNOWN');
  });

  it.each(INHERITED)('may have the id %s', holdId => {
    given(placement, [published()])
      .when(hold(holdId))
      .thenEvents([held(holdId)]);
    given(placement, [published(), held(holdId)])
      .when(lift(holdId))
      .thenEvents([lifted(holdId)]);
  });
});

it('A → B → A of one version is three changes', () => {
  const other = { files: [file('other')] };
  const commands = [publish('i1'), remove, publish('i2', other), remove, publish('i3')];
  const events = eventsOf(placement, commands).filter(({ type }) => type === 'VersionPublished');
  expect(events.map(({ data }) => data.incarnation)).toEqual(['i1', 'i2', 'i3']);
});

it('has a stream of its own', () => {
  expect(placementStream({ ...place, version: '1.0.0' })).toBe('placement-repo-1/team/app@1.0.0');
});
