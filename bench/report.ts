/** The table that people read. */
import type { Row } from './bench.ts';
import { figure, summarise } from './stats.ts';

/** Lines of a Markdown table. */
export function renderTable(rows: readonly Row[]): string {
  const lines = rows.map(row => {
    const measured = Object.entries(row.samples).map(([name, samples]) => {
      const { median, spread } = summarise(samples);
      return `${name} ${figure(median)}${samples.length > 1 ? ` ±${Math.round(spread * 100)} %` : ''}`;
    });
    return [row.what, measured.join(', '), row.unit, ...targetOf(row)];
  });
  const head = ['What', 'Median ± half the range', 'Unit', 'Aim', 'Reached', ''];
  return [head, head.map(() => '---'), ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

function targetOf({ target }: Row): [string, string, string] {
  if (!target) return ['', '', ''];
  if (target.value === undefined) return [target.text, 'not measured', ''];
  const unit = target.text.endsWith('×') ? '×' : '';
  return [target.text, `${figure(target.value)}${unit}`, target.met ? 'met' : 'MISSED'];
}

export const notesOf = (rows: readonly Row[]): string[] => [
  ...new Set(rows.map(({ note }) => note).filter(note => note !== undefined)),
];
