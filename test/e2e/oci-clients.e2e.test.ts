/** Stock container clients against the real server: what they push comes back byte for byte, and a hold stops them. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Clients,
  closure,
  type Layout,
  makeArtifact,
  makeImage,
  makeIndex,
  openClients,
  PLAIN,
  type Ran,
  readBlob,
  readIndex,
  tarOf,
} from '../support/clients.ts';
import { operation } from '../support/compatibility.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith, program, type ServiceName } from '../support/services.ts';

let registry: TestRegistry;
let clients: Clients;
let count = 0;

beforeAll(async () => {
  registry = await startRegistry();
  clients = openClients(registry);
  clients.authenticate('admin', registry.adminPassword);
});
afterAll(async () => {
  clients?.close();
  await registry?.stop();
});

/** A name no other test uses: the image's, and how clients and the API say it. */
function fresh(name: string) {
  count += 1;
  const image = `${name}-${count}`;
  const ref = clients.ref(`main/oci/${image}`);
  return { image, ref, docker: `docker://${ref}`, url: `${registry.url}/v2/main/oci/${image}` };
}

const folder = (name: string) => join(clients.home, `${name}-${++count}`);

function ok(ran: Ran): string {
  expect(ran, `${ran.stderr}\n${registry.output()}`).toMatchObject({ code: 0 });
  return ran.stdout;
}

/** The server's own word on what it holds, past all clients. */
function ask(url: string, method = 'GET'): Promise<Response> {
  const login = Buffer.from(`admin:${registry.adminPassword}`).toString('base64');
  const accept = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';
  return fetch(url, { method, headers: { authorization: `Basic ${login}`, accept } });
}

