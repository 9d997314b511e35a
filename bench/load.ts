/** Many GETs of one address: by wrk where it is, since a client in JavaScript would be slower than what it measures. */
import { spawn } from 'node:child_process';
import { during, send } from './client.ts';
import { findProgram, versionOf } from './processes.ts';

const wrk = findProgram('wrk');
export const LOAD_TOOL = wrk
  ? `wrk ${versionOf(wrk, ['-v'], /(\d+\.\d+\S*)/)}`
  : 'a client in this process (wrk is not installed: figures are too low)';

export interface Load {
  readonly url: string;
  readonly authorization?: string | undefined;
  /** added to the usual ones, or in place of them */
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
}

export interface Throughput {
  readonly perSecond: number;
  readonly megabytesPerSecond: number;
  /** median time of a request, ms */
  readonly medianMs: number;
}

/** As clients send it: docker-registry answers 404 to whoever does not accept the type of a manifest. */
const headersOf = ({ authorization, headers }: Load): Record<string, string> => ({
  accept: 'application/vnd.oci.image.manifest.v1+json, */*',
  ...(authorization ? { authorization } : {}),
  ...headers,
});

/** @throws when any answer is not a success */
export function load(of: Load): Promise<Throughput> {
  return wrk ? byWrk(wrk, of) : bySelf(of);
}

async function byWrk(program: string, of: Load): Promise<Throughput> {
  const { url, connections, seconds } = of;
  const header = Object.entries(headersOf(of)).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '60s', ...header, url];
  const output = await outputOf(program, args);
  const errors = /(Non-2xx.*|Socket errors.*)/.exec(output)?.[1];
  if (errors && !/timeout/.test(errors)) throw new Error(`${url}: ${errors}`);
  const bytes = /Transfer\/sec:\s+([\d.]+)(\w+)/.exec(output);
  const units: Record<string, number> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };
  const latency = /50%\s+([\d.]+)(us|ms|s|m)/.exec(output);
  const times: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    megabytesPerSecond: (Number(bytes?.[1]) * (units[bytes?.[2] ?? ''] ?? Number.NaN)) / 1e6,
    medianMs: Number(latency?.[1]) * (times[latency?.[2] ?? ''] ?? Number.NaN),
  };
}

function outputOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', chunk => {
      output += chunk;
    });
    child.once('error', failed);
    child.once('close', code => (code === 0 ? done(output) : failed(new Error(`${program}: ${output}`))));
  });
}

async function bySelf(of: Load): Promise<Throughput> {
  const { url, connections, seconds } = of;
  const began = performance.now();
  let bytes = 0;
  const headers = headersOf(of);
  const times = await during(seconds, connections, async () => {
    bytes += (await send(url, { method: 'GET', headers })).bytes;
  });
  const took = (performance.now() - began) / 1000;
  const medianMs = times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
  return { perSecond: times.length / took, megabytesPerSecond: bytes / 1e6 / took, medianMs };
}
