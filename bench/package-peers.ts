/** Repositories of packages that are compared: Strongroom and, per format, the servers that people host themselves. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Installed, PYPISERVER, pypiserver, VERDACCIO, verdaccio } from './installed.ts';
import { type Strongroom, startNginx, startStrongroom } from './peers.ts';
import { findProgram, freePort, startDaemon } from './processes.ts';

export interface PackagePeer {
  readonly name: string;
  readonly version: string;
  /** of its repository, without a slash at the end */
  readonly url: string;
  /** what its clients send with each request */
  readonly headers: Readonly<Record<string, string>>;
  readonly pid: number;
  stop(): Promise<void>;
}

type Started = PackagePeer | { readonly absent: string };

/** Every push and pull is decided by two policy sets; clients send a token, as they do after a login. */
export async function startPackages(folder: string, format: string): Promise<PackagePeer> {
  const strongroom: Strongroom = await startStrongroom(folder, { gated: false });
  const { registry } = strongroom;
  for (const set of ['name_and_version_pattern', 'protected_tags'])
    await registry.api('POST', '/attachments', {
      ...{ project: 'main', repository: format, level: 'hard', set, params: {} },
    });
  const { token } = await registry.api<{ token: string }>('POST', '/principals/admin/tokens', {});
  return {
    name: 'strongroom',
    version: strongroom.version,
    url: `${registry.url}/pkg/main/${format}/${format}`,
    headers: { authorization: `Bearer ${token}` },
    pid: strongroom.pid,
    stop: strongroom.stop,
  };
}

/** Everybody may do everything, nothing is logged, there are no pages and no upstream: what makes it fastest. */
export async function startVerdaccio(folder: string): Promise<Started> {
  const found = await verdaccio();
  if ('absent' in found) return found;
  const data = join(folder, 'verdaccio');
  const port = await freePort();
  await mkdir(data, { recursive: true });
  const config = {
    storage: join(data, 'storage'),
    web: { enable: false },
    auth: { htpasswd: { file: join(data, 'htpasswd') } },
    packages: { '**': { access: '$all', publish: '$all', unpublish: '$all' } },
    max_body_size: '100mb',
    log: { type: 'stdout', format: 'json', level: 'fatal' },
  };
  const file = join(data, 'config.yaml');
  await writeFile(file, JSON.stringify(config)); // YAML takes JSON
  const url = `http://127.0.0.1:${port}`;
  const args = [found.path, '--config', file, '--listen', `127.0.0.1:${port}`];
  return daemon({ name: 'verdaccio', version: VERDACCIO, url }, process.execPath, args);
}

/** `auto` takes waitress, which is installed beside it. @param packages files that it has from the start */
export async function startPypiserver(folder: string, packages: string): Promise<Started> {
  const found: Installed = await pypiserver();
  if ('absent' in found) return found;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const open = ['-P', '.', '-a', '.', '--disable-fallback'];
  const server = ['--server', 'auto', '--log-stream', 'none', '-i', '127.0.0.1', '-p', `${port}`];
  const args = ['-m', 'pypiserver', 'run', ...server, ...open, join(folder, packages)];
  return daemon({ name: 'pypiserver', version: `${PYPISERVER} on waitress`, url }, found.path, args);
}

async function daemon(
  of: { name: string; version: string; url: string },
  program: string,
  args: readonly string[],
): Promise<PackagePeer> {
  const { process: child, stop } = await startDaemon(program, args, `${of.url}/`);
  return { ...of, headers: {}, pid: child.pid ?? 0, stop };
}

/** Plain files: what no server of packages can be faster than. */
export async function startFiles(
  folder: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<Started> {
  const program = findProgram('nginx');
  if (!program) return { absent: 'nginx is not installed' };
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, 'nginx', 'html', path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, content);
  }
  return { ...(await startNginx(program, folder)), headers: {} };
}

/** Those that are here, and why others are not. */
export function sorted(started: readonly Started[]): { peers: PackagePeer[]; absent: string[] } {
  return {
    peers: started.flatMap(one => ('absent' in one ? [] : [one])),
    absent: started.flatMap(one => ('absent' in one ? [one.absent] : [])),
  };
}
