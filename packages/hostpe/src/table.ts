// Tables for terminals: columns padded to their widest cell, two blanks between, as iproute2's `-br` and vtysh print them. Pure.

/** A daemon's answer is taken as it comes: an older daemon may lack a field. */
export type Row = Readonly<Record<string, unknown>>;

export interface Column {
  readonly title: string;
  readonly cell: (row: Row) => unknown;
}

/** @returns one line for the titles and one for each row, each with its line break. */
export function formatTable(columns: readonly Column[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => formatCell(cell(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** A value as an operator reads it: `-` for none, commas between several. */
export function formatCell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(formatCell).join(',');
  return String(value);
}

/** `3d4h`, `2h5m`, `42s`: the two greatest units. @param seconds whole seconds. */
export function formatDuration(seconds: number): string {
  const units: readonly [string, number][] = [
    ['d', Math.floor(seconds / 86400)],
    ['h', Math.floor(seconds / 3600) % 24],
    ['m', Math.floor(seconds / 60) % 60],
    ['s', seconds % 60],
  ];
  const first = units.findIndex(([, count]) => count > 0);
  if (first < 0) return '0s';
  return units
    .slice(first, first + 2)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count}${unit}`)
    .join('');
}
