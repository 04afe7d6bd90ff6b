// The forwarder from what a route server says to the kernel, beside its socket alone and beside the limits that the project sets itself. Works in a
// network namespace of its own, which ends with it: VRFs, tunnels and MPLS are faked there (half-kernel.ts), routes and nexthop objects are the kernel's.
//
//   node forwarder.bench.ts [PART...]   PART: see `parts`; all of them without any
//   BENCH_ROUTES=50000                  no table is larger than this; 1,000,000 otherwise
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { type Figure, formatTable, writeFigures } from '@hostpe/bench';
import { benchChanges, benchDrift } from './changes.ts';
import { deviceIndex, prepareNamespace } from './namespace.ts';
import type { Bench } from './scene.ts';
import { benchMemory, benchTable, memoryOfTable } from './table.ts';

const parts: Readonly<Record<string, (bench: Bench) => Promise<Figure[]>>> = {
  memory: benchMemory,
  table: benchTable,
  changes: benchChanges,
  drift: benchDrift,
};

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function benchHere(): Bench {
  return { device: deviceIndex(), mostRoutes: Number(process.env['BENCH_ROUTES'] ?? 1_000_000), say };
}

async function benchmark(names: readonly string[]): Promise<void> {
  prepareNamespace();
  const figures: Figure[] = [];
  for (const name of names) {
    const part = parts[name];
    if (part === undefined) throw new Error(`${name} is none of ${Object.keys(parts).join(', ')}`);
    const start = performance.now();
    figures.push(...(await part(benchHere())));
    say(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
  }
  writeFigures(resolve(import.meta.dirname, '../../../bench-results/forwarder.json'), figures);
  process.stdout.write(`Medians of rounds. Ratio > 1: we are ahead.\n${formatTable(figures)}\n`);
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'alone') {
  process.stdout.write(JSON.stringify(await memoryOfTable(benchHere(), Number(rest[0]))));
} else if (mode === 'in-namespace') {
  await benchmark(rest.length > 0 ? rest : Object.keys(parts));
} else if (process.getuid?.() !== 0) {
  say('bench-forwarder needs root, to make a network namespace and routes in it: use sudo');
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
