// What the threads of another process have had of the processors so far, as the kernel accounts it. Seconds.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface ThreadTime {
  readonly name: string;
  readonly ran: number;
  /** Ready to run, but no processor was free: neither work nor waiting for anybody. */
  readonly queued: number;
}

/** By the thread's number. Empty where the kernel does not account it (`CONFIG_SCHED_INFO`). */
export type ThreadTimes = ReadonlyMap<string, ThreadTime>;

/** @throws Error where there is no such process. */
export function readThreadTimes(pid: number): ThreadTimes {
  const times = new Map<string, ThreadTime>();
  if (!existsSync('/proc/self/schedstat')) return times;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const read = (name: string) => readFileSync(`/proc/${pid}/task/${thread}/${name}`, 'utf8').trim();
    const [ran = Number.NaN, queued = Number.NaN] = read('schedstat').split(' ').map(Number);
    times.set(thread, { name: read('comm'), ran: ran / 1e9, queued: queued / 1e9 });
  }
  return times;
}

/** @returns what each thread had since, the busiest first. */
export function spentSince(before: ThreadTimes, now: ThreadTimes): ThreadTime[] {
  return [...now]
    .map(([thread, { name, ran, queued }]) => {
      const then = before.get(thread);
      return { name, ran: ran - (then?.ran ?? 0), queued: queued - (then?.queued ?? 0) };
    })
    .sort((one, other) => other.ran - one.ran);
}
