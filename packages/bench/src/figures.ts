// What a benchmark tells: costs of ours beside another's or beside a limit, as a table for people and as JSON for programs. Measures nothing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

interface Compared {
  readonly metric: string;
  readonly unit: string;
  readonly against: string;
  /** The least ratio that the project wants; null: none is set, the figure is there to be known. */
  readonly goal: number | null;
}

export interface Figure extends Compared {
  readonly ours: number;
  readonly other: number;
  /** Above 1: we are ahead. Null: one of both is 0. */
  readonly ratio: number | null;
  readonly met: boolean | null;
  /** Lowest and highest ratio of a round: how far the machine can be trusted. */
  readonly spread: readonly [number, number];
}

/**
 * Compares what the same work cost. The ratio is the median of those of the rounds: a round's two sides ran one behind the other, so that a
 * machine that is slow for a while is slow for both.
 * @param costs one a round of each side, an odd number of rounds.
 * @param show turns a cost into the unit.
 */
export function figure(
  compared: Compared,
  costs: { readonly ours: readonly number[]; readonly other: readonly number[] },
  show: (cost: number) => number = (cost) => cost,
): Figure {
  const ratios = costs.ours.map((cost, round) => (costs.other[round] ?? Number.NaN) / cost);
  const ratio = median(ratios);
  return {
    ...compared,
    ours: show(median(costs.ours)),
    other: show(median(costs.other)),
    ratio: Number.isFinite(ratio) ? ratio : null,
    met: compared.goal === null ? null : ratio >= compared.goal,
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** Compares with the most that the project allows. @param values one a round; the smaller the better. */
export function limitFigure(metric: string, unit: string, values: readonly number[], limit: number): Figure {
  const ours = median(values);
  const ratios = values.map((value) => limit / value);
  return {
    metric,
    unit,
    ours,
    against: 'goal',
    other: limit,
    ratio: limit === 0 ? null : limit / ours,
    goal: 1,
    met: ours <= limit,
    spread: limit === 0 ? [Number.NaN, Number.NaN] : [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** A figure that is there to be known. @param values one a round */
export function plainFigure(metric: string, unit: string, values: readonly number[]): Figure {
  const nothing = { against: '-', other: Number.NaN, ratio: null, goal: null, met: null };
  return { metric, unit, ours: median(values), ...nothing, spread: [Number.NaN, Number.NaN] };
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
  const shown = (ratio: number): string => (Number.isFinite(ratio) ? ratio.toFixed(ratio < 10 ? 2 : 0) : '-');
  const rows = [
    ['metric', 'unit', 'ours', 'other', 'against', 'ratio', 'by round', 'goal', 'met'],
    ...figures.map(({ metric, unit, ours, other, against, ratio, spread, goal, met }) => [
      metric,
      unit,
      ours.toLocaleString('en', digits),
      Number.isNaN(other) ? '-' : other.toLocaleString('en', digits),
      against,
      shown(ratio ?? Number.NaN),
      spread.map(shown).join('..'),
      String(goal ?? '-'),
      met === null ? '-' : met ? 'yes' : 'NO',
    ]),
  ];
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(width(column))).join('  ')).join('\n');
}
