/**
 * Writes docs/compatibility.md from the report of a whole test run (`CI=true npm test` leaves one), or (`--check`) says
 * what that run did not prove although the page claims it, or proved and the page does not say. Clients' versions may
 * differ from machine to machine.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lackingIn, provedBy, type Report, render } from './lib/compatibility.ts';

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs/compatibility.md');
const protocols = join(root, 'src/protocols');

const report = JSON.parse(readFileSync(join(root, 'test-results/vitest.json'), 'utf8')) as Report;
const proved = provedBy(report);
const wanted = render(proved, lacking());

if (!process.argv.includes('--check')) writeFileSync(page, wanted);
else if (withoutVersions(readFileSync(page, 'utf8')) !== withoutVersions(wanted)) {
  process.stderr.write('docs/compatibility.md is not what this run has proved: npm run docs:compatibility\n');
  process.exit(1);
}

function lacking(): ReadonlyMap<string, string> {
  const found = readdirSync(protocols, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(protocols, entry.name, 'README.md')))
    .map(({ name }) => [name, lackingIn(readFileSync(join(protocols, name, 'README.md'), 'utf8'))] as const);
  return new Map(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** `npm 11.19.1, pnpm 10.2.0` and `npm 11.20.0, pnpm 10.3.1` are the same claim. */
function withoutVersions(text: string): string {
  return text.replaceAll(/(?<=\| .*)\b([a-z][\w.-]*) v?\d[\w.+~-]*/g, '$1');
}
