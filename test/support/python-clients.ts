/** pip, twine and uv against a registry at http://127.0.0.1:<port>, in a home folder of their own. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Dist } from './python-dists.ts';
import { service } from './services.ts';

export interface Ran {
  readonly code: number;
  /** what it wrote to both streams, lines joined, without colours: clients break lines at 80 characters */
  readonly text: string;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface PythonClients {
  readonly home: string;
  readonly versions: { readonly pip: string; readonly twine: string; readonly uv: string };
  /** Writes distributions into a folder of their own; their paths. */
  write(...dists: readonly Dist[]): string[];
  folder(name: string): string;
  twine(...args: readonly string[]): Promise<Ran>;
  /** `pip <command> --index-url …` */
  pip(command: string, ...args: readonly string[]): Promise<Ran>;
  uv(...args: readonly string[]): Promise<Ran>;
  /** What a Python program prints with the packages of a folder. */
  python(packages: string, program: string): Promise<string>;
  /** of a repository, with credentials in it when there are any */
  index(repository?: string, as?: Credentials | undefined): string;
  repository(name?: string): string;
  close(): void;
}

/** @param login of twine, of uv, and of pip by its URL */
export async function openPythonClients(
  registry: { port: number },
  login: Credentials,
): Promise<PythonClients> {
  const home = mkdtempSync(join(tmpdir(), 'strongroom-python-'));
  const folders = ['pip', 'twine', 'uv'].map(name => dirname(service(name as 'pip').path ?? ''));
  const env = {
    PATH: [...new Set(folders), process.env.PATH].join(':'),
    HOME: home,
    NO_COLOR: '1',
    COLUMNS: '400',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_INPUT: '1',
    UV_NO_PROGRESS: '1',
    UV_PYTHON_DOWNLOADS: 'never',
    PYTHONDONTWRITEBYTECODE: '1',
    TWINE_NON_INTERACTIVE: '1',
    TWINE_USERNAME: login.user,
    TWINE_PASSWORD: login.password,
    UV_PUBLISH_USERNAME: login.user,
    UV_PUBLISH_PASSWORD: login.password,
  };
  const host = `127.0.0.1:${registry.port}`;
  const repository = (name = 'main/python') => `http://${host}/pkg/${name}/python/`;
  const index = (name?: string, as: Credentials | undefined = login) => {
    const given = as && `${encodeURIComponent(as.user)}:${encodeURIComponent(as.password)}@`;
    return `${repository(name).replace('://', `://${given ?? ''}`)}simple/`;
  };
  const run = (program: string, args: readonly string[]) => execute(program, args, { env, cwd: home });
  const versionOf = async (name: string) =>
    /\d+(\.\d+)+/.exec((await run(name, ['--version'])).text)?.[0] ?? 'unknown';
  let count = 0;
  const folder = (name: string) => {
    const path = join(home, `${name}-${++count}`);
    mkdirSync(path);
    return path;
  };
  return {
    home,
    versions: { pip: await versionOf('pip'), twine: await versionOf('twine'), uv: await versionOf('uv') },
    folder,
    write(...dists) {
      const path = folder('dist');
      return dists.map(({ filename, bytes }) => {
        writeFileSync(join(path, filename), bytes);
        return join(path, filename);
      });
    },
    twine: (command = '', ...args) => run('twine', ['--no-color', command, ...args]),
    pip: (command, ...args) => run('pip', [command, ...args]),
    uv: (...args) => run('uv', args),
    async python(packages, program) {
      const ran = await execute('python3', ['-c', program], {
        env: { ...env, PYTHONPATH: packages },
        cwd: home,
      });
      if (ran.code !== 0) throw new Error(ran.text);
      return ran.text.trim();
    },
    index,
    repository,
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

function execute(
  program: string,
  args: readonly string[],
  { env, cwd }: { env: NodeJS.ProcessEnv; cwd: string },
): Promise<Ran> {
  const options = { env, cwd, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error && typeof error.code === 'string') return reject(error); // it did not even start
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, text: `${stdout}\n${stderr}`.replaceAll(/\s+/g, ' ') });
    });
    child.stdin?.end();
  });
}

/** A distribution of a real package, taken with the machine's own pip configuration; undefined: it is not reachable. */
export async function takeReal(into: string, ...args: readonly string[]): Promise<boolean> {
  const pip = service('pip').path;
  if (pip === undefined) return false;
  const env = { ...process.env, PATH: `${dirname(pip)}:${process.env.PATH}` };
  const found = await execute(pip, ['download', '--no-input', '--no-deps', '-q', '-d', into, ...args], {
    env,
    cwd: into,
  });
  return found.code === 0;
}
