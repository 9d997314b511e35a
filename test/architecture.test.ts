import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  cycles,
  type Import,
  importsOf,
  isWithin,
  type Layer,
  readImports,
  SRC,
  sourceFiles,
  violations,
} from './support/imports.ts';

/** What the rest of the program sees of storage: contracts, never a product. */
const PORTS = [
  'eventlog/port',
  'blobs/port',
  'evidence/port',
  'jobs/port',
  'policies/port',
  'snapshots/port',
];

/**
 * Who may import whom (docs/architecture.md). One row a folder; a row for something deeper replaces its parent's.
 * `may` names folders or files of src, `types` those of which only types may be used.
 */
const LAYERS: readonly Layer[] = [
  // The core: pure, knows nothing but itself.
  { folder: 'domain', may: [], packages: ['zod'], builtins: [] },

  // Use cases: speak to ports, to the gate, and to the questions that views answer.
  {
    folder: 'application',
    may: ['domain', 'access', 'policies', 'projections/queries', ...PORTS],
    packages: [],
  },
  {
    folder: 'access',
    may: ['domain', 'application/caller', ...PORTS],
    packages: ['zod', 'jose'],
  },

  // The policy engine; the evaluator is the only place that knows OPA.
  { folder: 'policies', may: ['domain', 'evidence/port'], packages: ['zod', 'canonicalize'] },
  { folder: 'policies/wasm', may: ['domain', 'policies'], packages: ['@open-policy-agent/opa-wasm'] },

  // Formats: parse, call the registry, render. No web framework, no database, no other format.
  { folder: 'protocols', may: ['domain'], types: ['application', ...PORTS], packages: ['zod'] },
  // What several formats need and none owns.
  {
    folder: 'protocols/shared',
    may: ['domain'],
    types: ['protocols/protocol', 'application', ...PORTS],
    packages: [
      'zod',
      'tar-stream',
      'yauzl',
      '@fastify/busboy',
      '@xmldom/xmldom',
      'packageurl-js',
      'spdx-correct',
      'spdx-expression-parse',
    ],
  },
  ...[
    { folder: 'protocols/npm', packages: ['zod', 'semver'] },
    { folder: 'protocols/python', packages: ['zod', '@renovatebot/pep440'] },
    { folder: 'protocols/maven', packages: ['zod'] },
    { folder: 'protocols/nuget', packages: ['zod'] },
    { folder: 'protocols/go', packages: ['zod', 'semver'] },
    { folder: 'protocols/helm', packages: ['zod', 'semver', 'yaml'] },
  ].map(({ folder, packages }) => ({
    folder,
    may: ['domain', 'protocols', 'versions'],
    types: ['application', ...PORTS],
    packages,
  })),
  // How ecosystems order versions.
  { folder: 'versions', may: ['domain'], packages: [] },

  // Storage ports and what their adapters share.
  { folder: 'eventlog', may: ['domain'], packages: ['canonicalize'] },
  { folder: 'blobs', may: ['domain'], packages: [] },
  { folder: 'evidence', may: ['domain', ...PORTS], packages: ['canonicalize'] },
  { folder: 'jobs', may: ['domain', ...PORTS], packages: [] },
  { folder: 'snapshots', may: [], packages: [] },
  { folder: 'projections', may: ['domain', 'sql', ...PORTS], packages: ['kysely', 'zod'] },

  // Adapters: each the only place that knows its product. Evidence and vault live in the database of the event log.
  { folder: 'sql', may: ['domain'], types: ['application/fence'], packages: ['kysely', 'pg', 'node:sqlite'] },
  {
    folder: 'eventlog/sqlite',
    may: ['domain', 'eventlog', 'sql', 'evidence/rows'],
    packages: ['canonicalize', 'node:sqlite'],
  },
  { folder: 'eventlog/postgres', may: ['domain', 'eventlog', 'sql'], packages: ['canonicalize', 'pg'] },
  { folder: 'eventlog/kurrentdb', may: ['domain', 'eventlog'], packages: ['@eventstore/db-client', 'zod'] },
  { folder: 'blobs/s3', may: ['domain', 'blobs'], packages: ['@aws-sdk/client-s3'] },
  { folder: 'evidence/sqlite', may: ['domain', 'evidence'], types: ['eventlog/sqlite'], packages: [] },
  { folder: 'evidence/postgres', may: ['domain', 'evidence', 'eventlog/postgres'], packages: ['pg'] },
  { folder: 'access/vault/sqlite', may: ['domain', 'access', 'sql'], packages: ['node:sqlite'] },
  { folder: 'access/vault/postgres', may: ['domain', 'access', 'sql'], packages: ['pg'] },
  {
    folder: 'projections/sqlite-*',
    may: ['domain', 'projections', 'sql', ...PORTS],
    packages: ['kysely', 'node:sqlite'],
  },
  {
    folder: 'projections/postgres-*',
    may: ['domain', 'projections', 'sql', ...PORTS],
    packages: ['kysely', 'pg'],
  },
  { folder: 'jobs/bullmq', may: ['domain', 'jobs'], packages: ['bullmq', 'ioredis'] },

  // Capabilities.
  { folder: 'lifecycle', may: ['domain', 'application', ...PORTS], packages: [] },

  // The edges.
  {
    folder: 'http',
    may: ['domain', 'application', 'access', 'protocols', 'projections/queries', ...PORTS],
    packages: ['fastify', 'zod', 'pino', 'prom-client'],
  },
  { folder: 'cli', may: ['domain', 'config', 'main', ...PORTS], packages: ['commander', 'zod'] },
  { folder: 'config', may: ['domain', 'blobs/s3/address'], packages: ['zod'] },

  // The composition root: the only place that wires adapters.
  {
    folder: 'main',
    may: readdirSync(SRC).filter(name => name !== 'cli'),
    packages: ['pino', 'tar-stream', 'zod'],
  },
];

