/**
 * Two promises of package-lock.json that npm does not keep by itself: it names no host, and it has an entry with a
 * digest for every optional package of every platform. `npm ci` refuses a lock without them; `npm install` leaves them
 * out in silence when the registry it asks does not have them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const text = readFileSync(join(import.meta.dirname, '..', 'package-lock.json'), 'utf8');
const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, LockedPackage>> };

const problems = Object.entries(packages).flatMap(([path, locked]) => [
  ...(locked.resolved === undefined ? [] : [`${path}: names where it came from (resolved)`]),
  ...(path === '' || locked.integrity !== undefined ? [] : [`${path}: no integrity`]),
  ...Object.keys(locked.optionalDependencies ?? {})
    .filter(name => !isLocked(name, path))
    .map(name => `${path || 'package.json'}: its optional ${name} has no entry`),
]);

if (problems.length > 0) {
  console.error(`package-lock.json:\n  ${problems.join('\n  ')}`);
  process.exit(1);
}

/** Looks where Node would: in the package's own node_modules, then in every one above it. */
function isLocked(name: string, from: string): boolean {
  const parents = from.split('/node_modules/');
  const nested = parents.map((_, index) => [...parents.slice(0, index + 1), name].join('/node_modules/'));
  return [...nested, `node_modules/${name}`].some(path => packages[path] !== undefined);
}
