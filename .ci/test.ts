// Runs the suites one after the other and adds them up. Usage: node .ci/test.ts [check|unit|lab|demo] [part of a test file's path]
// The last line is `N passed, N failed`. A suite that ends without a report, or fails without a failed test, counts as one failure.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';

interface Tally {
  readonly passed: number;
  readonly failed: number;
}

const root = resolve(import.meta.dirname, '..');
const reports = resolve(root, '.cache/test-reports');
mkdirSync(reports, { recursive: true });

function run(command: string, args: readonly string[]): number {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) process.stderr.write(`${command}: ${error.message}\n`);
  if (signal) process.stderr.write(`${command}: ended by ${signal}\n`);
  return status ?? 1;
}

/** Runs commands that have no tests of their own; each counts as one. */
function commands(list: readonly (readonly [string, ...string[]])[]): Tally {
  let failed = 0;
  for (const [command, ...args] of list) if (run(command, args) !== 0) failed++;
  return { passed: list.length - failed, failed };
}

function vitest(
  name: string,
  wrapper: readonly string[],
  args: readonly string[],
  reporter = 'default',
): Tally {
  const report = resolve(reports, `${name}.json`);
  rmSync(report, { force: true });
  const line = [
    ...wrapper,
    'vitest',
    'run',
    ...args,
    `--reporter=${reporter}`,
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  const [command = '', ...rest] = line;
  const status = run(command, rest);
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8')) as {
    numPassedTests: number;
    numFailedTests: number;
  };
  return { passed: numPassedTests, failed: status !== 0 && numFailedTests === 0 ? 1 : numFailedTests };
}

const lab = [
  'node',
  'netns-lab/src/main.ts',
  'run',
  '--timeout',
  '3000',
  '--output',
  reports,
  '--env',
  'CI',
  '--',
];

const demo = [
  'node',
  'netns-lab/src/main.ts',
  'run',
  '--timeout',
  '1500',
  '--env',
  'NODE_COMPILE_CACHE',
] as const;

const suites: Readonly<Record<string, (filter: readonly string[]) => Tally>> = {
  check: () =>
    commands([
      ['biome', 'check', '--error-on-warnings', '.'],
      ['tsc', '-b'],
      ['node', '.ci/check-layers.ts'],
      ['knip'],
    ]),
  unit: (filter) => vitest('unit', [], ['--project', 'unit', ...filter]),
  lab: (filter) => vitest('lab', lab, ['--project', 'kernel', '--project', 'e2e', ...filter], 'verbose'),
  demo: () => commands([[...demo, '--', 'node', 'e2e/demo/main.ts']]),
};

const [only, ...filter] = process.argv.slice(2);
if (only !== undefined && !(only in suites)) {
  process.stderr.write(`no suite '${only}': ${Object.keys(suites).join(', ')}\n`);
  process.exit(2);
}
const total = { passed: 0, failed: 0 };
const lines: string[] = [];
for (const [name, suite] of Object.entries(suites)) {
  if (only !== undefined && only !== name) continue;
  const start = Date.now();
  const { passed, failed } = suite(filter);
  total.passed += passed;
  total.failed += failed;
  lines.push(`${name}: ${passed} passed, ${failed} failed, ${Math.round((Date.now() - start) / 1000)} s`);
}
process.stdout.write(`\n${lines.join('\n')}\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
