/**
 * Compiles the policies that are shipped, and what is derived from them: `src/policies/compiled/` and
 * `src/policies/schemas/`. With `--check` nothing is written: everything is derived again and compared, and the
 * policies are linted and tested by opa. Needs opa, from `STRONGROOM_OPA` or the PATH.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { canonicalBytes, sha256 } from '../src/policies/canonical.ts';
import { jsonSchemas } from '../src/policies/schemas.ts';
import { BUILTINS } from '../src/policies/wasm/builtins/index.ts';
import { NATIVE_BUILTINS } from '../src/policies/wasm/native.ts';
import { ENTRYPOINT, wrapperFor } from '../src/policies/wrapper.ts';

const root = join(import.meta.dirname, '..');
const opa = process.env.STRONGROOM_OPA ?? 'opa';
const rego = join(root, 'src/policies/rego');
const compiled = join(root, 'src/policies/compiled');
const schemas = join(root, 'src/policies/schemas');
const fixtures = join(root, 'test/policies/fixtures');
const COVERAGE = 80;

function runOpa(args: readonly string[], cwd = root): string {
  try {
    return execFileSync(opa, args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 << 20,
    });
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string };
    throw new Error([`opa ${args.join(' ')}`, stdout, stderr || message].filter(Boolean).join('\n'));
  }
}

interface Capabilities {
  builtins: { name: string }[];
  [key: string]: unknown;
}

/** What policies may use: compiled in or given by the host, nothing else, and no network. */
function capabilities(allowed: ReadonlySet<string> | 'all'): Capabilities {
  const current = JSON.parse(runOpa(['capabilities', '--current'])) as Capabilities;
  const builtins = current.builtins.filter(({ name }) => allowed === 'all' || allowed.has(name));
  const missing =
    allowed === 'all' ? [] : [...allowed].filter(name => !builtins.some(one => one.name === name));
  if (missing.length > 0) throw new Error(`opa does not know the builtins ${missing.join(', ')}`);
  return { builtins, future_keywords: [], features: ['rego_v1', 'keywords_in_refs'], allow_net: [] };
}

