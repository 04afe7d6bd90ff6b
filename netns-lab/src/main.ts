#!/usr/bin/env node
/** The program `netns-lab`: turns a request into calls and their outcomes into text and an exit code. */
import { constants } from 'node:os';
import { parseCommandLine, type Request, USAGE } from './command-line.ts';
import { LabError } from './error.ts';
import { cacheFolder } from './kernel/cache.ts';
import { fetchKernel } from './kernel/fetch.ts';
import { probeKernel } from './kernel/probe.ts';
import { run } from './kernel/run.ts';
import { removeAllLabs } from './topology/leftovers.ts';

const TIMED_OUT = 124; // as timeout(1)
const LAB_FAILED = 125;
const WRONG_USAGE = 2;

async function perform(request: Request, signal: AbortSignal): Promise<number> {
  switch (request.kind) {
    case 'help':
      process.stdout.write(USAGE);
      return 0;
    case 'probe': {
      const features = await probeKernel();
      if (request.json) process.stdout.write(`${JSON.stringify(features)}\n`);
      else
        for (const { name, present, reason, remedy } of features)
          process.stdout.write(`${name.padEnd(18)} ${present ? 'yes' : `no   ${reason}; ${remedy}`}\n`);
      return features.every((feature) => feature.present) ? 0 : 1;
    }
    case 'fetch': {
      const { kernel, how, reason } = await fetchKernel(cacheFolder());
      if (how === 'offline') process.stderr.write(`netns-lab: using the cached kernel, since ${reason}\n`);
      process.stdout.write(`${kernel.folder}\n`);
      return 0;
    }
    case 'clean':
      for (const namespace of await removeAllLabs()) process.stdout.write(`${namespace}\n`);
      return 0;
    case 'run':
    case 'shell': {
      const terminal = request.kind === 'shell';
      const command = terminal ? shellCommand(request.where) : request.command;
      const outcome = await run({ ...request, command, terminal, cache: cacheFolder(), signal });
      if (outcome.kind === 'exit') return outcome.code;
      if (outcome.kind === 'aborted') return LAB_FAILED;
      process.stderr.write(
        `netns-lab: ended after ${request.timeout / 1000} s, before it was done: ${command.join(' ')}\n`,
      );
      return TIMED_OUT;
    }
  }
}

function shellCommand(where: 'auto' | 'native' | 'qemu'): readonly string[] {
  const shell = ['bash', '-i'];
  const { columns, rows } = process.stdout;
  if (where === 'native' || columns === undefined) return shell;
  // A virtio console knows nothing of the terminal's size.
  return ['sh', '-c', `stty rows ${rows} cols ${columns}; exec bash -i`];
}

async function main(): Promise<number> {
  const abort = new AbortController();
  let signalled: NodeJS.Signals | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      signalled ??= name;
      abort.abort();
    });
  try {
    const code = await perform(parseCommandLine(process.argv.slice(2)), abort.signal);
    return signalled === undefined ? code : 128 + constants.signals[signalled];
  } catch (error) {
    // Our reader closed its end: there is nobody left to tell.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return LAB_FAILED;
    if (!(error instanceof LabError)) throw error;
    process.stderr.write(`netns-lab: ${error.message}\n`);
    return error.code === 'arguments' ? WRONG_USAGE : LAB_FAILED;
  }
}

process.exitCode = await main();
