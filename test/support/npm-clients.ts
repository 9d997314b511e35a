/**
 * npm, pnpm and both yarns against a repository of a registry at http://127.0.0.1:<port>, in a home folder of their own:
 * no configuration, credentials or caches of the machine are read or left behind.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Ran } from './clients.ts';
import { program, type ServiceName } from './services.ts';

export type NpmClient = Extract<ServiceName, 'npm' | 'pnpm' | 'yarn' | 'yarn-berry'>;

export interface NpmRun {
  readonly cwd: string;
  /** what is typed when the client asks: its question → the answer */
  readonly answers?: Readonly<Record<string, string>>;
}

export interface NpmClients {
  /** removed by `close` */
  readonly home: string;
  /** `http://127.0.0.1:<port>/pkg/<project>/<repository>/npm/` */
  readonly registry: string;
  /** A new folder with these files; objects are written as JSON. */
  folder(files?: Readonly<Record<string, unknown>>): string;
  run(client: NpmClient, args: readonly string[], options: NpmRun): Promise<Ran>;
  /** All of them are logged in with this token from now on; undefined: nobody is. */
  authenticate(token: string | undefined): void;
  close(): void;
}

export function openNpmClients(of: { readonly port: number }, place = 'main/npm'): NpmClients {
  const home = mkdtempSync(join(tmpdir(), 'sr-npm-'));
  const registry = `http://127.0.0.1:${of.port}/pkg/${place}/npm/`;
  const env = {
    // the Node that runs the tests, whatever the machine's own is
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
    HOME: home,
    CI: '1',
    NO_COLOR: '1',
    npm_config_cache: join(home, 'npm-cache'),
    npm_config_update_notifier: 'false',
    YARN_CACHE_FOLDER: join(home, 'yarn-cache'),
    YARN_ENABLE_TELEMETRY: '0',
    YARN_ENABLE_IMMUTABLE_INSTALLS: '0',
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_STATE_HOME: join(home, 'state'),
    XDG_CONFIG_HOME: join(home, 'config'),
  };
  const clients: NpmClients = {
    home,
    registry,
    folder(files = {}) {
      const folder = join(home, randomBytes(5).toString('hex'));
      mkdirSync(folder);
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
      }
      return folder;
    },
    run: (client, args, options) =>
      runIn(program(client), args, {
        ...options,
        env: client === 'yarn' ? { ...env, npm_config_always_auth: 'true' } : env,
      }),
    authenticate: token => configure(home, registry, token),
    close: () => rmSync(home, { recursive: true, force: true }),
  };
  clients.authenticate(undefined);
  return clients;
}

function configure(home: string, registry: string, token: string | undefined): void {
  const npmrc = [`registry=${registry}`, 'audit=false', 'fund=false', 'fetch-retries=0'];
  const yarnrc = [
    ...[`npmRegistryServer: '${registry}'`, "unsafeHttpWhitelist: ['127.0.0.1']", 'nodeLinker: node-modules'],
    ...['enableGlobalCache: false', 'checksumBehavior: ignore', 'npmMinimalAgeGate: 0'],
  ];
  if (token !== undefined) {
    npmrc.push(`${registry.slice('http:'.length)}:_authToken=${token}`);
    yarnrc.push(`npmAuthToken: '${token}'`, 'npmAlwaysAuth: true');
  }
  writeFileSync(join(home, '.npmrc'), `${npmrc.join('\n')}\n`);
  writeFileSync(join(home, '.yarnrc.yml'), `${yarnrc.join('\n')}\n`);
}

function runIn(
  file: string,
  args: readonly string[],
  { cwd, env, answers = {} }: NpmRun & { env: NodeJS.ProcessEnv },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const settings = { cwd, env, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(file, args, settings, (error, stdout, stderr) => {
      if (error && typeof error.code === 'string') return reject(error); // it did not even start
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
    const open = new Map(Object.entries(answers));
    child.stdin?.on('error', () => {});
    if (open.size === 0) child.stdin?.end();
    let said = '';
    child.stdout?.on('data', chunk => {
      said += chunk;
      for (const [question, text] of open)
        if (said.includes(question)) {
          open.delete(question);
          child.stdin?.write(`${text}\n`);
        }
    });
  });
}

/** A package that the machine's own npm fetches from wherever it is configured to; undefined: it cannot. */
export function fetchPackage(spec: string, to: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const args = ['pack', spec, '--pack-destination', to, '--json', '--silent'];
    execFile(program('npm'), args, { cwd: to, timeout: 60_000 }, (error, stdout) => {
      if (error) return resolve(undefined);
      const parsed = JSON.parse(stdout) as readonly { filename: string }[];
      const [packed] = Array.isArray(parsed) ? parsed : Object.values(parsed);
      resolve(packed && join(to, packed.filename));
    });
  });
}
