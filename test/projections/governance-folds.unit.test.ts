import { describe, expect, test } from 'vitest';
import { grants, passwords, principals, tokens } from '../../src/projections/access/view.ts';
import { activity } from '../../src/projections/activity/view.ts';
import { attachments } from '../../src/projections/attachments/view.ts';
import { collections } from '../../src/projections/collections/view.ts';
import { denials } from '../../src/projections/denials/view.ts';
import { projects, repositories } from '../../src/projections/directory/view.ts';
import { promotions } from '../../src/projections/promotions/view.ts';
import { type Given, rowsOf } from './given.ts';
import { sha } from './history.ts';

const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;

describe('directory', () => {
  const created: Given = { type: 'ProjectCreated', data: { projectId: 'p', name: 'one' } };

  test('projects are named, renamed and gone', () => {
    const renamed: Given = {
      type: 'ProjectRenamed',
      data: { projectId: 'p', name: 'two', previousName: 'one' },
    };
    expect(rowsOf(projects, [created, renamed])).toEqual([
      { projectId: 'p', name: 'two', createdAt: at(1), createdBy: 'user-0' },
    ]);
    const deleted: Given = { type: 'ProjectDeleted', data: { projectId: 'p', name: 'two' } };
    expect(rowsOf(projects, [created, renamed, deleted])).toEqual([]);
  });

  const repository: Given = {
    type: 'RepositoryCreated',
    data: { projectId: 'p', repositoryId: 'r', name: 'oci', format: 'oci', kind: 'hosted' },
  };

  test('a repository begins with the default settings and takes changes', () => {
    expect(rowsOf(repositories, [repository])).toMatchObject([
      {
        visibility: 'private',
        immutableVersions: true,
        immutableTags: [],
        recording: 'counted',
        deletedAt: null,
      },
    ]);
    const changes: Given[] = [
      { type: 'RepositoryVisibilitySet', data: { repositoryId: 'r', visibility: 'public' } },
      {
        type: 'RepositoryImmutabilitySet',
        data: { repositoryId: 'r', versions: false, tagPatterns: ['v*'] },
      },
      { type: 'RepositoryRecordingSet', data: { repositoryId: 'r', mode: 'each' } },
      {
        type: 'RepositoryRenamed',
        data: { projectId: 'p', repositoryId: 'r', name: 'docker', previousName: 'oci' },
      },
    ];
    expect(rowsOf(repositories, [repository, ...changes])).toMatchObject([
      {
        name: 'docker',
        visibility: 'public',
        immutableVersions: false,
        immutableTags: ['v*'],
        recording: 'each',
      },
    ]);
    expect(rowsOf(repositories, changes)).toEqual([]);
  });

  test('a deleted repository keeps its row with the time', () => {
    const deleted: Given = {
      type: 'RepositoryDeleted',
      data: { projectId: 'p', repositoryId: 'r', name: 'oci' },
    };
    expect(rowsOf(repositories, [repository, deleted])).toMatchObject([{ deletedAt: at(2) }]);
  });
});

