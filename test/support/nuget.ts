/** Real nuget.exe in a home folder of its own. What it read before it does not remember. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program } from './services.ts';

interface Ran {
  readonly code: number;
  /** both streams, stdout first */
  readonly out: string;
}

export interface NuGet {
  /** where it runs: NuGet.Config names the source `ours` */
  readonly home: string;
  run(...args: readonly string[]): Promise<Ran>;
  /** A new folder in the home. */
  folder(): string;
  close(): void;
}

/** @param password of a token; undefined: the source has no credentials */
export function openNuGet(source: string, password?: string): NuGet {
  const home = mkdtempSync(join(tmpdir(), 'strongroom-nuget-'));
  writeFileSync(join(home, 'NuGet.Config'), configOf(source, password));
  const folder = () => {
    const path = join(home, randomBytes(4).toString('hex'));
    mkdirSync(path);
    return path;
  };
  return {
    home,
    folder,
    run(...args) {
      const caches = { NUGET_PACKAGES: folder(), NUGET_HTTP_CACHE_PATH: folder(), TMPDIR: folder() };
      const env = { PATH: process.env.PATH, HOME: home, LANG: 'C.UTF-8', ...caches };
      return execute([...args, '-NonInteractive', '-ForceEnglishOutput'], { cwd: home, env });
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

const configOf = (source: string, password: string | undefined) => `<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <packageSources><clear /><add key="ours" value="${source}" protocolVersion="3" /></packageSources>
  ${
    password === undefined
      ? ''
      : `<packageSourceCredentials><ours>
    <add key="Username" value="token" /><add key="ClearTextPassword" value="${password}" />
  </ours></packageSourceCredentials>`
  }
</configuration>
`;

function execute(
  args: readonly string[],
  options: { cwd: string; env: Readonly<Record<string, string | undefined>> },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const settings = { ...options, timeout: 120_000, maxBuffer: 16 * 1024 * 1024 };
    execFile(program('nuget'), args, settings, (error, stdout, stderr) => {
      if (error && typeof error.code === 'string') return reject(error);
      const code = error ? Number(error.code ?? -1) : 0;
      resolve({ code, out: `${stdout}${stderr}` });
    });
  });
}
