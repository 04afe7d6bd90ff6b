import { expect, test } from 'vitest';
import { figure, formatTable, limitFigure, plainFigure } from '../src/index.ts';

const compared = { metric: 'routes', unit: '/s', against: 'C', goal: 2 };

test('the ratio is the median of those of the rounds, not that of the medians', () => {
  const found = figure(compared, { ours: [1, 2, 10], other: [3, 4, 5] }, (cost) => 1 / cost);
  expect(found).toMatchObject({ ours: 0.5, other: 0.25, ratio: 2, met: true, spread: [0.5, 3] });
  expect(figure({ ...compared, goal: 2.1 }, { ours: [1], other: [2] }).met).toBe(false);
});

test('a limit is met by what is not above it', () => {
  expect(limitFigure('delay', 'ms', [40, 60, 50], 50)).toMatchObject({ ours: 50, ratio: 1, met: true });
  expect(limitFigure('delay', 'ms', [51], 50).met).toBe(false);
});

test('a table has a heading, and says where a goal is not met', () => {
  const lines = formatTable([figure(compared, { ours: [2], other: [1] })]).split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^metric +unit +ours +other +against +ratio +by round +goal +met$/);
  expect(lines[1]).toMatch(/^routes +\/s +2 +1 +C +0\.50 .* NO *$/);
});

test('a figure that is only to be known is beside nothing', () => {
  const [, line] = formatTable([plainFigure('heard', 's', [3, 1, 2])]).split('\n');
  expect(line).toMatch(/^heard +s +2 +- +- +- +-\.\.- +- +- *$/);
});
