/** Real helm in a home folder of its own. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program, service } from './services.ts';

export interface Ran {
  readonly code: number;
  /** both streams, stdout first */
  readonly out: string;
  readonly stdout: string;
}

export interface Helm {
  readonly home: string;
  run(args: readonly string[], cwd?: string): Promise<Ran>;
  gpg(args: readonly string[]): Promise<Ran>;
  close(): Promise<void>;
}

export function openHelm(): Helm {
  // short: the sockets of gpg's agent are below it
  const home = join(tmpdir(), `sr-${randomBytes(6).toString('hex')}`);
  mkdirSync(join(home, '.gnupg'), { recursive: true, mode: 0o700 });
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    GNUPGHOME: join(home, '.gnupg'),
    HELM_PLUGINS: join(home, 'plugins'),
    HELM_NO_PLUGINS: '',
  };
  installPushPlugin(env.HELM_PLUGINS);
  const run = (name: 'helm' | 'gpg', args: readonly string[], cwd = home) =>
    execute(program(name), args, { cwd, env });
  return {
    home,
    run: (args, cwd) => run('helm', args, cwd),
    gpg: args => run('gpg', ['--batch', '--pinentry-mode', 'loopback', '--passphrase', '', ...args]),
    async close() {
      if (service('gpg').available)
        await execute('gpgconf', ['--kill', 'all'], { cwd: home, env }).catch(() => {});
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** As `helm plugin install` lays it out. */
function installPushPlugin(plugins: string): void {
  const { path } = service('helm-cm-push');
  if (path === undefined) return;
  const folder = join(plugins, 'cm-push');
  mkdirSync(folder, { recursive: true });
  symlinkSync(path, join(folder, 'helm-cm-push'));
  const about = 'name: cm-push\nversion: 0.10.4\nusage: push\ndescription: push\n';
  writeFileSync(join(folder, 'plugin.yaml'), `${about}command: "$HELM_PLUGIN_DIR/helm-cm-push"\n`);
}

function execute(
  file: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    execFile(
      file,
      args,
      { ...options, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error && typeof error.code === 'string') return reject(error);
        const code = error ? Number(error.code ?? -1) : 0;
        resolve({ code, stdout, out: `${stdout}${stderr}` });
      },
    );
  });
}