/** Node's own modules that only a row's `packages` can allow. */
const GUARDED = ['node:sqlite'];

const MAX_LINES = 300;

const imports = readImports(SRC);

describe('architecture of src', () => {
  it('every file is covered by a layer that names its folder', () => {
    const uncovered = sourceFiles(SRC).filter(file => !LAYERS.some(layer => isWithin(file, layer.folder)));
    expect(uncovered).toEqual([]);
  });

  it('imports only what its layer allows', () => {
    expect(violations(imports, LAYERS, GUARDED)).toEqual([]);
  });

  it('no format knows another', () => {
    expect(betweenFormats(imports)).toEqual([]);
  });

  it('has no import cycles', () => {
    expect(cycles(imports)).toEqual([]);
  });

  it('names every import so that it can be checked', () => {
    expect(imports.filter(one => one.to === '(computed)').map(one => one.from)).toEqual([]);
  });

  it(`has no file of more than ${MAX_LINES} lines`, () => {
    const long = sourceFiles(SRC)
      .map(file => ({ file, lines: readFileSync(join(SRC, file), 'utf8').split('\n').length - 1 }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(long).toEqual([]);
  });
});

describe('the checker itself', () => {
  const check = (from: string, text: string) => violations(importsOf(from, text), LAYERS, GUARDED);

  it('finds every way to import', () => {
    const text = `
      import type { A } from './a.ts';
      import { type B, c } from './b.ts';
      import './side-effect.ts';
      export * from './e.ts';
      const f = await import('./f.ts');
      type G = import('./g.ts').G;
      new Worker(new URL('./h.ts', import.meta.url));
      require('i');
      import(name);
    `;
    const found = importsOf('domain/x.ts', text).map(one => `${one.to}${one.typeOnly ? ' (types)' : ''}`);
    expect(found.sort()).toEqual(
      [
        '(computed)',
        'domain/a.ts (types)',
        'domain/b.ts',
        'domain/e.ts',
        'domain/f.ts',
        'domain/g.ts (types)',
        'domain/h.ts',
        'domain/side-effect.ts',
        'i',
      ].sort(),
    );
  });

  it.each([
    ['domain/tag/decide.ts', "import { randomUUID } from 'node:crypto';"],
    ['domain/tag/decide.ts', "import type { EventLog } from '../../eventlog/port.ts';"],
    ['application/handle.ts', "import { openSqlite } from '../eventlog/sqlite.ts';"],
    ['application/handle.ts', "import pg from 'pg';"],
    ['protocols/oci/serve.ts', "import { handle } from '../../application/handle.ts';"],
    ['protocols/oci/serve.ts', "import type { FastifyRequest } from 'fastify';"],
    ['eventlog/postgres/append.ts', "import { DatabaseSync } from 'node:sqlite';"],
    ['eventlog/kurrentdb.ts', "export * from 'pg';"],
    ['http/app.ts', "await import('../eventlog/sqlite/open.ts');"],
    ['projections/runner.ts', "import { Queue } from 'bullmq';"],
    ['domain/errors.ts', "import outside from '../../test/support/services.ts';"],
    ['elsewhere/new.ts', "import { z } from 'zod';"],
  ])('refuses in %s: %s', (from, text) => {
    expect(check(from, text)).toHaveLength(1);
  });

  it.each([
    ['domain/tag/decide.ts', "import { z } from 'zod'; import { refuse } from '../errors.ts';"],
    ['protocols/oci/serve.ts', "import type { Registry } from '../../application/registry.ts';"],
    ['eventlog/sqlite.ts', "import { DatabaseSync } from 'node:sqlite';"],
    ['main.ts', "import { openSqlite } from './eventlog/sqlite.ts';"],
  ])('allows in %s: %s', (from, text) => {
    expect(check(from, text)).toEqual([]);
  });

  it('finds a cycle, also one of types, once', () => {
    const ring = ['a', 'b', 'c'].flatMap((name, index, all) =>
      importsOf(`domain/${name}.ts`, `import type { X } from './${all[(index + 1) % 3]}.ts';`),
    );
    expect(cycles(ring)).toEqual(['domain/a.ts → domain/b.ts → domain/c.ts → domain/a.ts']);
    expect(cycles(ring.slice(1))).toEqual([]);
  });

  it('finds a format that knows another', () => {
    const bad = importsOf('protocols/npm/serve.ts', "import { digest } from '../oci/digest.ts';");
    expect(betweenFormats(bad)).toEqual(['protocols/npm/serve.ts → protocols/oci/digest.ts']);
    for (const common of ['../protocol.ts', '../shared/range.ts'])
      expect(betweenFormats(importsOf('protocols/npm/serve.ts', `import { a } from '${common}';`))).toEqual(
        [],
      );
  });
});

/** Imports that lead from one format into another; protocols/ itself and protocols/shared/ belong to all. */
function betweenFormats(all: readonly Import[]): string[] {
  const format = (path: string) => /^protocols\/([^/]+)\//.exec(path)?.[1];
  return all
    .filter(({ from, to }) => format(from) && format(to) && format(from) !== format(to))
    .filter(({ to }) => format(to) !== 'shared')
    .map(({ from, to }) => `${from} → ${to}`);
}