describe('access', () => {
  const created: Given = {
    type: 'PrincipalCreated',
    data: { principalId: 'u', kind: 'user', nameHash: 'hash', name: 'sealed' },
  };

  test('principals are disabled, enabled and gone', () => {
    const disabled: Given = { type: 'PrincipalDisabled', data: { principalId: 'u' } };
    const enabled: Given = { type: 'PrincipalEnabled', data: { principalId: 'u' } };
    expect(rowsOf(principals, [created])).toMatchObject([{ principalId: 'u', disabled: false }]);
    expect(rowsOf(principals, [created, disabled])).toMatchObject([{ disabled: true }]);
    expect(rowsOf(principals, [created, disabled, enabled])).toMatchObject([{ disabled: false }]);
    expect(rowsOf(principals, [created, { type: 'PrincipalDeleted', data: { principalId: 'u' } }])).toEqual(
      [],
    );
  });

  test('the last password counts', () => {
    const set = (secretId: string): Given => ({ type: 'PasswordSet', data: { principalId: 'u', secretId } });
    expect(rowsOf(passwords, [set('a'), set('b')])).toEqual([
      { principalId: 'u', secretId: 'b', setAt: at(2) },
    ]);
  });

  test('a revoked token stays, with the time', () => {
    const limits = { scopes: [{ kind: 'instance' as const }] };
    const issued: Given = {
      type: 'TokenIssued',
      data: { principalId: 'u', tokenId: 't', label: 'sealed', limits },
    };
    const revoked: Given = { type: 'TokenRevoked', data: { principalId: 'u', tokenId: 't' } };
    expect(rowsOf(tokens, [issued])).toMatchObject([{ limits, expiresAt: null, revokedAt: null }]);
    expect(rowsOf(tokens, [issued, revoked])).toMatchObject([{ revokedAt: at(2) }]);
  });

  test('roles are granted by scope and taken away', () => {
    const scope = { kind: 'project' as const, id: 'p' };
    const granted = (role: 'viewer' | 'admin'): Given => ({
      type: 'RoleGranted',
      data: { scope, principalId: 'u', role },
    });
    const revoked: Given = { type: 'RoleRevoked', data: { scope, principalId: 'u', role: 'admin' } };
    expect(rowsOf(grants, [granted('viewer'), granted('admin'), revoked])).toEqual([
      {
        scope,
        scopeKey: 'project-p',
        principalId: 'u',
        role: 'viewer',
        grantedAt: at(1),
        grantedBy: 'user-0',
      },
    ]);
  });
});

describe('attachments', () => {
  const scope = { kind: 'instance' as const };
  const attached: Given = {
    type: 'PolicyAttached',
    data: { scope, attachmentId: 'a', set: 'tags', module: sha('m'), level: 'hard' },
  };

  test('are attached, change their level and are detached', () => {
    const softer: Given = {
      type: 'PolicyLevelSet',
      data: { scope, attachmentId: 'a', level: 'soft', previousLevel: 'hard' },
    };
    expect(rowsOf(attachments, [attached, softer])).toMatchObject([
      { scopeKey: 'instance', attachmentId: 'a', level: 'soft', params: null, attachedAt: at(1) },
    ]);
    expect(
      rowsOf(attachments, [attached, { type: 'PolicyDetached', data: { scope, attachmentId: 'a' } }]),
    ).toEqual([]);
  });
});

describe('promotions', () => {
  const side = (name: string) => ({ projectId: name, repositoryId: `${name}-r` });
  const requested: Given = {
    type: 'PromotionRequested',
    data: {
      promotionId: 'x',
      from: side('dev'),
      to: side('prod'),
      package: 'app',
      version: sha('m'),
      closure: [{ version: sha('m'), incarnation: 'one' }],
      approvals: 0,
    },
  };

  test('are open until they are completed or refused', () => {
    expect(rowsOf(promotions, [requested])).toMatchObject([
      {
        status: 'requested',
        fromRepositoryId: 'dev-r',
        toRepositoryId: 'prod-r',
        tag: null,
        finishedAt: null,
      },
    ]);
    const completed: Given = { type: 'PromotionCompleted', data: { promotionId: 'x' } };
    expect(rowsOf(promotions, [requested, completed])).toMatchObject([
      { status: 'completed', finishedAt: at(2) },
    ]);
    const refused: Given = { type: 'PromotionRefused', data: { promotionId: 'x', code: 'POLICY_DENIED' } };
    expect(rowsOf(promotions, [requested, refused])).toMatchObject([
      { status: 'refused', code: 'POLICY_DENIED', open: false },
    ]);
  });

  test('wait until they have the approvals that they ask for', () => {
    const asked: Given = {
      type: 'PromotionRequested',
      data: { ...requested.data, approvals: 2, expiresAt: at(9), closureDigest: sha('c') },
    } as Given;
    const approved = (by: string): Given => ({
      type: 'PromotionApproved',
      data: { promotionId: 'x', by, closureDigest: sha('c'), reason: 'sealed' },
    });
    expect(rowsOf(promotions, [asked, approved('bob')])).toMatchObject([
      { status: 'waiting', open: true, required: 2, approvals: [{ by: 'bob', at: at(2), reason: 'sealed' }] },
    ]);
    const both = [asked, approved('bob'), approved('eve')];
    expect(rowsOf(promotions, both)).toMatchObject([{ status: 'requested', open: true }]);
    const ends: Given[] = [
      { type: 'PromotionRejected', data: { promotionId: 'x', by: 'bob', reason: 'sealed why' } },
      { type: 'PromotionWithdrawn', data: { promotionId: 'x', reason: 'sealed why' } },
    ];
    expect(ends.map(end => rowsOf(promotions, [asked, end])[0])).toMatchObject([
      { status: 'rejected', finishedReason: 'sealed why', open: false },
      { status: 'withdrawn', finishedReason: 'sealed why', open: false },
    ]);
    const expired: Given = { type: 'PromotionExpired', data: { promotionId: 'x' } };
    expect(rowsOf(promotions, [asked, expired])).toMatchObject([
      { status: 'expired', finishedAt: at(2), finishedReason: null },
    ]);
  });
});

