/** The tour of a newcomer, command by command, against the real server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { cli } from './support.ts';

const PROGRAM = join(import.meta.dirname, '../../bin/strongroom.js');

let registry: TestRegistry;
let home: string;

beforeAll(async () => {
  [registry, home] = await Promise.all([startRegistry(), mkdtemp(join(tmpdir(), 'strongroom-cli-'))]);
});
afterAll(async () => {
  await registry?.stop();
  await rm(home, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const environment = (more: Readonly<Record<string, string>> = {}) => ({ HOME: home, ...more });

/** In this process, to be quick; what only a process can show has its own tests below. */
const strongroom = (args: readonly string[], { input = '', env = {} }: RunOptions = {}): Promise<Ran> =>
  cli(args, { input, env: environment(env) });

function asProcess(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], {
    env: { PATH: process.env.PATH, TZ: 'UTC', ...environment() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
const end = (child: ChildProcess) => new Promise<number | null>(done => child.once('close', done));

/** Runs a command line that must go well; quotes are not needed in it. */
async function ok(line: string, options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await strongroom(line.split(' '), options);
  expect(`${line}: ${code} ${code === 0 ? '' : stderr}`).toBe(`${line}: 0 `);
  return stdout;
}
const json = async <T = Record<string, unknown>>(line: string): Promise<T> =>
  JSON.parse(await ok(`${line} --json`));

/** Somebody else with the right to promote in the shop; as the environment of a command. */
async function colleague(name: string): Promise<RunOptions> {
  const { id } = await registry.api<{ id: string }>('POST', '/principals', { name });
  await registry.api('POST', '/grants', { role: 'contributor', project: 'shop', principal: id });
  const { token } = await registry.api<{ token: string }>('POST', `/principals/${id}/tokens`, {});
  return { env: { STRONGROOM_URL: registry.url, STRONGROOM_TOKEN: token } };
}

const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const IMAGE = 'application/vnd.oci.image.manifest.v1+json';

/** Pushes an image over plain HTTP, as admin. */
async function push(name: string, tag: string, content: string): Promise<string> {
  const authorization = `Basic ${Buffer.from(`admin:${registry.adminPassword}`).toString('base64')}`;
  const put = async (path: string, body: Buffer, type: string) => {
    const headers = { authorization, 'content-type': type };
    const response = await fetch(`${registry.url}${path}`, {
      method: 'PUT',
      headers,
      body: new Uint8Array(body),
    });
    expect(`${path}: ${response.status} ${await response.text()}`).toContain(': 201');
  };
  const blob = async (bytes: Buffer) => {
    const begun = await fetch(`${registry.url}/v2/${name}/blobs/uploads/`, {
      method: 'POST',
      headers: { authorization },
    });
    const at = new URL(begun.headers.get('location') ?? '', registry.url);
    at.searchParams.set('digest', sha256(bytes));
    await put(`${at.pathname}${at.search}`, bytes, 'application/octet-stream');
    return { digest: sha256(bytes), size: bytes.length };
  };
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    ...(await blob(Buffer.from('{}'))),
  };
  const layer = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    ...(await blob(Buffer.from(content))),
  };
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, config, layers: [layer] }),
  );
  await put(`/v2/${name}/manifests/${tag}`, manifest, IMAGE);
  return sha256(manifest);
}

