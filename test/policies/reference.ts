import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One call of a builtin, arguments in Rego notation. `json`: what opa answers; null: undefined, an error. */
export interface Call {
  readonly call: string;
  readonly args: readonly string[];
  readonly json: string | null;
}

/** Asks the reference implementation for the answers to all calls. */
export function askOpa(opa: string, calls: readonly Omit<Call, 'json'>[]): (string | null)[] {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-opa-'));
  try {
    const rules = calls.map(
      ({ call, args }, i) => `answers["${i}"] := json.marshal(${call}(${args.join(', ')}))`,
    );
    writeFileSync(join(folder, 'calls.rego'), `package calls\n\n${rules.join('\n\n')}\n`);
    const query = ['eval', '-f', 'raw', '-d', join(folder, 'calls.rego'), 'data.calls.answers'];
    const answers = JSON.parse(execFileSync(opa, query, { encoding: 'utf8' })) as Record<string, string>;
    return calls.map((_, i) => answers[String(i)] ?? null);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
