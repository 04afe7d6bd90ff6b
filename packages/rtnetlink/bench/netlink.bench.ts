// Programs and reads the kernel's routes through our socket, beside a C program that does the same, beside all who do it and are installed, and
// beside the limits that the project sets itself. Works in a network namespace of its own, which ends with it.
//
//   node netlink.bench.ts [PART...]     PART: see `parts`; all of them without any
//   BENCH_ROUTES=50000                  no table is larger than this; 1,000,000 otherwise
//
// Sides take turns, from the same state of the kernel to the same state; nobody is credited with a phase before the kernel's table was read and
// found right. A peer that is not installed or fails has a line that says so instead of figures.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Figure, formatTable, writeFigures } from '@hostpe/bench';
import { openRtnetlink } from '../src/open.ts';
import { workAlone } from './alone.ts';
import { benchOthers, benchProgram } from './changes.ts';
import type { Bench } from './compare.ts';
import { benchEncoding } from './encoding.ts';
import { benchDump, benchEventLoop } from './large.ts';
import { prepareNamespace } from './namespace.ts';
import { benchNexthopMembers } from './nexthop-members.ts';
import { benchNexthopReplace } from './nexthop-replace.ts';
import { benchUniqueNexthops } from './nexthops.ts';
import { runNpmNetlink } from './peers.ts';
import { compileProgram, type Program } from './program.ts';

const parts: Readonly<Record<string, (bench: Bench) => Promise<Figure[]>>> = {
  encoding: benchEncoding,
  replace: benchNexthopReplace,
  members: benchNexthopMembers,
  nexthops: benchUniqueNexthops,
  // Before the large ones: what a million routes leave on the heap is collected at the cost of who comes next.
  others: benchOthers,
  program: benchProgram,
  dump: benchDump,
  loop: benchEventLoop,
};
const mostRoutes = Number(process.env['BENCH_ROUTES'] ?? 1_000_000);

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function findProgram(directory: string): Program | undefined {
  try {
    return compileProgram(directory);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

async function benchmark(names: readonly string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-netlink-'));
  // zebra, without its privileges, has to get through.
  chmodSync(directory, 0o711);
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  prepareNamespace();
  const kernel = await openRtnetlink();
  try {
    const bench = { kernel, program: findProgram(directory), directory, mostRoutes, say };
    const figures: Figure[] = [];
    for (const name of names) {
      const part = parts[name];
      if (part === undefined) throw new Error(`${name} is none of ${Object.keys(parts).join(', ')}`);
      const start = performance.now();
      figures.push(...(await part(bench)));
      say(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
    }
    writeFigures(resolve(import.meta.dirname, '../../../bench-results/netlink.json'), figures);
    process.stdout.write(`Medians of rounds. Ratio > 1: we are ahead.\n${formatTable(figures)}\n`);
  } finally {
    await kernel.close();
  }
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'npm-netlink') {
  process.stdout.write(JSON.stringify(await runNpmNetlink(rest)));
} else if (mode === 'alone') {
  process.stdout.write(JSON.stringify(await workAlone(rest)));
} else if (mode === 'in-namespace') {
  await benchmark(rest.length > 0 ? rest : Object.keys(parts));
} else if (process.getuid?.() !== 0) {
  say('bench-netlink needs root, to make a network namespace and routes in it: use sudo');
  process.exitCode = 1;
} else {
  const node = [process.execPath, '--expose-gc', import.meta.filename];
  const args = ['-n', ...node, 'in-namespace', ...process.argv.slice(2)];
  const child = spawn('unshare', args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => say(`unshare: ${error.message}`));
  child.once('close', (status) => {
    process.exitCode = status === 0 ? 0 : 1;
  });
}