async function bytesAt(url: string): Promise<Buffer> {
  const response = await ask(url);
  expect(response.status, url).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

const versions = new Map<ServiceName, string>();

/** As the program says it itself. */
function versionOf(client: ServiceName): string {
  const asked = client === 'crane' || client === 'oras' ? 'version' : '--version';
  const known = versions.get(client) ?? execFileSync(program(client), [asked]).toString();
  versions.set(client, known);
  return /\d+\.\d+(?:\.\d+)?/.exec(known)?.[0] ?? 'unknown';
}

const HELD = 'a held image is refused with its reason';
const proved = (client: ServiceName, ...done: readonly string[]) =>
  done.map(one => ({ format: 'oci', operation: one, client, version: versionOf(client) }));

/** Everything a manifest names is in that layout with the bytes of this one. */
function sameBytes(layout: Layout, dir: string): void {
  for (const digest of closure(layout.dir, layout.descriptor.digest))
    expect(readBlob(dir, digest).equals(readBlob(layout.dir, digest)), digest).toBe(true);
}

const holdOf = (image: string, digest: string, reason: string) =>
  registry.api<{ id: string }>('POST', '/holds', {
    project: 'main',
    repository: 'oci',
    package: image,
    version: digest,
    reason,
    everywhere: false,
  });

async function pushed(name: string): Promise<{ layout: Layout; at: ReturnType<typeof fresh> }> {
  const at = fresh(name);
  const layout = makeImage(folder('layout'));
  ok(await clients.skopeo(['copy', PLAIN.to, `oci:${layout.dir}:${layout.tag}`, `${at.docker}:1`]));
  return { layout, at };
}

describeWith(['skopeo'], 'skopeo', () => {
  test('pushes and pulls an image, byte for byte', async ({ task }) => {
    const { layout, at } = await pushed('skopeo');
    expect((await bytesAt(`${at.url}/manifests/1`)).equals(layout.bytes)).toBe(true);
    const back = folder('back');
    ok(await clients.skopeo(['copy', PLAIN.from, `${at.docker}:1`, `oci:${back}:1`]));
    sameBytes(layout, back);
    operation(task, ...proved('skopeo', 'push', 'pull'));
  });

  test('pushes and pulls an index with all its images', async ({ task }) => {
    const at = fresh('multi');
    const layout = makeIndex(folder('layout'));
    ok(await clients.skopeo(['copy', '--all', PLAIN.to, `oci:${layout.dir}:multi`, `${at.docker}:1`]));
    const back = folder('back');
    ok(await clients.skopeo(['copy', '--all', PLAIN.from, `${at.docker}:1`, `oci:${back}:1`]));
    sameBytes(layout, back);
    expect(closure(back, layout.descriptor.digest)).toHaveLength(7);
    operation(task, ...proved('skopeo', 'push and pull of a multi-platform image'));
  });

  test('lists and deletes: all tags of the digest go at once', async ({ task }) => {
    const { layout, at } = await pushed('deleted');
    ok(await clients.skopeo(['copy', PLAIN.from, PLAIN.to, `${at.docker}:1`, `${at.docker}:2`]));
    const tags = ok(await clients.skopeo(['list-tags', PLAIN.skopeo, at.docker]));
    expect(JSON.parse(tags).Tags).toEqual(['1', '2']);
    ok(await clients.skopeo(['delete', PLAIN.skopeo, `${at.docker}:1`]));
    for (const reference of ['1', '2', layout.descriptor.digest])
      expect((await ask(`${at.url}/manifests/${reference}`)).status, reference).toBe(404);
    operation(task, ...proved('skopeo', 'copy within the registry', 'list tags', 'delete'));
  });

  test('nobody without a password gets anything', async () => {
    const { at } = await pushed('private');
    const stranger = openClients(registry);
    try {
      const ran = await stranger.skopeo(['inspect', PLAIN.skopeo, `${at.docker}:1`]);
      expect(ran.code).not.toBe(0);
      expect(ran.stderr).toMatch(/unauthorized|authentication required/);
      stranger.authenticate('admin', 'wrong');
      expect((await stranger.skopeo(['inspect', PLAIN.skopeo, `${at.docker}:1`])).code).not.toBe(0);
    } finally {
      stranger.close();
    }
  });

  test('log in, with the right password only', async ({ task }) => {
    const login = ['login', PLAIN.skopeo, '--username', 'admin', '--password-stdin', clients.host];
    const stranger = openClients(registry);
    try {
      ok(await stranger.skopeo(login, { input: registry.adminPassword }));
      expect((await stranger.skopeo(login, { input: 'wrong' })).code).not.toBe(0);
    } finally {
      stranger.close();
    }
    operation(task, ...proved('skopeo', 'login'));
  });
});

describeWith(['skopeo', 'podman', 'buildah'], 'podman and buildah', () => {
  test.for(['podman', 'buildah'] as const)(
    '%s pulls an image and pushes it to another name',
    async (name, { task }) => {
      const { layout, at } = await pushed(name);
      const client = clients[name];
      ok(await client(['pull', '-q', PLAIN[name], `${at.ref}:1`]));
      const other = fresh(`${name}-copy`);
      ok(await client(['push', PLAIN[name], `${at.ref}:1`, `${other.docker}:1`]));
      const manifest = JSON.parse((await bytesAt(`${other.url}/manifests/1`)).toString());
      expect(manifest.config.digest).toBe(layout.parts[0]?.digest);
      ok(await client(['rmi', `${at.ref}:1`]));
      operation(task, ...proved(name, 'pull', 'push'));
    },
  );
});

describeWith(['crane', 'skopeo'], 'crane', () => {
  test('pushes a layout, pulls it back and copies it within the registry', async ({ task }) => {
    const at = fresh('crane');
    const layout = makeImage(folder('layout'));
    ok(await clients.crane(['push', PLAIN.crane, layout.dir, `${at.ref}:1`]));
    expect(ok(await clients.crane(['digest', PLAIN.crane, `${at.ref}:1`])).trim()).toBe(
      layout.descriptor.digest,
    );
    const back = folder('back');
    ok(await clients.crane(['pull', PLAIN.crane, '--format=oci', `${at.ref}:1`, back]));
    sameBytes(layout, back);

    const other = fresh('crane-mounted');
    ok(await clients.crane(['copy', PLAIN.crane, `${at.ref}:1`, `${other.ref}:1`]));
    expect((await bytesAt(`${other.url}/manifests/1`)).equals(layout.bytes)).toBe(true);
    const [, layer] = layout.parts;
    expect((await bytesAt(`${other.url}/blobs/${layer?.digest}`)).length).toBe(layer?.size);
    operation(task, ...proved('crane', 'push', 'pull', 'copy within the registry, by mounts'));
  });

  test('a mount is granted for what is there, and becomes an upload for what is not', async () => {
    const { layout, at } = await pushed('mount-from');
    const target = `${fresh('mount-to').url}/blobs/uploads/?from=main/oci/${at.image}&mount=`;
    const hit = await ask(`${target}${layout.parts[1]?.digest}`, 'POST');
    expect([hit.status, hit.headers.get('location')]).toEqual([
      201,
      expect.stringContaining(`/blobs/${layout.parts[1]?.digest}`),
    ]);
    const miss = await ask(`${target}sha256:${'0'.repeat(64)}`, 'POST');
    expect([miss.status, miss.headers.get('location')]).toEqual([
      202,
      expect.stringContaining('/blobs/uploads/'),
    ]);
  });

  test('pushes an index and deletes one image of it by digest', async ({ task }) => {
    const at = fresh('crane-multi');
    const layout = makeIndex(folder('layout'));
    ok(await clients.crane(['push', PLAIN.crane, '--index', layout.dir, `${at.ref}:1`]));
    const [first, second] = layout.parts;
    ok(await clients.crane(['manifest', PLAIN.crane, `${at.ref}@${layout.descriptor.digest}`]));
    ok(await clients.crane(['delete', PLAIN.crane, `${at.ref}@${first?.digest}`]));
    expect((await ask(`${at.url}/manifests/${first?.digest}`)).status).toBe(404);
    expect((await ask(`${at.url}/manifests/${second?.digest}`)).status).toBe(200);
    const names = ok(await clients.crane(['catalog', PLAIN.crane, clients.host]))
      .trim()
      .split('\n');
    expect(names).toContain(`main/oci/${at.image}`);
    operation(task, ...proved('crane', 'push of a multi-platform image', 'delete', 'catalogue'));
  });
});

describeWith(['oras'], 'oras', () => {
  test('pushes an artifact with referrers, finds them, and copies all of it back', async ({ task }) => {
    const at = fresh('oras');
    const dir = folder('layout');
    const image = makeImage(dir);
    const note = makeArtifact(dir, { tag: 'note', subject: image.descriptor });
    const push = ['cp', '--from-oci-layout', '--to-plain-http'];
    ok(await clients.oras([...push, `${dir}:latest`, `${at.ref}:1`]));
    ok(await clients.oras([...push, `${dir}:note`, `${at.ref}:note`]));
    writeFileSync(join(clients.home, 'sbom.json'), '{"name":"sbom"}');
    const attach = ['attach', PLAIN.oras, '--artifact-type', 'application/spdx+json'];
    ok(await clients.oras([...attach, `${at.ref}:1`, 'sbom.json:application/json'], { cwd: clients.home }));

    const found = JSON.parse(
      ok(await clients.oras(['discover', PLAIN.oras, '--format', 'json', `${at.ref}:1`])),
    );
    expect(found.referrers.map((one: { artifactType: string }) => one.artifactType).sort()).toEqual([
      'application/spdx+json',
      'application/vnd.example.note.v1',
    ]);
    const filtered = await ask(
      `${at.url}/referrers/${image.descriptor.digest}?artifactType=application/spdx%2Bjson`,
    );
    expect(filtered.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(((await filtered.json()) as { manifests: unknown[] }).manifests).toHaveLength(1);

    const back = folder('back');
    ok(await clients.oras(['cp', '-r', '--from-plain-http', '--to-oci-layout', `${at.ref}:1`, `${back}:1`]));
    sameBytes(image, back);
    sameBytes(note, back);
    expect(readIndex(back).length).toBeGreaterThan(0);
    operation(task, ...proved('oras', 'copy of an artifact with its referrers', 'attach', 'discover'));
  });

  test('pushes and pulls a file', async ({ task }) => {
    const at = fresh('file');
    const work = mkdtempSync(join(tmpdir(), 'sr-file-'));
    try {
      writeFileSync(join(work, 'hello.txt'), 'hello');
      ok(await clients.oras(['push', PLAIN.oras, `${at.ref}:1`, 'hello.txt:text/plain'], { cwd: work }));
      ok(await clients.oras(['pull', PLAIN.oras, '-o', join(work, 'out'), `${at.ref}:1`]));
      expect(readFileSync(join(work, 'out', 'hello.txt'), 'utf8')).toBe('hello');
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    operation(task, ...proved('oras', 'push', 'pull'));
  });
});

describeWith(['skopeo', 'umoci'], 'umoci', () => {
  test('unpacks what was pulled', async ({ task }) => {
    const { layout, at } = await pushed('umoci');
    const back = folder('back');
    ok(await clients.skopeo(['copy', PLAIN.from, `${at.docker}:1`, `oci:${back}:1`]));
    const bundle = folder('bundle');
    ok(await clients.umoci(['unpack', '--rootless', '--image', `${back}:1`, bundle]));
    expect(readFileSync(join(bundle, 'rootfs', 'file-0'))).toHaveLength(1000);
    expect(layout.parts).toHaveLength(3);
    operation(task, ...proved('umoci', 'unpack of what skopeo pulled'));
  });
});

describeWith(['docker'], 'docker', () => {
  test('pushes, pulls back the same, and shows why a held image is refused', async ({ task }) => {
    const at = fresh('docker');
    ok(await clients.docker(['import', '-', `${at.ref}:1`], { input: tarOf('hello', randomBytes(1000)) }));
    try {
      ok(await clients.docker(['push', `${at.ref}:1`]));
      const digest = (await ask(`${at.url}/manifests/1`)).headers.get('docker-content-digest') ?? '';
      ok(await clients.docker(['rmi', `${at.ref}:1`]));
      expect(ok(await clients.docker(['pull', `${at.ref}:1`]))).toContain(digest);
      ok(await clients.docker(['rmi', `${at.ref}:1`]));
      await holdOf(at.image, digest, 'the licence is unclear');
      for (const reference of [`${at.ref}:1`, `${at.ref}@${digest}`]) {
        const ran = await clients.docker(['pull', reference]);
        expect(ran.code).not.toBe(0);
        expect(ran.stderr).toContain('the licence is unclear');
      }
    } finally {
      await clients.docker(['rmi', '--force', `${at.ref}:1`]);
    }
    operation(task, ...proved('docker', 'push', 'pull', HELD));
  });
});

describeWith(['skopeo', 'podman', 'buildah', 'crane', 'oras'], 'a held image', () => {
  const REASON = 'CVE-2026-1234 is being looked at';
  const pulls: Record<string, (ref: string, to: string) => Promise<Ran>> = {
    'skopeo copy': (ref, to) => clients.skopeo(['copy', PLAIN.from, `docker://${ref}`, `oci:${to}:1`]),
    'skopeo inspect': ref => clients.skopeo(['inspect', PLAIN.skopeo, `docker://${ref}`]),
    'podman pull': ref => clients.podman(['pull', PLAIN.podman, ref]),
    'buildah pull': ref => clients.buildah(['pull', PLAIN.buildah, ref]),
    'crane pull': (ref, to) => clients.crane(['pull', PLAIN.crane, '--format=oci', ref, to]),
    'crane digest': ref => clients.crane(['digest', PLAIN.crane, ref]),
    'oras cp': (ref, to) => clients.oras(['cp', '--from-plain-http', '--to-oci-layout', ref, `${to}:1`]),
    'oras manifest fetch': ref => clients.oras(['manifest', 'fetch', PLAIN.oras, ref]),
  };

  test('is refused by tag and by digest, with the reason, in each client; and served again when released', async ({
    task,
  }) => {
    const { layout, at } = await pushed('held');
    const references = [`${at.ref}:1`, `${at.ref}@${layout.descriptor.digest}`];
    const { id } = await holdOf(at.image, layout.descriptor.digest, REASON);
    for (const [what, pull] of Object.entries(pulls))
      for (const reference of references) {
        const ran = await pull(reference, folder('held'));
        expect(ran.code, what).not.toBe(0);
        expect(ran.stderr, what).toContain(REASON);
      }
    await registry.api('POST', `/holds/${id}/release`, { reason: 'it was nothing' });
    for (const [what, pull] of Object.entries(pulls))
      expect((await pull(`${at.ref}:1`, folder('released'))).code, what).toBe(0);
    for (const client of ['skopeo', 'podman', 'buildah', 'crane', 'oras'] as const)
      operation(task, ...proved(client, HELD));
  });

  test('inside an index stops that architecture only', async ({ task }) => {
    const at = fresh('held-child');
    const layout = makeIndex(folder('layout'));
    ok(await clients.skopeo(['copy', '--all', PLAIN.to, `oci:${layout.dir}:multi`, `${at.docker}:1`]));
    const held = layout.parts.find(part => part.platform?.architecture === 'arm64');
    await holdOf(at.image, held?.digest ?? '', REASON);
    const pull = (architecture: string) =>
      clients.skopeo([
        'copy',
        '--override-arch',
        architecture,
        PLAIN.from,
        `${at.docker}:1`,
        `oci:${folder('x')}:1`,
      ]);
    const refused = await pull('arm64');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(REASON);
    ok(await pull('amd64'));
    operation(task, ...proved('skopeo', 'one held platform of several is refused alone'));
  });
});
