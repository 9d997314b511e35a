/** Random but seeded histories, as a registry in use writes them. The same seed gives the same events. */
import { createHash } from 'node:crypto';
import { type AnyEvent, EVENTS } from '../../src/domain/catalogue.ts';
import type { JsonObject } from '../../src/domain/values/json.ts';
import type { Reference } from '../../src/domain/values/schemas.ts';
import type { EventLog, NewEvent } from '../../src/eventlog/port.ts';

export interface Append {
  readonly stream: string;
  readonly events: readonly NewEvent[];
}

interface Version {
  readonly repositoryId: string;
  readonly package: string;
  readonly version: string;
  incarnation: string;
  status: 'live' | 'deleted';
  readonly references: Reference[];
  readonly size: number;
}

const AT = Date.UTC(2026, 0, 1);

export const sha = (seed: string) => `sha256:${createHash('sha256').update(seed).digest('hex')}`;
export const sha512 = (seed: string) => `sha512:${createHash('sha512').update(seed).digest('hex')}`;

/** Metadata of an event, with what a test wants to set. */
export function metaOf(overrides: JsonObject = {}): JsonObject {
  return {
    logId: 'log',
    epoch: 1,
    correlationId: '9f1c1f52-6c0f-4dd5-9a57-1f0f2b7a4c11',
    commandId: '9f1c1f52-6c0f-4dd5-9a57-1f0f2b7a4c12',
    actor: 'user-0',
    actorKind: 'user',
    credential: 'token-0',
    authentication: 'bearer',
    roles: ['contributor'],
    producer: 'strongroom/0.1.0',
    occurredAt: '2026-01-01T00:00:00.000Z',
    ...overrides,
  };
}

export class History {
  readonly appends: Append[] = [];
  readonly #actors = 20;
  readonly #repositories: { projectId: string; repositoryId: string; deleted: boolean }[] = [];
  readonly #versions: Version[] = [];
  readonly #packages = new Set<string>();
  readonly #layers: { canonical: string; size: number }[] = [];
  #state: number;
  #ids = 0;
  #count = 0;

  constructor(seed: number) {
    this.#state = seed;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds about `events` events. */
  run(events: number): this {
    if (this.#repositories.length === 0) this.#begin();
    const until = this.#count + events;
    while (this.#count < until) this.#step();
    return this;
  }

  #begin(): void {
    for (let at = 0; at < this.#actors; at++) this.#principal(at);
    for (let at = 0; at < 6; at++) this.#repository();
    this.#emit('policy-instance', {
      type: 'PolicyAttached',
      data: {
        scope: { kind: 'instance' },
        attachmentId: 'att-0',
        set: 'protected-tags',
        module: sha('m'),
        level: 'hard',
      },
    });
    for (let at = 0; at < 30; at++)
      this.#layers.push({ canonical: sha(`base ${at}`), size: this.#below(1e8) });
  }

  #step(): void {
    const dice = this.#below(1000);
    if (dice < 800) this.#push();
    else if (dice < 860) this.#remove();
    else if (dice < 890) this.#restore();
    else if (dice < 920) this.#hold();
    else if (dice < 940) this.#promote();
    else if (dice < 960) this.#administrate();
    else if (dice < 985) this.#deny();
    else this.#operate();
  }

