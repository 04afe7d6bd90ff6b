#!/usr/bin/env node
// The executable. Owns the process: arguments, output, exit code.
import { run } from './program.ts';

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
