// What a benchmark tells: costs of ours beside another's, as a table for people and as JSON for programs. Measures nothing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

interface Compared {
  readonly metric: string;
  readonly unit: string;
  readonly against: string;
  /** The least ratio that the project wants; null: none is set, the figure is there to be known. */
  readonly goal: number | null;
}

interface Figure extends Compared {
  readonly ours: number;
  readonly other: number;
  /** Above 1: we are ahead. */
  readonly ratio: number;
  readonly met: boolean | null;
  /** Lowest and highest ratio of a round: how far the machine can be trusted. */
  readonly spread: readonly [number, number];
}

/**
 * Compares the medians of what the same work cost.
 * @param costs one a round of each side, an odd number of rounds.
 * @param show turns a cost into the unit.
 */
export function figure(
  compared: Compared,
  costs: { readonly ours: readonly number[]; readonly other: readonly number[] },
  show: (cost: number) => number,
): Figure {
  const ours = median(costs.ours);
  const other = median(costs.other);
  const ratio = other / ours;
  const met = compared.goal === null ? null : ratio >= compared.goal;
  const byRound = costs.ours.map((cost, round) => (costs.other[round] ?? Number.NaN) / cost);
  const spread = [Math.min(...byRound), Math.max(...byRound)] as const;
  return { ...compared, ours: show(ours), other: show(other), ratio, met, spread };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

export function writeFigures(path: string, figures: readonly Figure[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const keys = ['metric', 'unit', 'ours', 'against', 'other', 'ratio', 'goal', 'met'];
  writeFileSync(path, `${JSON.stringify(figures, keys, 2)}\n`);
}

/** @returns lines, the first one the heading. */
export function formatTable(figures: readonly Figure[]): string {
  const digits = { maximumSignificantDigits: 3 };
  const rows = [
    ['metric', 'unit', 'ours', 'other', 'against', 'ratio', 'by round', 'goal', 'met'],
    ...figures.map(({ metric, unit, ours, other, against, ratio, spread, goal, met }) => [
      metric,
      unit,
      ours.toLocaleString('en', digits),
      other.toLocaleString('en', digits),
      against,
      ratio.toFixed(2),
      spread.map((value) => value.toFixed(2)).join('..'),
      String(goal ?? '-'),
      met === null ? '-' : met ? 'yes' : 'NO',
    ]),
  ];
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(width(column))).join('  ')).join('\n');
}
