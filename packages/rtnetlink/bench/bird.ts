// BIRD as a side: its static protocol gives it the routes, its kernel protocol programs them.
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { addDevice, endDaemon, gatewayRoutes, versionOf } from './daemons.ts';
import { timeNotified } from './notified.ts';
import type { Program } from './program.ts';
import { benchTable, type Side } from './side.ts';

/**
 * Its processor time is not known: it would be that of reading the configuration too.
 * @param directory for its files.
 * @throws Error where it is not installed.
 */
export function birdSide(program: Program, directory: string): Side {
  const version = versionOf('BIRD', 'bird', 'bird2');
  let daemon: ChildProcess | undefined;
  return {
    name: version,
    ops: ['add'],
    byNexthopId: false,
    clear: () => endDaemon(daemon),
    change: async (job) => {
      addDevice(job.family);
      const file = join(directory, 'bird.conf');
      const routes = gatewayRoutes(job).map(([prefix, gateway]) => `  route ${prefix} via ${gateway};`);
      writeFileSync(
        file,
        `router id 192.0.2.1;
${job.family} table bench;
protocol device {}
protocol kernel { kernel table ${benchTable}; scan time 3600; ${job.family} { table bench; import none; export all; }; }
protocol static {
  ${job.family} { table bench; };
${routes.join('\n')}
}
`,
      );
      const wall = await timeNotified(program, job, benchTable, () => {
        daemon = startChild('bird', ['-f', '-c', file, '-s', join(directory, 'bird.ctl')], 'ignore');
      });
      return { wall, cpu: undefined };
    },
  };
}
