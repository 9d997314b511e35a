/** The OCI distribution conformance suite against the real server, at a pinned version of the suite. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith, service } from '../support/services.ts';

interface Tally {
  readonly tests: number;
  readonly failed: readonly string[];
  readonly output: string;
}

describeWith(['conformance'], 'OCI conformance', () => {
  let registry: TestRegistry;
  let results: string;
  beforeAll(async () => {
    registry = await startRegistry();
    results = await mkdtemp(join(tmpdir(), 'strongroom-conformance-'));
  });
  afterAll(async () => {
    await registry?.stop();
    await rm(results, { recursive: true, force: true });
  });

  it.each(['1.1', 'dev'])('version %s: every test passes', async version => {
    const tally = await run(registry, { version, results: join(results, version) });
    console.info(`OCI conformance ${version}: ${tally.tests} tests, ${tally.failed.length} failed`);
    expect(tally.failed, tally.output).toEqual([]);
    expect(tally.tests).toBeGreaterThan(500);
  });
});

async function run(registry: TestRegistry, of: { version: string; results: string }): Promise<Tally> {
  const child = spawn(service('conformance').path ?? 'conformance', [], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      OCI_REGISTRY: `127.0.0.1:${registry.port}`,
      OCI_TLS: 'disabled',
      OCI_REPO1: 'main/oci/conformance/one',
      OCI_REPO2: 'main/oci/conformance/two',
      OCI_USERNAME: 'admin',
      OCI_PASSWORD: registry.adminPassword,
      OCI_VERSION: of.version,
      OCI_RESULTS_DIR: of.results,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk));
  const status = await new Promise(done => child.once('close', done));
  const junit = await readFile(join(of.results, 'junit.xml'), 'utf8');
  const cases = [...junit.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs)];
  const failed = cases
    .filter(([, , body]) => /<(?:failure|error)\b/.test(body ?? ''))
    .map(([, name]) => name ?? '');
  // the suite's own verdict counts as well: a report that cannot be read must not pass
  if (status !== 0 && failed.length === 0) failed.push(`exit status ${status}`);
  return { tests: cases.length, failed, output: output.slice(-4000) };
}
