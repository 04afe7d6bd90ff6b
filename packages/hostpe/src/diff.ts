// `hostpe diff`: what the forwarder would change in the kernel if it looked now.
import { ExitCode } from '@hostpe/daemon';
import { ask, forwarderSocket } from './sockets.ts';
import type { Terminal } from './terminal.ts';

interface Answer {
  readonly changes?: readonly string[];
  readonly waiting?: number;
  readonly failures?: readonly { readonly object: string; readonly reason: string }[];
}

/** @returns the exit code, as that of diff(1): 0 nothing, 1 something. @throws ApiError, ControlSocketError */
export async function diff(
  { json = false, socket = forwarderSocket }: { readonly json?: boolean; readonly socket?: string },
  terminal: Terminal,
): Promise<number> {
  const { answer } = await ask([socket], 'GET', '/diff');
  const { changes = [], waiting = 0, failures = [] } = answer as Answer;
  if (json) terminal.out(`${JSON.stringify(answer, undefined, 2)}\n`);
  else {
    for (const change of changes) terminal.out(`${change}\n`);
    if (waiting > 0) terminal.out(`${waiting} more that wait for these\n`);
    for (const { object, reason } of failures) terminal.out(`cannot be done: ${object}: ${reason}\n`);
  }
  return changes.length + waiting + failures.length === 0 ? ExitCode.ok : ExitCode.failure;
}
