/** Arbitrary commands for every decider, from few names and ids, so that they meet. */
import fc from 'fast-check';
import { credentials } from '../../src/domain/access/credentials.ts';
import { grants } from '../../src/domain/access/grants.ts';
import { principals } from '../../src/domain/access/principals.ts';
import { directory } from '../../src/domain/directory/directory.ts';
import type { Aggregate } from '../../src/domain/kernel/decider.ts';
import type { EventMap } from '../../src/domain/kernel/event.ts';
import { link } from '../../src/domain/link/link.ts';
import { packageAggregate } from '../../src/domain/package/package.ts';
import { placement } from '../../src/domain/placement/placement.ts';
import { LEVELS, policy } from '../../src/domain/policy/policy.ts';
import { project } from '../../src/domain/project/project.ts';
import { promotion } from '../../src/domain/promotion/promotion.ts';
import { repository } from '../../src/domain/repository/repository.ts';
import { subject } from '../../src/domain/subject/subject.ts';
import { tag } from '../../src/domain/tag/tag.ts';
import { ROLES } from '../../src/domain/values/actions.ts';
import { MANIFEST, sha256, sha512 } from './facts.ts';

const some = <const T>(...values: readonly T[]) => fc.constantFrom(...values);
const just = <const T>(value: T) => fc.constant(value);
const record = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> => fc.record(shape);

/** As ids, what every object inherits is as good as any. */
const id = some('x1', 'x2', 'x3', 'constructor', '__proto__');
const slug = some('main', 'other', 'constructor');
const holdKind = some('manual', 'policy', 'scan');
const reason = fc.option(just('sealed:why'), { nil: undefined });
const digest = some(sha256('a'), sha256('b'));
const incarnation = some('i1', 'i2', 'i3');

const name = { repositoryId: just('repo-1'), package: just('team/app'), tag: just('v1') };
export const tagCommand = fc.oneof(
  record({ kind: just('AssignTag'), ...name, version: digest, incarnation, immutable: fc.boolean() }),
  record({
    kind: just('RemoveTag'),
    ...name,
    immutable: fc.boolean(),
    incarnation: fc.option(incarnation, { nil: undefined }),
  }),
);

const place = { repositoryId: just('repo-1'), package: just('team/app'), version: just('1.0.0') };
const file = fc.tuple(digest, some('manifest', 'second', '__proto__')).map(([canonical, fileName]) => ({
  name: fileName,
  digest: canonical,
  canonical,
  size: 1,
  mediaType: MANIFEST,
}));
const files = fc.uniqueArray(file, { minLength: 1, maxLength: 2, selector: ({ name: of }) => of });
export const placementCommand = fc.oneof(
  record({
    kind: just('PublishVersion'),
    ...place,
    incarnation,
    format: just('oci'),
    mediaType: just(MANIFEST),
    files,
    references: just([]),
  }),
  record({ kind: some('DeleteVersion', 'RestoreVersion'), ...place }),
  record({ kind: just('HoldVersion'), ...place, holdId: id, holdKind, reason: just('sealed:why') }),
  record({ kind: just('LiftHold'), ...place, holdId: id, holdKind, reason }),
);

const description = some(undefined, sha256('description'));
/** A version of a package: files over time, marks, staging. */
export const versionCommand = fc.oneof(
  record({
    kind: just('PublishVersion'),
    ...place,
    incarnation,
    format: just('generic'),
    mediaType: just(MANIFEST),
    files,
    references: just([]),
    metadata: description,
    rules: record({ multiFile: fc.boolean(), replace: fc.boolean(), reuse: some('any', 'same', 'never') }),
    staged: some(undefined, { holdId: 's1', reason: 'sealed:why' }),
  }),
  record({ kind: just('RemoveFile'), ...place, name: some('manifest', 'second', '__proto__') }),
  record({ kind: some('DeleteVersion', 'RestoreVersion', 'LiftDeprecation', 'LiftYank'), ...place }),
  record({ kind: just('DeprecateVersion'), ...place, message: just('sealed:why') }),
  record({ kind: just('YankVersion'), ...place, reason: just('sealed:why') }),
);

