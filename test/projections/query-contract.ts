/** What the queries answer, on any database: one small registry, and every question that has a trap. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnyEvent, EVENTS } from '../../src/domain/catalogue.ts';
import type { JsonObject } from '../../src/domain/values/json.ts';
import type { Reference } from '../../src/domain/values/schemas.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import { createQueries, type Queries } from '../../src/projections/queries.ts';
import { createRunner, type Runner } from '../../src/projections/runner.ts';
import { openViews, type Views } from '../../src/projections/store.ts';
import { metaOf, sha, sha512 } from './history.ts';

const layer = (name: string, size: number): Reference => ({
  relation: 'layer',
  digest: sha(name),
  canonical: sha(name),
  mediaType: 'layer',
  size,
});

const firstOf = (repositoryId: string, version: string) => `${repositoryId}-${version.slice(-20)}`;

export function queryContract(name: string, fresh: () => Promise<string>): void {
  describe(`queries on ${name}`, () => {
    let store: Views;
    let runner: Runner;
    let queries: Queries;
    const log = createMemoryLog({ now: () => new Date('2026-03-01T00:00:00.000Z') });

    async function happen(...events: (AnyEvent & { meta?: JsonObject })[]) {
      let position = log.start;
      for (const { type, data, meta } of events) {
        const { version } = EVENTS[type];
        const event = { id: randomUUID(), type, version, data: data as JsonObject, meta: metaOf(meta) };
        position = (await log.append(`stream-${type}`, [event], { expected: 'any' })).position;
      }
      await runner.reached(position, 10_000);
    }

    const published = (repositoryId: string, version: string, extra: object = {}): AnyEvent => ({
      type: 'VersionPublished',
      data: {
        repositoryId,
        package: 'app',
        version,
        incarnation: firstOf(repositoryId, version),
        format: 'oci',
        mediaType: 'manifest',
        files: [{ name: 'manifest', digest: version, canonical: version, size: 10, mediaType: 'manifest' }],
        references: [layer('base', 1000)],
        ...extra,
      },
    });
    const place = (repositoryId: string, version: string, incarnation = firstOf(repositoryId, version)) => ({
      repositoryId,
      package: 'app',
      version,
      incarnation,
    });
    const tagged = (tag: string, of: ReturnType<typeof place>): AnyEvent => ({
      type: 'TagAssigned',
      data: { ...of, tag },
    });

    beforeAll(async () => {
      store = await openViews({ url: await fresh() });
      runner = createRunner({ log, store });
      queries = createQueries(store);
      await happen(
        ...['alpha', 'Beta', 'alpha-2'].map(
          (project): AnyEvent => ({
            type: 'ProjectCreated',
            data: { projectId: `id-${project}`, name: project.toLowerCase() },
          }),
        ),
        ...['one', 'two', 'gone'].map(
          (repository): AnyEvent => ({
            type: 'RepositoryCreated',
            data: {
              projectId: 'id-alpha',
              repositoryId: repository,
              name: repository,
              format: 'oci',
              kind: 'hosted',
            },
          }),
        ),
        ...['one', 'two', 'gone'].map(
          (repositoryId): AnyEvent => ({
            type: 'PackageRegistered',
            data: { repositoryId, format: 'oci', name: 'app', displayName: 'app' },
          }),
        ),
      );
    });
    afterAll(async () => {
      await runner.close();
      await store.close();
    });

    test('projects and repositories by name and in pages', async () => {
      expect((await queries.listProjects({ limit: 2 })).map(row => row.name)).toEqual(['alpha', 'alpha-2']);
      expect((await queries.listProjects({ after: 'alpha-2' })).map(row => row.name)).toEqual(['beta']);
      expect(await queries.repositoryByName('alpha', 'two')).toMatchObject({
        repositoryId: 'two',
        projectName: 'alpha',
      });
      expect(await queries.repositoryByName('beta', 'two')).toBeUndefined();
      const page = await queries.listRepositories({
        after: { projectName: 'alpha', name: 'gone' },
        limit: 1,
      });
      expect(page.map(row => row.name)).toEqual(['one']);
      expect(await queries.listRepositories({ projectId: 'id-beta' })).toEqual([]);
    });

    test('a tag counts only while the incarnation that it names is the live one', async () => {
      const version = sha('tagged');
      await happen(published('one', version), tagged('latest', place('one', version)));
      expect(await queries.getTag('one', 'app', 'latest')).toMatchObject({ version });
      await happen({ type: 'VersionDeleted', data: place('one', version) });
      expect(await queries.getTag('one', 'app', 'latest')).toBeUndefined();
      await happen({ type: 'VersionRestored', data: place('one', version) });
      expect(await queries.tagsOfVersion('one', 'app', version)).toHaveLength(1);
      await happen(
        { type: 'VersionDeleted', data: place('one', version) },
        published('one', version, { incarnation: 'again' }),
      );
      expect(await queries.getTag('one', 'app', 'latest')).toBeUndefined();
      expect(await queries.listTags('one', 'app')).toEqual([]);
      expect(await queries.getVersion('one', 'app', version)).toMatchObject({
        status: 'live',
        incarnation: 'again',
      });
    });

    test('tags come in byte order and in pages', async () => {
      const version = sha('ordered');
      await happen(
        published('two', version),
        ...['b', 'B', 'a', '10', '9', '_', 'a.b', 'a-b'].map(tag => tagged(tag, place('two', version))),
      );
      const names = async (after: string, limit: number) =>
        (await queries.listTags('two', 'app', { after, limit })).map(row => row.tag);
      expect(await names('', 100)).toEqual(['10', '9', 'B', '_', 'a', 'a-b', 'a.b', 'b']);
      expect(await names('B', 3)).toEqual(['_', 'a', 'a-b']);
    });

    test('a version is found by its name and by any digest of its files, live before deleted', async () => {
      const version = sha512('both');
      const files = [
        { name: 'manifest', digest: version, canonical: sha('both'), size: 10, mediaType: 'manifest' },
      ];
      await happen(published('one', version, { files }));
      expect(await queries.versionByDigest('one', 'app', version)).toMatchObject({ version });
      expect(await queries.versionByDigest('one', 'app', sha('both'))).toMatchObject({ version, files });
      expect(await queries.versionByDigest('two', 'app', sha('both'))).toBeUndefined();
      expect(await queries.versionByDigest('one', 'other', sha('both'))).toBeUndefined();
      await happen({ type: 'VersionDeleted', data: place('one', version) });
      expect(await queries.versionByDigest('one', 'app', sha('both'))).toMatchObject({
        version,
        status: 'deleted',
      });
      // another version with the same bytes, by a name that sorts after
      await happen(published('one', 'v2', { files }));
      const live = { version: 'v2', status: 'live' };
      expect(await queries.versionByDigest('one', 'app', sha('both'))).toMatchObject(live);
      expect(await queries.versionByDigest('one', 'app', version)).toMatchObject(live);
      expect(await queries.versionByDigest('one', 'app', sha('base'))).toBeUndefined();
    });

    test('who names a layer: every placement, live or deleted, with its tags', async () => {
      const [a, b] = [sha('naming a'), sha('naming b')];
      const references = [layer('rare', 5)];
      await happen(
        published('one', a, { references }),
        published('one', b, { references }),
        published('two', a, { references }),
        tagged('x', place('one', a)),
        tagged('y', place('one', a)),
        { type: 'VersionDeleted', data: place('one', b) },
      );
      const rows = await queries.versionsNaming('one', sha('rare'));
      expect(rows).toHaveLength(2);
      expect(rows.find(row => row.version === a)).toMatchObject({
        relation: 'layer',
        status: 'live',
        tags: 2,
      });
      expect(rows.find(row => row.version === b)).toMatchObject({ status: 'deleted', tags: 0 });
      const places = await queries.placesOfSubject(sha('rare'));
      expect(places.map(row => row.repositoryId)).toEqual(['one', 'one', 'two']);
      expect(await queries.placesOfSubject(sha('rare'), { after: places[1]! })).toMatchObject([
        { repositoryId: 'two' },
      ]);
      await happen(published('two', a, { references: [], incarnation: 'slimmer' }));
      expect(await queries.placesOfSubject(sha('rare'))).toHaveLength(2);
    });

    test('referrers are live ones of the package', async () => {
      const subject: Reference = {
        relation: 'subject',
        digest: sha('image'),
        mediaType: 'manifest',
        size: 3,
      };
      const [a, b] = [sha('sbom a'), sha('sbom b')];
      await happen(
        published('one', a, { references: [subject], artifactType: 'sbom' }),
        published('one', b, { references: [subject] }),
        { type: 'VersionDeleted', data: place('one', b) },
      );
      const rows = await queries.referrers('one', 'app', sha('image'));
      expect(rows).toMatchObject([{ version: a, artifactType: 'sbom', status: 'live' }]);
      expect(await queries.referrers('two', 'app', sha('image'))).toEqual([]);
    });

    test('links by either digest, until they are taken away', async () => {
      const blob = { repositoryId: 'one', canonical: sha('blob') };
      const leaseUntil = '2026-03-02T00:00:00.000Z';
      await happen({
        type: 'BlobLinked',
        data: { ...blob, alias: sha512('blob'), size: 5, via: 'upload', leaseUntil },
      });
      expect(await queries.getLink('one', sha('blob'))).toMatchObject({ ...blob, leaseUntil });
      expect(await queries.getLink('one', sha512('blob'))).toMatchObject(blob);
      expect(await queries.getLink('two', sha('blob'))).toBeUndefined();
      await happen({ type: 'BlobUnlinked', data: { ...blob, cause: 'delete' } });
      expect(await queries.getLink('one', sha512('blob'))).toBeUndefined();
    });

    test('open holds on the place and on any of many subjects', async () => {
      const at = place('two', sha('held'));
      await happen(
        published('two', sha('held'), { references: [layer('bad', 1)] }),
        { type: 'VersionHeld', data: { ...at, holdId: 'h1', kind: 'manual', reason: 'sealed' } },
        { type: 'SubjectHeld', data: { subject: sha('bad'), holdId: 'h2', kind: 'scan', reason: 'sealed' } },
        {
          type: 'SubjectHeld',
          data: { subject: sha('elsewhere'), holdId: 'h3', kind: 'scan', reason: 'sealed' },
        },
      );
      const subjects = [...Array.from({ length: 300 }, (_, n) => sha(`none ${n}`)), sha('bad')];
      const found = await queries.openHolds({ subjects, place: at });
      expect(found.map(row => row.holdId).sort()).toEqual(['h1', 'h2']);
      expect(await queries.openHolds({ subjects: [] })).toEqual([]);
      expect((await queries.listHolds({ repositoryId: 'two' })).map(row => row.holdId)).toEqual(['h1', 'h2']);
      expect((await queries.listHolds({ repositoryId: 'one' })).map(row => row.holdId)).toEqual([]);
      expect((await queries.listHolds({ limit: 2 })).map(row => row.holdId)).toEqual(['h1', 'h2']);
      const under = async (...of: string[]) =>
        (await queries.packagesUnderHolds(of)).map(row => `${row.repositoryId} ${row.package}`);
      expect(await under('one', 'two', 'none')).toEqual(['two app']);
      expect(await under('one')).toEqual([]);
      expect(await under()).toEqual([]);
      await happen({ type: 'SubjectHoldLifted', data: { subject: sha('bad'), holdId: 'h2', kind: 'scan' } });
      expect(await under('two')).toEqual(['two app']);
      const bytes = { subject: sha('spare'), holdId: 'h4', kind: 'scan' as const };
      await happen(published('one', sha('spare')), {
        type: 'SubjectHeld',
        data: { ...bytes, reason: 'sealed' },
      });
      const many = Array.from({ length: 600 }, (_, n) => `r${n}`);
      expect(await under(...many, 'one')).toEqual(['one app']);
      await happen(
        { type: 'SubjectHoldLifted', data: bytes },
        { type: 'VersionDeleted', data: place('one', sha('spare')) },
      );
      expect(await under('one')).toEqual([]);
      expect(await queries.openHolds({ subjects: [sha('bad')] })).toEqual([]);
      expect(await queries.holdById('h1')).toMatchObject({ targetKind: 'place', repositoryId: 'two' });
    });

    test('holds on a purl find every spelling of it, also those that were placed under another', async () => {
      const purl = 'pkg:nuget/Acme.Json@1.0.0-Beta';
      const held = { subject: purl, holdId: 'spelled', kind: 'manual' as const };
      await happen(
        published('spelled one', sha('spelled'), { purl: 'pkg:nuget/acme.json@1.0.0-beta' }),
        published('spelled two', sha('spelled two'), { purl: 'pkg:nuget/ACME.JSON@1.0.0-BETA' }),
        published('spelled other', sha('other spelled'), { purl: 'pkg:nuget/acme.jsonx@1.0.0-beta' }),
        { type: 'SubjectHeld', data: { ...held, reason: 'sealed' } },
      );
      for (const spelling of [purl, purl.toLowerCase(), 'pkg:nuget/ACME.json@1.0.0-beta'])
        expect(await queries.openHolds({ subjects: [spelling] })).toMatchObject([
          { subject: purl.toLowerCase(), heldAs: purl },
        ]);
      const under = async () =>
        (await queries.packagesUnderHolds(['spelled one', 'spelled two', 'spelled other']))
          .map(row => row.repositoryId)
          .sort();
      expect(await under()).toEqual(['spelled one', 'spelled two']);
      await happen({ type: 'SubjectHoldLifted', data: { ...held } });
      expect(await queries.openHolds({ subjects: [purl] })).toEqual([]);
      expect(await under()).toEqual([]);
    });

    test('bytes count once, for versions that share layers, and go with the last of them', async () => {
      const repositoryId = 'sizes';
      await happen({
        type: 'RepositoryCreated',
        data: { projectId: 'id-beta', repositoryId, name: 'sizes', format: 'oci', kind: 'hosted' },
      });
      expect(await queries.usage(repositoryId)).toEqual({
        repositoryId,
        versions: 0,
        bytes: 0,
        downloads: 0,
      });
      const [a, b] = [sha('size a'), sha('size b')];
      await happen(
        published(repositoryId, a, {
          references: [layer('shared', 1000), layer('own', 50), layer('own', 50)],
        }),
        published(repositoryId, b, { references: [layer('shared', 1000)] }),
      );
      expect(await queries.usage(repositoryId)).toMatchObject({ versions: 2, bytes: 1070 });
      await happen({ type: 'VersionDeleted', data: place(repositoryId, a) });
      expect(await queries.usage(repositoryId)).toMatchObject({ versions: 1, bytes: 1010 });
      const before = await queries.usageTotals();
      await happen({
        type: 'RepositoryDeleted',
        data: { projectId: 'id-beta', repositoryId, name: 'sizes' },
      });
      const after = await queries.usageTotals();
      expect(before.bytes - after.bytes).toBe(1010);
      expect(before.repositories - after.repositories).toBe(1);
    });

    test('what the collector must keep', async () => {
      const named = (version: string, blob: string) =>
        published('one', sha(version), { references: [layer(blob, 1)] });
      const window = { deletedAfter: '2026-02-01T00:00:00.000Z', now: '2026-03-01T00:00:00.000Z' };
      await happen(
        named('keep live', 'k-live'),
        named('keep deleted', 'k-deleted'),
        { type: 'VersionDeleted', data: place('one', sha('keep deleted')) },
        named('replaced', 'k-replaced'),
        published('one', sha('replaced'), { incarnation: 'other', references: [] }),
        { ...published('gone', sha('in gone'), { references: [layer('k-gone', 1)] }) },
        {
          type: 'BlobLinked',
          data: {
            repositoryId: 'one',
            canonical: sha('k-lease'),
            size: 1,
            via: 'upload',
            leaseUntil: '2026-03-01T00:00:01.000Z',
          },
        },
        {
          type: 'BlobLinked',
          data: {
            repositoryId: 'one',
            canonical: sha('k-late'),
            size: 1,
            via: 'upload',
            leaseUntil: '2026-03-01T00:00:00.000Z',
          },
        },
        { type: 'RepositoryDeleted', data: { projectId: 'id-alpha', repositoryId: 'gone', name: 'gone' } },
      );
      const all = ['k-live', 'k-deleted', 'k-replaced', 'k-gone', 'k-lease', 'k-late', 'k-unknown'].map(sha);
      const many = [...all, ...Array.from({ length: 600 }, (_, n) => sha(`nothing ${n}`))];
      const kept = (names: string[]) => new Set(names.map(sha));
      expect(await queries.referenced(many, window)).toEqual(
        kept(['k-live', 'k-deleted', 'k-gone', 'k-lease']),
      );
      const later = { ...window, deletedAfter: '2026-03-01T00:00:00.000Z' };
      expect(await queries.referenced(many, later)).toEqual(kept(['k-live', 'k-lease']));
      expect(await queries.referenced([sha('keep live')], later)).toEqual(kept(['keep live']));
      expect(await queries.referenced([], window)).toEqual(new Set());
    });

    test('the catalogue has packages with live versions of repositories that exist', async () => {
      const names = (rows: { repositoryName: string; package: string }[]) =>
        rows.map(row => row.repositoryName);
      expect(names(await queries.listAllPackages())).toEqual(['one', 'two']);
      expect(names(await queries.listAllPackages({ repositoryIds: ['two', 'gone'] }))).toEqual(['two']);
      expect(await queries.listAllPackages({ repositoryIds: [] })).toEqual([]);
      expect(await queries.listAllPackages({ format: 'npm' })).toEqual([]);
      const after = { projectName: 'alpha', repositoryName: 'one', package: 'app' };
      expect(names(await queries.listAllPackages({ after }))).toEqual(['two']);
    });

    test('principals with their password, tokens and grants', async () => {
      const data = { principalId: 'u', kind: 'user' as const, nameHash: 'hash', name: 'sealed' };
      const scope = { kind: 'repository' as const, id: 'one' };
      await happen(
        { type: 'PrincipalCreated', data },
        {
          type: 'TokenIssued',
          data: { principalId: 'u', tokenId: 't', label: 'sealed', limits: { actions: ['pull'] } },
        },
        { type: 'RoleGranted', data: { scope, principalId: 'u', role: 'viewer' } },
      );
      expect(await queries.principalByNameHash('hash')).toMatchObject({
        principalId: 'u',
        disabled: false,
        passwordSecretId: null,
      });
      await happen(
        { type: 'PasswordSet', data: { principalId: 'u', secretId: 's' } },
        { type: 'PrincipalDisabled', data: { principalId: 'u' } },
      );
      expect(await queries.principalById('u')).toMatchObject({ passwordSecretId: 's', disabled: true });
      expect(await queries.tokenById('t')).toMatchObject({ principalId: 'u', limits: { actions: ['pull'] } });
      expect(await queries.listTokens('u')).toHaveLength(1);
      expect(await queries.grantsOf('u')).toMatchObject([{ scope, role: 'viewer' }]);
      expect(await queries.listGrants(scope)).toHaveLength(1);
      expect(await queries.listGrants({ kind: 'instance' })).toEqual([]);
    });

    test('history by what it was about, by who did it, and by whether a policy decided', async () => {
      const meta = {
        actor: 'somebody',
        repositoryId: 'two',
        decision: { outcome: 'allow', sets: [{ set: 'x' }] },
      };
      await happen({ ...tagged('decided', place('two', sha('held'))), meta });
      const [row] = await queries.activity({ actor: 'somebody' });
      expect(row).toMatchObject({ type: 'TagAssigned', tag: 'decided', outcome: 'allow', decided: true });
      expect(await queries.activity({ decidedOnly: true })).toEqual([row]);
      expect(await queries.decidedEvent(row!.eventId)).toEqual(row);
      expect(
        await queries.activity({ repositoryId: 'two', package: 'app', types: ['VersionHeld'] }),
      ).toHaveLength(1);
      expect(await queries.activity({ subject: sha('bad'), order: 'asc' })).toMatchObject([
        { type: 'SubjectHeld' },
        { type: 'SubjectHoldLifted' },
      ]);
      expect(await queries.activity({ types: [] })).toEqual([]);
      const up = await queries.activity({ order: 'asc', limit: 3 });
      expect(up[0]?.type).toBe('ProjectCreated');
      const next = await queries.activity({ order: 'asc', limit: 1, after: up[2]!.position });
      expect(next[0]!.position > up[2]!.position).toBe(true);
      const [last, before] = await queries.activity({ limit: 2 });
      expect(await queries.activity({ limit: 1, after: last!.position })).toEqual([before]);
    });

    test('attachments by scope, promotions, denials, collections and segments in pages', async () => {
      const instance = { kind: 'instance' as const };
      const side = (repositoryId: string) => ({ projectId: 'id-alpha', repositoryId });
      const closure = [{ version: sha('held'), incarnation: 'i' }];
      const minute = (n: number) => `2026-03-01T00:0${n}:00.000Z`;
      const denied = (n: number): AnyEvent => ({
        type: 'RequestsDenied',
        data: {
          actor: 'u',
          action: 'push',
          codes: ['FORBIDDEN'],
          target: 'one',
          minute: minute(n),
          count: 1,
        },
      });
      await happen(
        {
          type: 'PolicyAttached',
          data: { scope: instance, attachmentId: 'a', set: 'tags', module: sha('m'), level: 'hard' },
        },
        ...['p1', 'p2'].map(
          (promotionId): AnyEvent => ({
            type: 'PromotionRequested',
            data: {
              promotionId,
              from: side('one'),
              to: side('two'),
              package: 'app',
              version: sha('held'),
              closure,
              approvals: 0,
            },
          }),
        ),
        { type: 'PromotionCompleted', data: { promotionId: 'p1' } },
        denied(1),
        denied(2),
        denied(2),
        { type: 'CollectionCompleted', data: { runId: 'c1', examined: 1, removed: 0, bytes: 0 } },
        { type: 'CollectionCompleted', data: { runId: 'c2', examined: 1, removed: 0, bytes: 0 } },
      );
      expect(await queries.attachmentsFor([{ kind: 'project', id: 'id-alpha' }, instance])).toMatchObject([
        { attachmentId: 'a', scope: instance },
      ]);
      expect(await queries.attachmentsFor([])).toEqual([]);
      expect(await queries.attachmentById('a')).toMatchObject({ set: 'tags' });
      expect((await queries.listPromotions({ openOnly: true })).map(row => row.promotionId)).toEqual(['p2']);
      expect((await queries.listPromotions({ repositoryId: 'two' })).map(row => row.promotionId)).toEqual([
        'p2',
        'p1',
      ]);
      const [newest] = await queries.listDenials({ limit: 1 });
      expect(newest).toMatchObject({ minute: minute(2), count: 2, codes: ['FORBIDDEN'] });
      expect(await queries.listDenials({ after: newest!, actor: 'u' })).toMatchObject([
        { minute: minute(1), count: 1 },
      ]);
      expect((await queries.listCollections({ limit: 1 })).map(row => row.runId)).toEqual(['c2']);
      expect(await queries.listDownloadSegments()).toEqual([]);
    });
  });
}
