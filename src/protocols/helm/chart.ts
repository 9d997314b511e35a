/** A chart as its archive says: only its own Chart.yaml names it. https://helm.sh/docs/topics/charts/ */
import { z } from 'zod';
import type { ReceivedFile } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Json } from '../../domain/values/json.ts';
import { ARCHIVE_LIMITS } from '../shared/archive/limits.ts';
import { readTar, type TarContent } from '../shared/archive/tar.ts';
import { type ChartName, checkName, checkVersion } from './names.ts';
import { readYaml, YamlProblem } from './yaml.ts';

const MIB = 1024 * 1024;
/** What helm itself unpacks at most, bytes. */
export const MAX_CHART = 100 * MIB;
const MAX_YAML = 256 * 1024;
const MAX_README = 512 * 1024;
/** Of what an index shows of a version, characters of JSON. */
const MAX_SHOWN = 100 * 1024;

/** Helm reads plain values as text where it wants text. */
const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const texts = z.array(text).optional();

const dependency = z.object({
  name: text,
  version: text.optional(),
  repository: text.optional(),
  condition: text.optional(),
  tags: texts,
  enabled: z.boolean().optional(),
  'import-values': z.array(z.json()).optional(),
  alias: text.optional(),
});

/**
 * What indexes show. One entry of another shape makes a whole index unreadable to helm, so shapes are checked here.
 * https://helm.sh/docs/topics/charts/#the-chartyaml-file
 */
const chartYaml = z.object({
  apiVersion: z.enum(['v1', 'v2']),
  name: text,
  version: text,
  kubeVersion: text.optional(),
  description: text.optional(),
  type: z.enum(['application', 'library']).optional(),
  keywords: texts,
  home: text.optional(),
  sources: texts,
  dependencies: z.array(dependency).optional(),
  maintainers: z
    .array(z.object({ name: text.optional(), email: text.optional(), url: text.optional() }))
    .optional(),
  icon: text.optional(),
  appVersion: text.optional(),
  deprecated: z.boolean().optional(),
  condition: text.optional(),
  tags: text.optional(),
  annotations: z.record(z.string().max(500), text).optional(),
});

export type ChartYaml = z.output<typeof chartYaml>;

export interface Chart extends ChartName {
  readonly metadata: ChartYaml;
  readonly readme: string | undefined;
}

/** @throws PACKAGE_INVALID, NAME_INVALID, VERSION_INVALID */
export async function readChart(content: Pick<ReceivedFile, 'open'>): Promise<Chart> {
  const limits = { ...ARCHIVE_LIMITS, unpacked: MAX_CHART };
  const archive = await readTar(await content.open(), { gzip: true, want: wanted, limits });
  const root = rootOf(archive);
  const file = (pattern: RegExp) =>
    [...archive.files].find(([path]) => pattern.test(path.slice(root.length + 1)))?.[1];
  const described = file(/^Chart\.yaml$/);
  if (!described) throw bad('there is no Chart.yaml in its folder');
  const metadata = checked(yaml(described, 'Chart.yaml'));
  const requirements = metadata.apiVersion === 'v1' ? file(/^requirements\.yaml$/) : undefined;
  const whole = requirements
    ? { ...metadata, ...required(yaml(requirements, 'requirements.yaml')) }
    : metadata;
  if (JSON.stringify(whole).length > MAX_SHOWN) throw bad(`its Chart.yaml says more than ${MAX_SHOWN} bytes`);
  return {
    name: checkName(whole.name),
    version: checkVersion(whole.version),
    metadata: whole,
    readme: file(/^README/i)?.toString(),
  };
}

const bad = (reason: string) => refuse('PACKAGE_INVALID', reason);

/** Files right in the chart's folder; helm takes a backslash for a slash, and nothing else here does. */
function wanted(path: string): number | undefined {
  if (path.includes('\\')) throw bad('a path in the chart has a backslash');
  const name = /^[^/]+\/([^/]+)$/.exec(path)?.[1] ?? '';
  if (name === 'Chart.yaml' || name === 'requirements.yaml') return MAX_YAML + 1;
  return /^readme(?:\.(?:md|txt|rst))?$/i.test(name) ? MAX_README : undefined;
}

/** Helm merges whatever folders there are: a second one could replace what we have read. */
function rootOf({ entries }: TarContent): string {
  const roots = new Set(entries.map(({ path }) => path.split('/', 1)[0] ?? ''));
  const [root = ''] = roots;
  if (roots.size !== 1) throw bad('a chart is one folder');
  return root;
}

function yaml(bytes: Buffer, name: string): Json {
  try {
    return readYaml(bytes);
  } catch (error) {
    throw error instanceof YamlProblem ? bad(`${name}: ${error.message}`) : error;
  }
}

const FIELDS: ReadonlyMap<string, string> = new Map(
  [...Object.keys(chartYaml.shape), ...Object.keys(dependency.shape), 'email', 'url'].map(name => [
    name.toLowerCase(),
    name,
  ]),
);

/**
 * Helm knows fields whatever their case, and takes letters for each other that only look alike to it (`ver\u017fion`):
 * the last one wins.
 */
function checkSpelling(document: Json | undefined): void {
  if (typeof document !== 'object' || document === null) return;
  for (const [key, value] of Object.entries(document)) {
    const field = FIELDS.get(key.normalize('NFKC').toLowerCase()) ?? key;
    if (field !== key) throw bad(`write ${field} so, and not ${JSON.stringify(key.slice(0, 50))}`);
    if (key === 'dependencies' || key === 'maintainers' || Array.isArray(document)) checkSpelling(value);
  }
}

function checked(document: Json): ChartYaml {
  checkSpelling(document);
  const { data, error } = chartYaml.safeParse(document);
  if (data) return data;
  throw bad(`Chart.yaml: ${problemOf(error)}`);
}

function required(document: Json): Pick<ChartYaml, 'dependencies'> {
  checkSpelling(document);
  const { data, error } = chartYaml.pick({ dependencies: true }).safeParse(document ?? {});
  if (data) return data;
  throw bad(`requirements.yaml: ${problemOf(error)}`);
}

function problemOf({ issues: [issue] }: z.ZodError): string {
  const where = issue?.path.map(String).join('.').slice(0, 100) || 'it';
  return `${where} is missing or of another kind than helm takes`;
}