describe('activity', () => {
  test('has one row per event, with what it is about', () => {
    const rows = rowsOf(activity, [
      {
        type: 'TagAssigned',
        data: { repositoryId: 'r', package: 'app', tag: 'latest', version: sha('m'), incarnation: 'i' },
        meta: { projectId: 'p', repositoryId: 'r', decision: { outcome: 'allow', sets: [{ set: 'tags' }] } },
      },
      {
        type: 'SubjectHeld',
        data: { subject: sha('l'), holdId: 'h', kind: 'manual', reason: 'sealed' },
        meta: { actor: 'user-7', decision: { outcome: 'allow', sets: [] } },
      },
      {
        type: 'PackageRegistered',
        data: { repositoryId: 'r', format: 'oci', name: 'app', displayName: 'app' },
      },
    ]);
    expect(rows).toMatchObject([
      {
        position: '01',
        projectId: 'p',
        repositoryId: 'r',
        package: 'app',
        tag: 'latest',
        outcome: 'allow',
        decided: true,
      },
      {
        actor: 'user-7',
        subject: sha('l'),
        repositoryId: null,
        package: null,
        outcome: 'allow',
        decided: false,
      },
      {
        type: 'PackageRegistered',
        package: 'app',
        outcome: null,
        decided: false,
        stream: 'stream-PackageRegistered',
      },
    ]);
  });
});

describe('denials', () => {
  const denied = (count: number, target = 'r'): Given => ({
    type: 'RequestsDenied',
    data: {
      actor: 'u',
      action: 'push',
      codes: ['FORBIDDEN'],
      target,
      minute: '2026-01-01T00:00:00.000Z',
      count,
    },
  });

  test('what several nodes counted in a minute is added up', () => {
    expect(rowsOf(denials, [denied(2), denied(3)])).toMatchObject([{ count: 5, recordedAt: at(2) }]);
  });

  test('another target is another row', () => {
    expect(rowsOf(denials, [denied(2), denied(3, 'other')])).toHaveLength(2);
  });
});

describe('collections', () => {
  const collected: Given = {
    type: 'BlobsCollected',
    data: { runId: 'x', blobs: [{ canonical: sha('b'), size: 5 }] },
  };

  test('a run that was cut short shows what it removed', () => {
    expect(rowsOf(collections, [collected, collected])).toMatchObject([
      { startedAt: at(1), completed: false, removed: 2, bytes: 10, position: '01' },
    ]);
  });

  test('a completed run shows its own totals', () => {
    const completed: Given = {
      type: 'CollectionCompleted',
      data: { runId: 'x', examined: 9, removed: 1, bytes: 5 },
    };
    expect(rowsOf(collections, [collected, completed])).toMatchObject([
      { completed: true, completedAt: at(2), examined: 9, removed: 1, bytes: 5 },
    ]);
  });
});
