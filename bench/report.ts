/** What was measured, for people. */
import type { Row, Table } from './bench.ts';

/** Three digits are more than a shared machine repeats. */
function number(value: number | null): string {
  if (value === null) return '-';
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toPrecision(2);
}

function cells(row: Row): string[] {
  const ratio = row.ratio === null ? '1' : `${number(row.ratio)} x`;
  return [row.what, number(row.p50), number(row.p99), ratio, String(row.count)];
}

/** As plain text that is also Markdown. */
export function inWords(table: Table): string {
  const head = ['', `p50 ${table.unit}`, 'p99', 'ratio', 'n'];
  const lines = [head, ...table.rows.map(cells)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const draw = (line: string[]): string =>
    `| ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  const notes = table.notes.map((note) => `\n${note}`);
  return [`### ${table.title}`, '', draw(lines[0]!), rule, ...lines.slice(1).map(draw), ...notes, ''].join(
    '\n',
  );
}
