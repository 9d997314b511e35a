/**
 * Strangers' YAML as plain JSON, under limits. References are followed, and what they stand for is counted each time:
 * a small text that expands to everything runs out of its budget. https://yaml.org/spec/1.2.2/
 */
import { type Alias, isAlias, isMap, isScalar, isSeq, Lexer, parseDocument } from 'yaml';
import type { Json } from '../../domain/values/json.ts';

export interface YamlLimits {
  /** of the text, bytes */
  readonly size: number;
  readonly depth: number;
  /** scalars, maps and lists, counted as often as they are referred to */
  readonly values: number;
  readonly aliases: number;
  /** words, marks, spaces and line breaks */
  readonly tokens: number;
}

const LIMITS: YamlLimits = { size: 256 * 1024, depth: 32, values: 10_000, aliases: 100, tokens: 50_000 };

/** Why a text is not acceptable YAML, as a sentence; carries nothing of the text itself. */
export class YamlProblem extends Error {}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** One document. Empty values (`key:`) are left out, as helm does not tell them from absent ones. @throws YamlProblem */
export function readYaml(bytes: Uint8Array, limits: YamlLimits = LIMITS): Json {
  if (bytes.length > limits.size) throw new YamlProblem(`it has more than ${limits.size} bytes`);
  const document = parse(bytes, limits);
  const left = { values: limits.values, aliases: limits.aliases };

  function plain(node: unknown, depth: number): Json {
    if (depth > limits.depth) throw new YamlProblem(`it is nested deeper than ${limits.depth} levels`);
    if (--left.values < 0) throw new YamlProblem(`it has more than ${limits.values} values`);
    if (isAlias(node)) return referred(node, depth);
    if (isMap(node)) return object(node.items, depth);
    if (isSeq(node)) return node.items.map(item => plain(item, depth + 1)).filter(item => item !== null);
    return isScalar(node) ? scalar(node.value) : null;
  }

  function referred(alias: Alias, depth: number): Json {
    if (--left.aliases < 0) throw new YamlProblem('it has too many references');
    const target = alias.resolve(document);
    if (target === undefined) throw new YamlProblem('it is not YAML: it refers to what is not there');
    return plain(target, depth + 1);
  }

  function object(pairs: readonly { key: unknown; value: unknown }[], depth: number): Json {
    const members = new Map<string, Json>();
    for (const pair of pairs) {
      const key = plain(pair.key, depth + 1);
      const name = nameOf(key);
      if (members.has(name)) throw new YamlProblem('a key appears twice in one map');
      members.set(name, plain(pair.value, depth + 1));
    }
    return Object.fromEntries([...members].filter(([, value]) => value !== null));
  }

  return plain(document.contents, 0);
}

function nameOf(key: Json): string {
  if (typeof key === 'object') throw new YamlProblem('a key is not text');
  // helm takes it for what YAML 1.1 says, and goes on with what it refers to
  if (key === '<<') throw new YamlProblem('it merges maps (<<), which only some readers know');
  return String(key);
}

function parse(bytes: Uint8Array, limits: YamlLimits) {
  let document: ReturnType<typeof parseDocument>;
  try {
    const text = UTF8.decode(bytes);
    checkTokens(text, limits);
    // not `silent`: that would let a second document pass
    const options = { schema: 'core', uniqueKeys: false, logLevel: 'error', prettyErrors: false } as const;
    document = parseDocument(text, options);
  } catch (error) {
    if (error instanceof YamlProblem) throw error;
    throw new YamlProblem('it is not YAML in UTF-8, or nested too deeply');
  }
  const [problem] = document.errors;
  if (problem) throw new YamlProblem(`it is not YAML: ${problem.code.toLowerCase().replaceAll('_', ' ')}`);
  return document;
}

/** One cheap pass before a tree is made: the parser takes long over what has very many parts or levels. */
function checkTokens(text: string, { tokens, depth }: YamlLimits): void {
  let [count, open] = [0, 0];
  for (const token of new Lexer().lex(text)) {
    if (++count > tokens) throw new YamlProblem('it has too many parts');
    if (token === '[' || token === '{') open++;
    else if (token === ']' || token === '}') open--;
    if (open > depth) throw new YamlProblem(`it is nested deeper than ${depth} levels`);
  }
}

const scalar = (value: unknown): Json =>
  typeof value === 'string' || typeof value === 'boolean' || value === null
    ? value
    : typeof value === 'number' && Number.isFinite(value)
      ? value
      : String(value);
