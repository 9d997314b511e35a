/** Pure: docs/compatibility.md from what the tests with real clients noted, and from what protocols say they lack. */
import type { Operation } from '../../test/support/compatibility.ts';

export interface Assertion {
  readonly status: string;
  readonly meta?: { readonly compatibility?: readonly Operation[] };
}

export interface Report {
  readonly testResults: readonly { readonly assertionResults: readonly Assertion[] }[];
}

/** What passed tests have proved, each once, by format, operation and client. */
export function provedBy(report: Report): readonly Operation[] {
  const all = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'passed')
    .flatMap(({ meta }) => meta?.compatibility ?? []);
  const keyed = new Map(all.map(operation => [keyOf(operation), operation]));
  return [...keyed.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, operation]) => operation);
}

const keyOf = ({ format, operation, client, version }: Operation) =>
  [format, operation, client, version].join('\0');

const HEAD = `# Compatibility

Made by \`npm run docs:compatibility\` from the results of \`npm test\`: every line was run with the real client against
the real server. Do not edit it by hand.
`;

export function render(operations: readonly Operation[], lacking: ReadonlyMap<string, string>): string {
  const formats = [...new Set([...operations.map(({ format }) => format), ...lacking.keys()])].sort();
  return [HEAD, ...formats.map(format => section(format, operations, lacking.get(format)))].join('\n');
}

function section(format: string, operations: readonly Operation[], lacking: string | undefined): string {
  const rows = new Map<string, string[]>();
  for (const { format: of, operation, client, version } of operations)
    if (of === format) rows.set(operation, [...(rows.get(operation) ?? []), `${client} ${version}`]);
  const table = [...rows].map(([operation, clients]) => `| ${operation} | ${clients.join(', ')} |`);
  return [
    `## ${format}\n`,
    ...(table.length > 0 ? ['| Operation | Run with |', '|---|---|', ...table, ''] : []),
    ...(lacking ? ['Not supported:\n', lacking, ''] : []),
  ].join('\n');
}

/** The list under the heading "Not supported" of a protocol's README. */
export function lackingIn(readme: string): string | undefined {
  const [, after] = readme.split(/^## Not supported\s*$/m);
  return after?.split(/^## /m)[0]?.trim();
}
