/** Real curl and wget in a home folder of their own, with the credentials in a file, not on the command line. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program } from './services.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GenericClients {
  readonly home: string;
  /** quiet but for errors, as admin unless the first argument is `--disable` */
  curl(...args: readonly string[]): Promise<Ran>;
  wget(...args: readonly string[]): Promise<Ran>;
  /** lines of a shell, where no configuration of the clients is read */
  shell(lines: string): Promise<Ran>;
  version(client: 'curl' | 'wget'): Promise<string>;
  close(): void;
}

/** @param password of admin */
export function openGenericClients(password: string): GenericClients {
  const home = mkdtempSync(join(tmpdir(), 'sr-generic-'));
  writeFileSync(join(home, '.netrc'), `machine 127.0.0.1 login admin password "${password}"\n`, {
    mode: 0o600,
  });
  writeFileSync(join(home, '.curlrc'), 'silent\nshow-error\nnetrc\n');
  writeFileSync(join(home, '.wgetrc'), `user = admin\npassword = ${password}\ntries = 1\n`);
  const run = (client: 'curl' | 'wget', args: readonly string[]) => execute(program(client), args, home);
  return {
    home,
    curl: (...args) => run('curl', args),
    wget: (...args) => run('wget', args),
    shell: lines => execute('sh', ['-ec', lines], home, '/nowhere'),
    async version(client) {
      const { stdout } = await run(client, ['--version']);
      return /\d+\.\d+(?:\.\d+)?/.exec(stdout)?.[0] ?? '';
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

function execute(file: string, args: readonly string[], cwd: string, home = cwd): Promise<Ran> {
  const env = { PATH: process.env.PATH, HOME: home, LC_ALL: 'C.UTF-8' };
  const options = { cwd, env, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      if (error && typeof error.code === 'string') return reject(error);
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
    child.stdin?.on('error', () => {}); // it may end before it has read it
    child.stdin?.end('from a pipe\n');
  });
}