export const at = (hours: number) => new Date(Date.UTC(2026, 0, 1) + hours * 3_600_000).toISOString();
const blob = { repositoryId: just('repo-1'), canonical: just(sha256('layer')) };
export const linkCommand = fc.oneof(
  fc.nat({ max: 96 }).chain(hour =>
    record({
      kind: just('LinkBlob'),
      ...blob,
      alias: some(undefined, sha512('layer'), sha512('other')),
      size: just(10),
      via: some('upload', 'mount', 'promotion'),
      now: just(at(hour)),
      leaseUntil: just(at(hour + 24)),
    }),
  ),
  record({ kind: just('UnlinkBlob'), ...blob, cause: some('delete', 'collection') }),
);

const scope = some({ kind: 'instance' }, { kind: 'project', id: 'p1' });
export const grantCommand = record({
  kind: some('GrantRole', 'RevokeRole'),
  scope: just({ kind: 'instance' }),
  principalId: id,
  role: some(...ROLES),
});

const instance = just({ kind: 'instance' });
export const policyCommand = fc.oneof(
  record({
    kind: just('AttachPolicy'),
    scope: instance,
    attachmentId: id,
    set: some('one', 'two'),
    module: digest,
    level: some(...LEVELS),
    params: some(undefined, { patterns: ['v*'] }),
  }),
  record({ kind: just('SetLevel'), scope: instance, attachmentId: id, level: some(...LEVELS) }),
  record({ kind: just('DetachPolicy'), scope: instance, attachmentId: id }),
  record({ kind: just('BreakGlass'), scope: instance, attachmentId: id, reason: just('sealed:why') }),
);

const subjectCommand = fc.oneof(
  record({ kind: just('HoldSubject'), subject: digest, holdId: id, holdKind, reason: just('sealed:why') }),
  record({ kind: just('LiftSubjectHold'), subject: digest, holdId: id, holdKind, reason }),
  record({
    kind: just('JudgeSubject'),
    subject: digest,
    judge: id,
    verdict: some('clean', 'suspect', 'malicious'),
    evidence: some(undefined, sha256('one'), sha256('two')),
  }),
);

const directoryCommand = fc.oneof(
  record({ kind: some('CreateProject', 'RenameProject'), projectId: id, name: slug }),
  record({ kind: just('DeleteProject'), projectId: id, empty: fc.boolean() }),
);

const projectCommand = fc.oneof(
  record({
    kind: just('CreateRepository'),
    projectId: just('p1'),
    repositoryId: id,
    name: slug,
    format: some('oci', 'npm'),
    repositoryKind: some('hosted', 'hosted', 'proxy', 'virtual'),
  }),
  record({ kind: just('RenameRepository'), projectId: just('p1'), repositoryId: id, name: slug }),
  record({ kind: just('DeleteRepository'), projectId: just('p1'), repositoryId: id }),
);

const repositoryId = just('repo-1');
const repositoryCommand = fc.oneof(
  record({ kind: just('SetVisibility'), repositoryId, visibility: some('private', 'public') }),
  record({
    kind: just('SetImmutability'),
    repositoryId,
    versions: fc.boolean(),
    tagPatterns: fc.array(some('v*', 'release-?', '*'), { maxLength: 60 }),
  }),
  record({ kind: just('SetRecording'), repositoryId, mode: some('each', 'counted', 'off') }),
  record({ kind: just('SetApprovals'), repositoryId, required: some(0, 1, 2, 11) }),
);

const packageCommand = record({
  kind: just('RegisterPackage'),
  repositoryId,
  format: just('python'),
  name: just('my-pkg'),
  displayName: some('my-pkg', 'My_Pkg'),
});

