// Times who programs routes as the kernel tells it: from the notification of the first route to that of the last, so that nobody pays for a start or a
// configuration. Daemons are counted so, and we beside them.
import { flushTable } from './namespace.ts';
import type { Program } from './program.ts';
import { benchTable, type Job, type Side } from './side.ts';

/** Ours, counted as the daemons are. */
export function watchedSide(program: Program, side: Side): Side {
  return {
    ...side,
    name: `${side.name}, as notified`,
    ops: ['add'],
    clear: flushTable,
    change: async (job) => {
      let cpu: number | undefined;
      const wall = await timeNotified(program, job, benchTable, async () => {
        cpu = (await side.change(job)).cpu;
      });
      return { wall, cpu };
    },
  };
}

/** @param begin makes the routes appear. @returns seconds. */
export async function timeNotified(
  program: Program,
  { family, count }: Job,
  table: number,
  begin: () => unknown,
): Promise<number> {
  const watcher = await program.watch(family, table, count);
  try {
    await begin();
    return (await watcher.heard).wall;
  } finally {
    await watcher.stop();
  }
}
