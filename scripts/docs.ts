/** Writes the table of settings into README.md, or (`--check`) says whether it is current. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settings } from '../src/config.ts';

const BEGIN = '<!-- settings:begin (npm run docs) -->';
const END = '<!-- settings:end -->';
const path = join(import.meta.dirname, '../README.md');

const rows = settings().map(({ name, meaning, fallback }) => `| \`${name}\` | ${meaning} | ${fallback} |`);
const table = ['| Variable | Meaning | Default |', '|---|---|---|', ...rows].join('\n');
const readme = readFileSync(path, 'utf8');
const [before, rest = ''] = readme.split(BEGIN);
const [, after] = rest.split(END);
if (before === undefined || after === undefined)
  throw new Error('README.md has lost the marks of its table of settings');
const wanted = `${before}${BEGIN}\n${table}\n${END}${after}`;

if (wanted === readme) process.exit(0);
if (process.argv.includes('--check')) {
  process.stderr.write('The table of settings in README.md is not current: npm run docs\n');
  process.exit(1);
}
writeFileSync(path, wanted);
