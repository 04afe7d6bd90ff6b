// A part in a process of its own, so that its memory is its own.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const main = join(import.meta.dirname, 'forwarder.bench.ts');

/** Runs `memoryOfTable` in the same network namespace. @throws Error with what it complained of */
export function runAlone(ofVpn: number): { readonly resident: number; readonly heap: number } {
  const args = ['--expose-gc', main, 'alone', String(ofVpn)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}