/** The steps build on each other. */
describe('the tour', { concurrent: false }, () => {
  let digest: string;
  let attachment: string;
  let token: string;

  it('logs in with a password and keeps a token only', async () => {
    const input = `${registry.adminPassword}\n`;
    expect(await ok(`login ${registry.url} --user admin --password-stdin`, { input })).toContain('as admin');
    const tokens = await json<{ label: string; id: string }[]>('token list');
    expect(tokens).toHaveLength(1);
    expect(tokens[0]?.label).toMatch(/^cli on /);
    expect(await ok('whoami')).toMatch(/name +admin[\s\S]*roles +admin at the instance/);
  });

  it('refuses a wrong password with 4', async () => {
    const { code, stderr } = await strongroom(
      ['login', registry.url, '--password-stdin', '--profile', 'bad'],
      { input: 'wrong wrong' },
    );
    expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringMatching(/^CREDENTIALS_INVALID: /) });
  });

  it('makes a project and a repository', async () => {
    await ok('project create shop');
    await ok('repository create shop/dev --format oci');
    await ok('repository create shop/release --format oci');
    await ok('repository set shop/dev --recording each');
    expect((await json<object[]>('repository list shop')).map(row => (row as { name: string }).name)).toEqual(
      ['dev', 'release'],
    );
    expect(await json('repository show shop/dev')).toMatchObject({
      project: 'shop',
      name: 'dev',
      recording: 'each',
    });
    expect(await strongroom(['project', 'create', 'shop'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^NAME_TAKEN: /),
    });
  });

  it('makes people, accounts, roles and tokens', async () => {
    await ok('user create alice --password-stdin', { input: 'alice has a password' });
    await ok('service-account create ci');
    await ok('role grant alice contributor shop');
    await ok('role grant ci viewer shop/dev');
    expect(await ok('role list shop')).toMatch(/alice +contributor/);
    token = (
      await ok('token create --for ci --expires-in 30d --scope shop/dev --action pull --quiet')
    ).trim();
    expect(token).toMatch(/^sr_/);
    const [made] = await json<{ id: string; limits: object }[]>('token list --for ci');
    expect(made?.limits).toMatchObject({ actions: ['pull'] });
    const env = {
      STRONGROOM_URL: registry.url,
      STRONGROOM_TOKEN: token,
      STRONGROOM_CONFIG: join(home, 'none'),
    };
    expect(await ok('whoami', { env })).toMatch(/name +ci[\s\S]*viewer at shop\/dev/);
    expect(await strongroom(['user', 'list'], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^FORBIDDEN: /),
    });
    await ok(`token revoke ${made?.id} --for ci`);
    expect((await strongroom(['repository', 'list'], { env })).code).toBe(4);
    await ok('user disable alice');
    await ok('user enable alice');
    expect(await ok('user list')).toMatch(/alice +user +active/);
  });

  it('shows what was pushed', async () => {
    digest = await push('shop/dev/app', '1.0', 'layer one');
    expect(await ok('artifact list shop/dev --quiet')).toBe('shop/dev/app\n');
    expect(await ok('artifact list shop/dev/app --quiet')).toBe(`shop/dev/app@${digest}\n`);
    expect(await json('artifact show shop/dev/app:1.0')).toMatchObject({
      version: digest,
      tags: ['1.0'],
      status: 'live',
      held: false,
    });
    await ok('artifact tag shop/dev/app:1.0 stable');
    expect(await ok('artifact show shop/dev/app:stable')).toMatch(/tags +1\.0 stable/);
    expect(await ok('artifact history shop/dev/app')).toContain('TagAssigned');
  });

  it('holds and releases', async () => {
    const hold = await strongroom([
      'artifact',
      'hold',
      'shop/dev/app:1.0',
      '--reason',
      'CVE-2026-0001 is open',
      '--quiet',
    ]);
    expect(hold.code).toBe(0);
    expect(await ok('artifact show shop/dev/app:1.0')).toMatch(
      /state +live, held[\s\S]*CVE-2026-0001 is open/,
    );
    expect(await ok('artifact holds shop/dev')).toContain(`shop/dev/app@${digest.slice(0, 19)}`);
    const refused = await strongroom('artifact promote shop/dev/app:1.0 shop/release'.split(' '));
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^ARTIFACT_HELD: .*CVE-2026-0001[\s\S]*what to do:/),
    });
    expect(await ok('artifact release shop/dev/app:1.0')).toContain(
      `Lifted hold ${hold.stdout.trim()}; nothing holds it`,
    );
    expect((await strongroom(['artifact', 'release', hold.stdout.trim()])).stderr).toMatch(/^HOLD_UNKNOWN: /);
  });

  it('attaches a policy, is refused by it, and changes its level', async () => {
    const attach = [
      'policy',
      'attach',
      'protected_tags',
      'shop/release',
      '--level',
      'hard',
      '--param',
      'patterns=["v*"]',
      '--param',
      'roles=[]',
    ];
    const made = await strongroom([...attach, '--json']);
    expect(made.stderr).toBe('');
    attachment = JSON.parse(made.stdout).id;
    expect(await ok('policy attachments')).toMatch(/protected_tags +hard +shop\/release/);
    await ok('artifact promote shop/dev/app:1.0 shop/release');
    await ok('artifact tag shop/release/app:1.0 v1');
    const denied = await strongroom('artifact delete shop/release/app:v1'.split(' '));
    expect(denied).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^POLICY_DENIED: [\s\S]*TAG_PROTECTED \(policy protected_tags, hard\)/),
    });
    await ok(`policy level ${attachment} shadow`);
    await ok('artifact delete shop/release/app:v1');
    expect(await ok('artifact promotions shop/release')).toMatch(/completed +app +1\.0/);
    expect(await ok('denial list')).toMatch(/delete +1 +TAG_PROTECTED/);
  });

  it('waits for the approval of somebody else, and shows what waits', async () => {
    expect(await ok('promotion list')).toBe('no promotions\n');
    await ok('repository set shop/release --required-approvals 1');
    expect(await ok('repository show shop/release')).toMatch(/approvals to promote into it +1/);
    const wanted = 'artifact promote shop/dev/app:1.0 shop/release --tag rc --reason'.split(' ');
    const asked = await strongroom([...wanted, 'for the fair']);
    expect(asked.stdout).toMatch(/^Asked to promote .* it waits for 1 approval: promotion \S+\n$/);
    const id = asked.stdout.trim().split(' ').at(-1) ?? '';
    expect(await ok('promotion list shop/release')).toMatch(
      /waiting +app +rc .* shop\/dev +shop\/release +0 of 1/,
    );
    expect(await ok('promotion list --quiet')).toBe(`${id}\n`);
    const shown = await ok(`promotion show ${id}`);
    expect(shown).toMatch(/status +waiting[\s\S]*reason +for the fair[\s\S]*approvals +0 of 1/);
    expect(shown).toContain(`TAKES ALONG`);
    const own = await strongroom(['promotion', 'approve', id]);
    expect(own).toMatchObject({ code: 1, stderr: expect.stringMatching(/^FORBIDDEN: .*cannot approve it/) });
    const bob = await colleague('bob');
    const blind = await strongroom(
      ['promotion', 'approve', id, '--closure', `sha256:${'0'.repeat(64)}`],
      bob,
    );
    expect(blind).toMatchObject({ code: 1, stderr: expect.stringMatching(/^STATE_CONFLICT: /) });
    const approved = await strongroom(['promotion', 'approve', id, '--reason', 'seen'], bob);
    expect(approved).toMatchObject({ code: 0, stdout: `Approved promotion ${id}: it is completed\n` });
    expect(await ok(`promotion show ${id}`)).toMatch(/status +completed[\s\S]*APPROVED BY[\s\S]* seen/);
    expect(await ok('promotion list --status completed')).toContain(id);
  });

  it('rejects a promotion, and tells by its exit code that an approved one was refused', async () => {
    const bob = await colleague('eve');
    const wanted = 'artifact promote shop/dev/app:1.0 shop/release --tag no --quiet'.split(' ');
    const [one, two] = [(await strongroom(wanted)).stdout.trim(), (await strongroom(wanted)).stdout.trim()];
    const rejected = await strongroom(['promotion', 'reject', one, '--reason', 'freeze'], bob);
    expect(rejected).toMatchObject({ code: 0, stdout: `Promotion ${one} is rejected\n` });
    expect(await ok(`promotion show ${one}`)).toMatch(/status +rejected[\s\S]*because +freeze/);
    expect((await strongroom(['promotion', 'reject', one])).code).toBe(2);
    await strongroom(['artifact', 'hold', 'shop/dev/app:1.0', '--reason', 'stop']);
    const refused = await strongroom(['promotion', 'approve', two], bob);
    expect(refused).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('but it was refused: ARTIFACT_HELD: stop'),
    });
    await ok('artifact release shop/dev/app:1.0');
    await ok('repository set shop/release --required-approvals 0');
    expect((await strongroom(['promotion', 'show', 'none'])).stderr).toMatch(/^PROMOTION_UNKNOWN: /);
  });

  it('shows decisions and makes them again, byte for byte', async () => {
    const [latest] = await json<{ id: string }[]>('decision list --limit 1');
    expect(await ok(`decision show ${latest?.id}`)).toContain('protected_tags');
    expect(await ok(`decision replay ${latest?.id}`)).toContain('the same, byte for byte');
    expect(await ok('decision replay --all')).toMatch(/^[1-9]\d* decisions made again: .* 0 different\n$/);
    await ok('views rebuild --wait');
    expect(await ok('decision replay --all')).toMatch(/ 0 different\n$/);
  });

  it('deletes and restores', async () => {
    await ok('artifact delete shop/dev/app:stable');
    expect((await strongroom(['artifact', 'show', 'shop/dev/app:stable'])).code).toBe(1);
    await ok(`artifact delete shop/dev/app@${digest} --yes`);
    expect(await ok('artifact list shop/dev/app --status live')).toBe('no versions\n');
    expect(await ok('artifact list shop/dev/app --status deleted --quiet')).toBe(`shop/dev/app@${digest}\n`);
    await ok(`artifact restore shop/dev/app@${digest}`);
    expect(await json('artifact show shop/dev/app:1.0')).toMatchObject({ version: digest, status: 'live' });
  });

  it('reads events from a position, and follows them', async () => {
    const first = await strongroom(['events', 'list', '--limit', '3', '--json']);
    const position = /--after (\S+)/.exec(first.stderr)?.[1];
    expect(JSON.parse(first.stdout)).toHaveLength(3);
    expect(JSON.parse(first.stdout)[2].position).toBe(position);
    const [next] = await json<{ position: string }[]>(`events list --after ${position} --limit 1`);
    expect(next && position && next.position > position).toBe(true);
    expect(await json('events list --types ProjectCreated')).toHaveLength(2);

    const tail = asProcess(['events', 'tail', '--json', '--streams', 'tag-']);
    const ended = end(tail);
    const [out, err] = [watch(tail.stdout), watch(tail.stderr)];
    await err.until(/following after position \d+/);
    await ok('artifact tag shop/dev/app:1.0 fresh');
    const seen = JSON.parse(await out.until(/^.*\n/));
    expect(seen).toMatchObject({ type: 'TagAssigned', data: { tag: 'fresh' } });
    tail.kill('SIGINT');
    expect(await err.until(/go on with --after \d+/)).toContain(seen.position);
    expect(await ended).toBe(0);
  });

  it('is a process with an exit code, and ends when its reader does', async () => {
    expect(await end(asProcess(['project', 'show']))).toBe(2);
    const child = asProcess(['events', 'list', '--json']);
    child.stdout?.destroy();
    const said = watch(child.stderr);
    expect(await end(child)).toBe(0);
    expect(said.text()).toBe('');
  });

  it('looks after the installation', async () => {
    expect(await ok('doctor')).toMatch(/ready +yes/);
    expect(await json('usage')).toMatchObject({ versions: 2 });
    expect(await ok('views status')).toMatch(/state +following/);
    expect(await json('gc --dry-run')).toMatchObject({ dryRun: true, removed: 0 });
    await ok('gc');
    expect(await json<object[]>('gc list')).not.toHaveLength(0);
  });

  it('works on the host while the server runs', async () => {
    const env = { STRONGROOM_DATA: registry.data };
    const glass = ['admin', 'break-glass', attachment, '--reason', 'locked out'];
    expect(await strongroom(glass, { env })).toMatchObject({
      code: 0,
      stdout: `${attachment} was taken off\n`,
    });
    expect(await ok('policy attachments')).toBe('no attached policies\n');
    const password = (await ok('admin reset-password --user alice --quiet', { env })).trim();
    const as = { STRONGROOM_URL: registry.url, STRONGROOM_USER: 'alice', STRONGROOM_PASSWORD: password };
    expect(await ok('whoami --quiet', { env: as })).toBe('alice\n');
  });

  it('backs up, verifies, and restores elsewhere', async () => {
    const file = join(home, 'backup.tar');
    expect(await ok(`backup ${file}`, { env: { STRONGROOM_DATA: registry.data } })).toContain('Wrote');
    expect(await ok(`verify ${file}`)).toMatch(/archive +complete/);
    expect(await ok(`restore ${file}`, { env: { STRONGROOM_DATA: join(home, 'restored') } })).toContain(
      'Restored',
    );
    const again = await strongroom(['restore', file], { env: { STRONGROOM_DATA: join(home, 'restored') } });
    expect({ code: again.code, stack: /^\s+at /m.test(again.stderr) }).toEqual({ code: 1, stack: false });
  });

  it('deletes what is empty and asks nobody where there is no terminal', async () => {
    expect((await strongroom(['repository', 'delete', 'shop/dev'])).stderr).toMatch(/^STATE_CONFLICT: /);
    await ok('repository create shop/empty --format oci');
    await ok('repository delete shop/empty');
    await ok('user delete alice');
    expect(await ok('user list --quiet')).not.toContain('alice');
  });

  it('logs out, and the token is worth nothing any more', async () => {
    expect(await ok('logout')).toContain('its token is revoked');
    expect((await strongroom(['whoami'], { env: { STRONGROOM_URL: registry.url } })).code).toBe(4);
    expect((await strongroom(['logout'])).stderr).toBe('you were not logged in\n');
  });
});

/** Waits for a text in what a stream says, from where the last one ended. */
function watch(stream: NodeJS.ReadableStream | null) {
  let text = '';
  const waiting = new Set<() => void>();
  stream?.on('data', chunk => {
    text += chunk;
    for (const look of waiting) look();
  });
  return {
    text: () => text,
    until: (wanted: RegExp) =>
      new Promise<string>(done => {
        const look = () => {
          const [found] = wanted.exec(text) ?? [];
          if (found === undefined) return;
          waiting.delete(look);
          done(found);
        };
        waiting.add(look);
        look();
      }),
  };
}