const side = some({ projectId: 'p1', repositoryId: 'r1' }, { projectId: 'p1', repositoryId: 'r2' });
const promotionId = just('promo-1');
const who = some('ann', 'bob', 'eve');
const lease = record({ holder: some('run-1', 'run-2'), until: some(at(1), at(2), at(3)) });
const now = some(at(0), at(0), at(1), at(2), at(4));
const why = just('sealed:why');
const often = <T>(arbitrary: fc.Arbitrary<T>) => ({ weight: 5, arbitrary });
/** What brings a promotion on comes often enough that some are completed. */
export const promotionCommand = fc.oneof(
  record({
    kind: just('RequestPromotion'),
    request: record({
      promotionId,
      from: side,
      to: side,
      package: just('team/app'),
      version: digest,
      closure: digest.map(version => [{ version, incarnation: 'i1' }]),
      closureDigest: just(sha256('closure')),
      approvals: some(0, 1, 2),
      requestedBy: just('ann'),
      expiresAt: just(at(3)),
    }),
    lease: fc.option(lease, { nil: undefined }),
  }),
  often(
    record({
      kind: just('ApprovePromotion'),
      promotionId,
      by: who,
      closureDigest: some(sha256('closure'), sha256('closure'), sha256('other')),
      now,
      reason: some(undefined, 'sealed:why'),
    }),
  ),
  record({ kind: just('RejectPromotion'), promotionId, by: who, reason: why }),
  record({ kind: just('ExpirePromotion'), promotionId, now }),
  often(
    record({
      kind: just('TakeLease'),
      promotionId,
      lease,
      now,
      required: some(0, 1, 2),
      standing: fc.subarray(['ann', 'bob', 'eve']),
    }),
  ),
  record({ kind: just('ReleaseLease'), promotionId, holder: some('run-1', 'run-2') }),
  record({ kind: just('CompletePromotion'), promotionId, holder: some('run-1', 'run-2') }),
  record({
    kind: just('RefusePromotion'),
    promotionId,
    holder: some('run-1', 'run-2'),
    code: just('ARTIFACT_HELD'),
  }),
);

const principalCommand = fc.oneof(
  record({
    kind: just('CreatePrincipal'),
    principalId: id,
    principalKind: some('user', 'service-account'),
    nameHash: some('hash-ada', 'hash-bob'),
    name: just('sealed:name'),
  }),
  record({ kind: some('DisablePrincipal', 'EnablePrincipal', 'DeletePrincipal'), principalId: id }),
);

const credentialCommand = fc.oneof(
  record({
    kind: just('IssueToken'),
    principalId: just('u1'),
    tokenId: id,
    label: just('sealed:ci'),
    limits: scope.map(only => ({ scopes: [only] })),
    expiresAt: some(undefined, at(24)),
  }),
  record({ kind: just('RevokeToken'), principalId: just('u1'), tokenId: id }),
  record({ kind: just('SetPassword'), principalId: just('u1'), secretId: id }),
);

/** One decider with its commands; their types are checked where it is made. */
export interface Case {
  readonly name: string;
  readonly aggregate: Aggregate<{ readonly kind: string }, unknown>;
  readonly commands: fc.Arbitrary<{ readonly kind: string }>;
}

function of<C extends { readonly kind: string }, S, M extends EventMap>(
  name: string,
  aggregate: Aggregate<C, S, M>,
  commands: fc.Arbitrary<C>,
): Case {
  return { name, aggregate: aggregate as unknown as Case['aggregate'], commands };
}

export const cases: readonly Case[] = [
  of('tag', tag, tagCommand),
  of('placement', placement, placementCommand),
  of('link', link, linkCommand),
  of('subject', subject, subjectCommand),
  of('policy', policy, policyCommand),
  of('directory', directory, directoryCommand),
  of('project', project, projectCommand),
  of('repository', repository, repositoryCommand),
  of('package', packageAggregate, packageCommand),
  of('promotion', promotion, promotionCommand),
  of('principals', principals, principalCommand),
  of('credentials', credentials, credentialCommand),
  of('grants', grants, grantCommand),
];
