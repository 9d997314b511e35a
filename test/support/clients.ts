/**
 * Real container clients against a registry at http://127.0.0.1:<port>, each test in a home folder of its own: no
 * credentials, caches or images of the machine are read or left behind. What they print on a refusal is in
 * src/protocols/oci/README.md.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program, type ServiceName, service } from './services.ts';

export * from './oci-layout.ts';

/** What a run gave back. `code` is -1 when it was stopped for taking too long. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
export interface RunOptions {
  readonly input?: string | Buffer;
  readonly cwd?: string;
  /** milliseconds, 60 s unless told */
  readonly timeout?: number;
}
export type Client = (args: readonly string[], options?: RunOptions) => Promise<Ran>;

export interface Clients {
  /** removed by `close` */
  readonly home: string;
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** `127.0.0.1:<port>/<name>` */
  ref(name: string): string;
  readonly skopeo: Client;
  readonly podman: Client;
  readonly buildah: Client;
  readonly crane: Client;
  readonly oras: Client;
  readonly umoci: Client;
  /** the client of the engine at STRONGROOM_TEST_DOCKER_HOST, which takes any registry on 127.0.0.1 without TLS */
  readonly docker: Client;
  /** Makes all of them log in as this one from now on; nobody: they are anonymous again. */
  authenticate(user?: string, password?: string): void;
  close(): void;
}

/** Where each client takes `no TLS` from; podman and buildah also keep images in the home folder, as plain files. */
export function openClients(registry: { readonly port: number }): Clients {
  // Short, because podman's run folder may have 50 characters; lower case, because it takes a layout's path for a name.
  const home = join(tmpdir(), `sr-${randomBytes(6).toString('hex')}`);
  mkdirSync(home, { mode: 0o700 });
  const host = `127.0.0.1:${registry.port}`;
  const env = environment(home, host);
  const storage = [
    ['--root', join(home, 'images')],
    ['--runroot', join(home, 'run')],
    ['--storage-driver', 'vfs'],
  ].flat();
  const client =
    (name: ServiceName, before: readonly string[] = []): Client =>
    (args, options) =>
      run(program(name), [...before, ...args], { env, ...options });
  return {
    home,
    host,
    ref: name => `${host}/${name}`,
    skopeo: client('skopeo', ['--insecure-policy']),
    podman: client('podman', [...storage, '--cgroup-manager=cgroupfs', '--events-backend=none']),
    buildah: client('buildah', storage),
    crane: client('crane'),
    oras: client('oras'),
    umoci: client('umoci'),
    docker: (args, options) =>
      run('docker', ['--host', service('docker').url ?? '', ...args], { env, ...options }),
    authenticate: (user, password) =>
      writeAuth(home, host, user === undefined ? undefined : `${user}:${password}`),
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** The flags by which each client speaks plain HTTP; a copy of skopeo's has one for each side. */
export const PLAIN = {
  skopeo: '--tls-verify=false',
  from: '--src-tls-verify=false',
  to: '--dest-tls-verify=false',
  podman: '--tls-verify=false',
  buildah: '--tls-verify=false',
  crane: '--insecure',
  oras: '--plain-http',
} as const;

function environment(home: string, host: string): NodeJS.ProcessEnv {
  const config = join(home, '.config', 'containers');
  for (const folder of [config, join(home, 'docker'), join(home, 'run'), join(home, 'tmp')])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(config, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const registries = join(config, 'registries.conf');
  writeFileSync(registries, `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
  writeAuth(home, host, undefined);
  return {
    PATH: process.env.PATH,
    HOME: home,
    TMPDIR: join(home, 'tmp'),
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_RUNTIME_DIR: join(home, 'run'),
    DOCKER_CONFIG: join(home, 'docker'),
    REGISTRY_AUTH_FILE: join(home, 'docker', 'config.json'),
    CONTAINERS_REGISTRIES_CONF: registries,
    // podman and buildah put themselves into a user namespace unless they believe to be in one
    _CONTAINERS_USERNS_CONFIGURED: process.getuid?.() === 0 ? 'done' : undefined,
    BUILDAH_ISOLATION: 'chroot',
  };
}

function writeAuth(home: string, host: string, credentials: string | undefined): void {
  const auths =
    credentials === undefined ? {} : { [host]: { auth: Buffer.from(credentials).toString('base64') } };
  writeFileSync(join(home, 'docker', 'config.json'), JSON.stringify({ auths }));
}

function run(
  file: string,
  args: readonly string[],
  options: RunOptions & { env: NodeJS.ProcessEnv },
): Promise<Ran> {
  const { input, cwd, env, timeout = 60_000 } = options;
  return new Promise((resolve, reject) => {
    const settings = { env, timeout, maxBuffer: 64 * 1024 * 1024, ...(cwd ? { cwd } : {}) };
    const child = execFile(file, args, settings, (error, stdout, stderr) => {
      if (error && typeof error.code === 'string') return reject(error); // it did not even start
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.on('error', () => {}); // it may end before it has read everything
    child.stdin?.end(input ?? '');
  });
}