/** Compiles Rego sources, by file name, to the bytes of one module. */
function compile(sources: Readonly<Record<string, string>>, caps: Capabilities): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-policy-'));
  try {
    for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, 'capabilities.json'), JSON.stringify(caps));
    const files = Object.keys(sources);
    const options = [
      '-t',
      'wasm',
      '-e',
      ENTRYPOINT,
      '--capabilities',
      'capabilities.json',
      '-o',
      'bundle.tar.gz',
    ];
    runOpa(['build', ...options, ...files], folder);
    return execFileSync('tar', ['-xzPOf', 'bundle.tar.gz', '/policy.wasm'], {
      cwd: folder,
      maxBuffer: 64 << 20,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Annotations {
  annotations: {
    annotations: { scope: string; title: string; description: string; custom: { params: object } };
  }[];
}

function buildSet(name: string, caps: Capabilities): { entry: object; wasm: Buffer } {
  const pkg = `strongroom.${name}`;
  const policy = readFileSync(join(rego, name, 'policy.rego'), 'utf8');
  const sources = { 'policy.rego': policy, ...files(wrapperFor(pkg)) };
  const wasm = compile(sources, caps);
  const inspected = JSON.parse(runOpa(['inspect', '-a', '-f', 'json', join(rego, name)])) as Annotations;
  const about = inspected.annotations.find(one => one.annotations.scope === 'package')?.annotations;
  if (!about) throw new Error(`${name}: policy.rego has no METADATA for its package`);
  const query = ['eval', '-f', 'raw', '-d', join(rego, name, 'policy.rego'), `data.${pkg}.defaults`];
  const entry = {
    name,
    title: about.title,
    summary: about.description,
    params: about.custom.params,
    defaults: JSON.parse(runOpa(query)) as object,
    source: sha256(canonicalBytes(sources)),
    module: sha256(wasm),
  };
  return { entry, wasm };
}

function files({ stub, entry }: ReturnType<typeof wrapperFor>): Record<string, string> {
  return { 'entry.rego': entry, 'stub.rego': stub };
}

/** Everything derived, by path. */
function derive(): Map<string, Buffer | object> {
  const out = new Map<string, Buffer | object>();
  const caps = capabilities(new Set([...NATIVE_BUILTINS, ...BUILTINS.keys()]));
  const sets = readdirSync(rego, { withFileTypes: true }).filter(entry => entry.isDirectory());
  const built = sets.map(({ name }) => ({ name, ...buildSet(name, caps) }));
  for (const { name, wasm } of built) out.set(join(compiled, `${name}.wasm`), wasm);
  const version = /^Version: (.*)$/m.exec(runOpa(['version']))?.[1];
  out.set(join(compiled, 'capabilities.json'), caps);
  out.set(join(compiled, 'manifest.json'), {
    opa: version,
    capabilities: sha256(canonicalBytes(caps)),
    sets: built.map(({ entry }) => entry),
  });
  for (const [name, schema] of Object.entries(jsonSchemas())) out.set(join(schemas, `${name}.json`), schema);
  for (const [name, allowed] of [
    ['probe', caps],
    ['network', capabilities('all')],
  ] as const) {
    const text = readFileSync(join(fixtures, `${name}.rego`), 'utf8');
    out.set(join(fixtures, `${name}.wasm`), compile({ 'probe.rego': text }, allowed));
  }
  return out;
}

function write(derived: Map<string, Buffer | object>): void {
  for (const folder of [compiled, schemas]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  for (const [path, content] of derived) {
    writeFileSync(path, Buffer.isBuffer(content) ? content : `${JSON.stringify(content, null, 2)}\n`);
  }
  const biome = join(root, 'node_modules/.bin/biome');
  execFileSync(biome, ['format', '--write', schemas], { stdio: 'ignore' });
}

function differences(derived: Map<string, Buffer | object>): string[] {
  const present = [compiled, schemas].flatMap(folder => readdirSync(folder).map(name => join(folder, name)));
  const stray = present
    .filter(path => !derived.has(path))
    .map(path => `${path} is not derived from anything`);
  const stale = [...derived]
    .filter(([path, content]) => !same(path, content))
    .map(([path]) => `${path} is out of date`);
  return [...stray, ...stale];
}

function same(path: string, content: Buffer | object): boolean {
  if (!existsSync(path)) return false;
  const bytes = readFileSync(path);
  if (Buffer.isBuffer(content)) return bytes.equals(content);
  // JSON by value: its layout is the formatter's business
  return isDeepStrictEqual(JSON.parse(bytes.toString()), JSON.parse(JSON.stringify(content)));
}

function checkSources(): void {
  runOpa(['fmt', '--fail', '-l', rego, fixtures]);
  const caps = join(compiled, 'capabilities.json');
  for (const { name } of readdirSync(rego, { withFileTypes: true }).filter(entry => entry.isDirectory())) {
    const folder = join(rego, name);
    const schema = join(schemas, 'input.json');
    runOpa(['check', '--strict', '--capabilities', caps, '-s', schema, join(folder, 'policy.rego')]);
    const report = runOpa(['test', '--coverage', '--threshold', String(COVERAGE), folder]);
    console.log(`${name}: coverage ${(JSON.parse(report) as { coverage: number }).coverage.toFixed(1)} %`);
    console.log(runOpa(['test', folder]).trim());
  }
}

const derived = derive();
if (process.argv.includes('--check')) {
  checkSources();
  const found = differences(derived);
  for (const line of found) console.error(line);
  if (found.length > 0) process.exit(1);
  console.log(`${derived.size} derived files are current`);
} else {
  write(derived);
  console.log(`${derived.size} files written`);
}
