import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';

/** One import of one source file. Paths are relative to `src` and have forward slashes. */
export interface Import {
  readonly from: string;
  /** a path inside `src` for relative imports, else the specifier as written */
  readonly to: string;
  readonly relative: boolean;
  /** true when nothing of it is left at run time */
  readonly typeOnly: boolean;
}

/** What one folder (or file, without `.ts`) of `src` may import. The longest matching `folder` applies. */
export interface Layer {
  readonly folder: string;
  /** folders or files of `src`, besides itself */
  readonly may: readonly string[];
  /** folders or files of `src` of which only types may be imported */
  readonly types?: readonly string[];
  readonly packages: readonly string[];
  /** Node's own modules; all but the guarded ones unless it says otherwise */
  readonly builtins?: readonly string[];
}

/** Every import of a source text: static, re-export, `import()`, `import('…').T` and `new URL('…', import.meta.url)`. */
export function importsOf(from: string, text: string): Import[] {
  const { program, module, errors } = parseSync(from, text);
  if (errors.length > 0) throw new Error(`${from}: ${errors[0]?.message}`);
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean): void => {
    const isRelative = specifier.startsWith('.');
    const to = isRelative ? posix.join(posix.dirname(from), specifier) : specifier;
    found.push({ from, to, relative: isRelative, typeOnly });
  };
  for (const { moduleRequest, entries } of module.staticImports) {
    add(moduleRequest.value, entries.length > 0 && entries.every(entry => entry.isType));
  }
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest, isType } of entries) if (moduleRequest) add(moduleRequest.value, isType);
  }
  const literal = (node: unknown): string | undefined => {
    const value = (node as { value?: unknown } | undefined)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  new Visitor({
    ImportExpression: node => add(literal(node.source) ?? '(computed)', false),
    TSImportType: node => add(literal(node.source) ?? '(computed)', true),
    NewExpression: node => {
      const path = literal(node.arguments[0]);
      const isUrl = node.callee.type === 'Identifier' && node.callee.name === 'URL';
      if (isUrl && path?.startsWith('.') && path.endsWith('.ts')) add(path, false);
    },
    CallExpression: node => {
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'require') return;
      add(literal(node.arguments[0]) ?? '(computed)', false);
    },
  }).visit(program);
  return found;
}

/** All `.ts` files below a folder, as sorted paths relative to it. */
export function sourceFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

export function readImports(root: string): Import[] {
  return sourceFiles(root).flatMap(file => importsOf(file, readFileSync(join(root, file), 'utf8')));
}

/** Is `path` the file `place`, `place.ts`, or anything below the folder `place`? `a/b*` takes all that begins so. */
export function isWithin(path: string, place: string): boolean {
  if (place.endsWith('*')) return path.startsWith(place.slice(0, -1));
  return path === place || path === `${place}.ts` || path.startsWith(`${place}/`);
}

export function layerOf(path: string, layers: readonly Layer[]): Layer | undefined {
  return layers
    .filter(layer => isWithin(path, layer.folder))
    .sort((a, b) => b.folder.length - a.folder.length)[0];
}

/** One sentence for each import that the layers do not allow. */
export function violations(
  imports: readonly Import[],
  layers: readonly Layer[],
  guarded: readonly string[],
): string[] {
  const problems = imports.map(one => {
    const layer = layerOf(one.from, layers);
    if (!layer) return `${one.from}: no layer covers this file`;
    return isAllowed(one, layer, guarded)
      ? undefined
      : `${one.from} may not import ${one.to}${one.typeOnly ? ' (types)' : ''}`;
  });
  return [...new Set(problems.filter(problem => problem !== undefined))];
}

function isAllowed(one: Import, layer: Layer, guarded: readonly string[]): boolean {
  if (!one.relative) return isExternalAllowed(one.to, layer, guarded);
  if (one.to.startsWith('..')) return false;
  const places = [layer.folder, ...layer.may, ...(one.typeOnly ? (layer.types ?? []) : [])];
  return places.some(place => isWithin(one.to, place));
}

function isExternalAllowed(specifier: string, layer: Layer, guarded: readonly string[]): boolean {
  if (layer.packages.some(name => specifier === name || specifier.startsWith(`${name}/`))) return true;
  if (!specifier.startsWith('node:') || guarded.includes(specifier)) return false;
  return layer.builtins ? layer.builtins.includes(specifier) : true;
}

/** The import cycles among files, each once, as `a → b → a`. Types count too: they tie files together as well. */
export function cycles(imports: readonly Import[]): string[] {
  const graph = new Map<string, string[]>();
  for (const { from, to, relative: isRelative } of imports) {
    if (isRelative) graph.set(from, [...(graph.get(from) ?? []), to]);
  }
  const found = new Set<string>();
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      found.add(canonicalCycle(path.slice(start)));
      return;
    }
    if (finished.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    finished.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return [...found].sort();
}

function canonicalCycle(files: readonly string[]): string {
  const first = files.indexOf([...files].sort()[0] ?? '');
  const turned = [...files.slice(first), ...files.slice(0, first)];
  return [...turned, turned[0]].join(' → ');
}

/** The `src` folder of this project. */
export const SRC = join(dirname(import.meta.dirname), '..', 'src');
