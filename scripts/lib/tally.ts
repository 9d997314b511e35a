/** Tests that cannot run everywhere: `match` is a regular expression over a test's full name. */
export interface Unavailable {
  readonly match: string;
  readonly reason: string;
}

/** What we read of vitest's JSON report. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

export interface Tally {
  readonly passed: number;
  /** full names; a file that failed outside its tests stands for itself */
  readonly failed: readonly string[];
  readonly explained: readonly { readonly entry: Unavailable; readonly skipped: number }[];
  readonly unexplained: readonly string[];
}

export function tally(report: VitestReport, known: readonly Unavailable[]): Tally {
  const tests = report.testResults.flatMap(file => file.assertionResults);
  const skipped = tests.filter(test => test.status !== 'passed' && test.status !== 'failed');
  const patterns = known.map(entry => ({ entry, pattern: new RegExp(entry.match) }));
  return {
    passed: tests.filter(test => test.status === 'passed').length,
    failed: report.testResults.flatMap(failuresOf),
    explained: patterns.map(({ entry, pattern }) => ({
      entry,
      skipped: skipped.filter(test => pattern.test(test.fullName)).length,
    })),
    unexplained: skipped
      .filter(test => !patterns.some(({ pattern }) => pattern.test(test.fullName)))
      .map(test => test.fullName),
  };
}

/** An import that throws, or a hook, fails a file without failing any test in it. */
function failuresOf(file: VitestReport['testResults'][number]): string[] {
  const tests = file.assertionResults.filter(test => test.status === 'failed').map(test => test.fullName);
  return tests.length > 0 || file.status !== 'failed' ? tests : [`${file.name} ${file.message ?? ''}`.trim()];
}
