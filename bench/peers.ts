/** What is compared: Strongroom and what people use today, each on its own port with its own data on the same disk. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRegistry, type TestRegistry } from '../test/support/registry.ts';
import { endWithUs, findProgram, freePort, startDaemon, versionOf } from './processes.ts';

export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  /** what clients put before the image's name */
  readonly prefix: string;
  /** of the server, for its memory */
  readonly pid: number;
  /** The Authorization header of a client that logged in for this image, as clients do it: once, then the bearer. */
  authorize(image: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

export interface Strongroom extends Peer {
  readonly registry: TestRegistry;
}

const PARAMS = { mediaTypes: ['application/vnd.oci.image.manifest.v1+json'], maxBytes: 10_000_000_000 };

export interface StrongroomOptions {
  /** attach policy sets to the repository that evaluate each push, tag and pull; default true */
  readonly gated?: boolean;
  readonly name?: string;
  readonly data?: string;
  readonly nodeOptions?: readonly string[];
}

/** The embedded form as `npm start` runs it, with its default recording (`counted`). */
export async function startStrongroom(folder: string, options: StrongroomOptions = {}): Promise<Strongroom> {
  const { gated = true, name = 'strongroom', data = join(folder, name), nodeOptions = [] } = options;
  const registry = await startRegistry({ data, nodeOptions });
  endWithUs(registry.process);
  if (gated)
    for (const [set, params] of Object.entries({ allowed_media_types: PARAMS, protected_tags: {} }))
      await registry.api('POST', '/attachments', {
        project: 'main',
        repository: 'oci',
        level: 'hard',
        set,
        params,
      });
  return {
    name,
    version: `on Node ${process.versions.node}`,
    url: registry.url,
    prefix: 'main/oci/',
    pid: registry.process.pid ?? 0,
    registry,
    authorize: image => bearer(registry, `main/oci/${image}`),
    stop: () => registry.stop(),
  };
}

async function bearer({ url, adminPassword }: TestRegistry, image: string): Promise<string> {
  const basic = Buffer.from(`admin:${adminPassword}`).toString('base64');
  const scope = encodeURIComponent(`repository:${image}:pull,push`);
  const response = await fetch(`${url}/v2/token?service=bench&scope=${scope}`, {
    headers: { authorization: `Basic ${basic}` },
  });
  const { token } = (await response.json()) as { token: string };
  return `Bearer ${token}`;
}

/** Debian's docker-registry (2.8) and distribution's registry (3): neither syncs what it acknowledges to the disk. */
export async function startDistribution(name: string, program: string, folder: string): Promise<Peer> {
  const data = join(folder, name);
  const port = await freePort();
  await mkdir(data, { recursive: true });
  const config = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data }, cache: { blobdescriptor: 'inmemory' } },
    http: { addr: `127.0.0.1:${port}` },
  };
  const file = join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(config)); // YAML takes JSON
  const url = `http://127.0.0.1:${port}`;
  const { process: child, stop } = await startDaemon(program, ['serve', file], `${url}/v2/`);
  return {
    name,
    version: versionOf(program, ['--version'], /v?(\d+\.\d+\S*)/),
    url,
    prefix: '',
    pid: child.pid ?? 0,
    authorize: async () => undefined,
    stop,
  };
}

/** nginx serving files by sendfile; the caller puts them into `<folder>/nginx/html`. */
export async function startNginx(program: string, folder: string): Promise<Peer> {
  const home = join(folder, 'nginx');
  const port = await freePort();
  await mkdir(join(home, 'html'), { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    kind => `${kind}_temp_path ${join(home, kind)};`,
  );
  const config = `
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    worker_processes auto; daemon off; pid ${join(home, 'pid')}; error_log stderr error;
    events { worker_connections 256; }
    http {
      ${temporary.join(' ')} access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
      server { listen 127.0.0.1:${port}; root ${join(home, 'html')}; }
    }`;
  const file = join(home, 'nginx.conf');
  await writeFile(file, config);
  const url = `http://127.0.0.1:${port}`;
  const { process: child, stop } = await startDaemon(program, ['-c', file, '-e', 'stderr'], `${url}/`);
  return {
    name: 'nginx',
    version: versionOf(program, ['-v'], /nginx\/(\S+)/),
    url,
    prefix: '',
    pid: child.pid ?? 0,
    authorize: async () => undefined,
    stop,
  };
}

/** The registries that are here, and the names of those that are not. */
export async function startPeers(folder: string): Promise<{ peers: Peer[]; absent: string[] }> {
  const programs = { 'docker-registry': 'docker-registry', 'distribution-v3': 'registry' };
  const peers: Peer[] = [];
  const absent: string[] = [];
  for (const [name, program] of Object.entries(programs)) {
    const path = findProgram(program);
    if (path) peers.push(await startDistribution(name, path, folder));
    else absent.push(name);
  }
  return { peers, absent };
}