  #principal(at: number): void {
    const principalId = `user-${at}`;
    this.#emit('access-principals', {
      type: 'PrincipalCreated',
      data: {
        principalId,
        kind: at % 3 ? 'user' : 'service-account',
        nameHash: sha(principalId),
        name: `sealed-${at}`,
      },
    });
    this.#emit(`access-credentials-${principalId}`, {
      type: 'PasswordSet',
      data: { principalId, secretId: `secret-${at}` },
    });
    this.#emit('access-grants-instance', {
      type: 'RoleGranted',
      data: { scope: { kind: 'instance' }, principalId, role: at === 0 ? 'admin' : 'contributor' },
    });
  }

  #repository(): void {
    const at = this.#repositories.length;
    const projectId = `project-${at >> 1}`;
    const repositoryId = `repository-${at}`;
    if (at % 2 === 0)
      this.#emit('directory-projects', {
        type: 'ProjectCreated',
        data: { projectId, name: `team-${at}` },
      });
    this.#emit(`project-${projectId}`, {
      type: 'RepositoryCreated',
      data: { projectId, repositoryId, name: `oci-${at}`, format: 'oci', kind: 'hosted' },
    });
    this.#repositories.push({ projectId, repositoryId, deleted: false });
  }

  /** An image of a few layers, some of them shared; sometimes an index, a referrer, or digests by sha512. */
  #push(): void {
    const { projectId, repositoryId } = this.#pick(this.#repositories);
    const name = `app-${this.#below(60)}`;
    const correlates = { projectId, repositoryId };
    if (!this.#packages.has(`${repositoryId}/${name}`)) {
      this.#packages.add(`${repositoryId}/${name}`);
      this.#emit(
        `package-${repositoryId}/${name}`,
        { type: 'PackageRegistered', data: { repositoryId, format: 'oci', name, displayName: name } },
        correlates,
      );
    }
    const references = this.#content(repositoryId, name);
    const byOther = this.#below(10) === 0;
    const seed = `manifest ${this.#ids++}`;
    const version: Version = {
      repositoryId,
      package: name,
      version: byOther ? sha512(seed) : sha(seed),
      incarnation: this.#id('inc'),
      status: 'live',
      references,
      size: 500 + this.#below(3000),
    };
    this.#publish(version, sha(seed), correlates);
    this.#versions.push(version);
    const tag = this.#below(4) === 0 ? 'latest' : `v${this.#below(50)}`;
    this.#tag(version, tag, correlates);
  }

  #content(repositoryId: string, name: string): Reference[] {
    const siblings = this.#versions.filter(
      other => other.repositoryId === repositoryId && other.package === name && other.status === 'live',
    );
    if (siblings.length > 1 && this.#below(8) === 0)
      return siblings.slice(-2).map(child => ({
        relation: 'child' as const,
        digest: child.version,
        ...(child.version.startsWith('sha256:') && { canonical: child.version }),
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        size: child.size,
      }));
    const references: Reference[] = [this.#blob(repositoryId, 'config', 0)];
    const layers = 2 + this.#below(5);
    for (let at = 0; at < layers; at++) references.push(this.#blob(repositoryId, 'layer', at < 2 ? 2 : 1));
    const subject = siblings.at(-1);
    if (subject && this.#below(8) === 0)
      references.push({
        relation: 'subject',
        digest: subject.version,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        size: subject.size,
      });
    return references;
  }

  /** `sharing`: the greater, the more likely one that is used already */
  #blob(repositoryId: string, relation: 'config' | 'layer', sharing: number): Reference {
    const shared = this.#below(3) < sharing;
    const blob = shared
      ? this.#pick(this.#layers)
      : { canonical: sha(`blob ${this.#ids++}`), size: 1000 + this.#below(1e7) };
    if (!shared && relation === 'layer' && this.#below(20) === 0) this.#layers.push(blob);
    const alias = this.#below(25) === 0 ? { alias: sha512(blob.canonical) } : {};
    if (!shared)
      this.#emit(
        `link-${repositoryId}/${blob.canonical}`,
        {
          type: 'BlobLinked',
          data: { repositoryId, ...blob, ...alias, via: 'upload', leaseUntil: '2026-06-01T00:00:00.000Z' },
        },
        { repositoryId },
      );
    const mediaType =
      relation === 'config'
        ? 'application/vnd.oci.image.config.v1+json'
        : 'application/vnd.oci.image.layer.v1.tar+gzip';
    return { relation, digest: blob.canonical, ...blob, mediaType };
  }

  #publish(version: Version, canonical: string, correlates: JsonObject): void {
    const { repositoryId, package: name, incarnation, references, size } = version;
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const files = [{ name: 'manifest', digest: version.version, canonical, size, mediaType }];
    const data = {
      repositoryId,
      package: name,
      version: version.version,
      incarnation,
      format: 'oci',
      mediaType,
      files,
      references,
    };
    this.#emit(
      `placement-${repositoryId}/${name}@${version.version}`,
      { type: 'VersionPublished', data },
      {
        ...correlates,
        decision: { outcome: 'allow', sets: this.#below(2) ? [{ set: 'protected-tags' }] : [] },
      },
    );
  }

  #tag(of: Version, tag: string, correlates: JsonObject): void {
    const { repositoryId, package: name, version, incarnation } = of;
    this.#emit(
      `tag-${repositoryId}/${name}:${tag}`,
      { type: 'TagAssigned', data: { repositoryId, package: name, tag, version, incarnation } },
      correlates,
    );
    if (this.#below(40) === 0)
      this.#emit(`tag-${repositoryId}/${name}:${tag}`, {
        type: 'TagRemoved',
        data: { repositoryId, package: name, tag, version, incarnation },
      });
  }

  #remove(): void {
    const version = this.#versions.length > 0 ? this.#pick(this.#versions) : undefined;
    if (version?.status !== 'live') return;
    version.status = 'deleted';
    this.#place(version, 'VersionDeleted');
  }

  /** Brought back, or pushed again, which is another incarnation. */
  #restore(): void {
    const version = this.#versions.find(({ status }) => status === 'deleted');
    if (!version) return;
    version.status = 'live';
    if (this.#below(2)) {
      this.#place(version, 'VersionRestored');
      return;
    }
    version.incarnation = this.#id('inc');
    this.#publish(version, sha(version.version), { repositoryId: version.repositoryId });
  }

  #place(
    { repositoryId, package: name, version, incarnation }: Version,
    type: 'VersionDeleted' | 'VersionRestored',
  ) {
    this.#emit(
      `placement-${repositoryId}/${name}@${version}`,
      { type, data: { repositoryId, package: name, version, incarnation } },
      { repositoryId },
    );
  }

  #hold(): void {
    if (this.#versions.length === 0) return;
    const { repositoryId, package: name, version, incarnation } = this.#pick(this.#versions);
    const holdId = this.#id('hold');
    const lifts = this.#below(2) === 0;
    const kind = this.#below(2) ? 'manual' : 'scan';
    if (this.#below(2)) {
      const subject = this.#pick(this.#layers).canonical;
      const stream = `subject-${subject}`;
      this.#emit(stream, { type: 'SubjectHeld', data: { subject, holdId, kind, reason: 'sealed-reason' } });
      if (lifts) this.#emit(stream, { type: 'SubjectHoldLifted', data: { subject, holdId, kind } });
      return;
    }
    const place = { repositoryId, package: name, version, incarnation };
    const stream = `placement-${repositoryId}/${name}@${version}`;
    this.#emit(stream, { type: 'VersionHeld', data: { ...place, holdId, kind, reason: 'sealed-reason' } });
    if (lifts) this.#emit(stream, { type: 'VersionHoldLifted', data: { ...place, holdId, kind } });
  }

  #promote(): void {
    const [from, to] = [this.#pick(this.#repositories), this.#pick(this.#repositories)];
    const version = this.#versions.find(({ repositoryId }) => repositoryId === from.repositoryId);
    if (!version || from === to) return;
    const promotionId = this.#id('promotion');
    const side = ({ projectId, repositoryId }: typeof from) => ({ projectId, repositoryId });
    const closure = [{ version: version.version, incarnation: version.incarnation }];
    this.#emit(`promotion-${promotionId}`, {
      type: 'PromotionRequested',
      data: {
        promotionId,
        from: side(from),
        to: side(to),
        package: version.package,
        version: version.version,
        closure,
        approvals: 0,
      },
    });
    if (this.#below(3) === 0) return;
    this.#emit(
      `promotion-${promotionId}`,
      this.#below(3)
        ? { type: 'PromotionCompleted', data: { promotionId } }
        : { type: 'PromotionRefused', data: { promotionId, code: 'POLICY_DENIED' } },
    );
  }

  #administrate(): void {
    const principalId = `user-${this.#below(this.#actors)}`;
    const tokenId = this.#id('token');
    const stream = `access-credentials-${principalId}`;
    const at = this.#pick(this.#repositories);
    const { repositoryId, projectId } = at;
    const choice = this.#below(8);
    if (choice < 3)
      this.#emit(stream, {
        type: 'TokenIssued',
        data: { principalId, tokenId, label: 'sealed', limits: {} },
      });
    if (choice === 0) this.#emit(stream, { type: 'TokenRevoked', data: { principalId, tokenId } });
    if (choice === 3) this.#emit('access-principals', { type: 'PrincipalDisabled', data: { principalId } });
    if (choice === 4)
      this.#emit(`repository-${repositoryId}`, {
        type: 'RepositoryImmutabilitySet',
        data: { repositoryId, versions: false, tagPatterns: ['v*'] },
      });
    if (choice === 5) this.#repository();
    if (choice === 6 && !at.deleted && this.#repositories.length > 4) {
      at.deleted = true;
      this.#emit(`project-${projectId}`, {
        type: 'RepositoryDeleted',
        data: { projectId, repositoryId, name: 'gone' },
      });
    }
    if (choice === 7)
      this.#emit('policy-instance', {
        type: 'PolicyLevelSet',
        data: { scope: { kind: 'instance' }, attachmentId: 'att-0', level: 'soft', previousLevel: 'hard' },
      });
  }

  #deny(): void {
    const minute = new Date(AT + (this.#count >> 8) * 60_000).toISOString();
    const actor = `user-${this.#below(4)}`;
    const data = {
      actor,
      action: 'push' as const,
      codes: ['FORBIDDEN'],
      target: `repository-${this.#below(3)}`,
      minute,
      count: 1,
    };
    this.#emit(
      'denials-2026-01-01',
      { type: 'RequestsDenied', data },
      { actor: 'system', actorKind: 'system' },
    );
  }

  #operate(): void {
    const hour = new Date(AT + this.#ids * 3_600_000).toISOString();
    const segment = this.#id('segment');
    const downloads = [0, 1, 2].map(() => ({
      repositoryId: this.#pick(this.#repositories).repositoryId,
      count: this.#below(100),
    }));
    this.#emit('downloads-2026', {
      type: 'DownloadSegmentSealed',
      data: { segment, from: hour, to: hour, records: 300, root: 'ab', evidence: sha(segment), downloads },
    });
    const runId = this.#id('run');
    const blobs = [{ canonical: sha(runId), size: 10 }];
    this.#emit('collection-2026', { type: 'BlobsCollected', data: { runId, blobs } });
    if (this.#below(2))
      this.#emit('collection-2026', {
        type: 'CollectionCompleted',
        data: { runId, examined: 5, removed: 1, bytes: 10 },
      });
  }

  #emit(stream: string, { type, data }: AnyEvent, correlates: JsonObject = {}): void {
    const actor = `user-${this.#below(this.#actors)}`;
    const meta = metaOf({ actor, ...correlates });
    this.appends.push({
      stream,
      events: [{ id: this.#uuid(), type, version: EVENTS[type].version, data: data as JsonObject, meta }],
    });
    this.#count++;
  }

  #uuid(): string {
    const hex = createHash('md5').update(`${this.#state} ${this.#count}`).digest('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  #id(prefix: string): string {
    return `${prefix}-${this.#ids++}`;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }

  /** mulberry32 */
  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }
}

/** Appends everything, and returns the position of the last event. */
export async function write(log: EventLog, appends: readonly Append[]): Promise<string> {
  let position = log.start;
  for (const { stream, events } of appends)
    position = (await log.append(stream, events, { expected: 'any' })).position;
  return position;
}
