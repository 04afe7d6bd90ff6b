// Loaded into a process before its program: tells whoever started it for how long the event loop stood still at the most. Milliseconds.

export interface Stalls {
  /** Between two turns of a timer, by the clock: also what other processes took, where cores are few. */
  readonly byClock: number;
  /** And by the CPU time of the thread: what the program did itself, garbage collection included. */
  readonly byCpu: number;
}

const INTERVAL = 2;

let longest: { byClock: number; byCpu: number } = { byClock: 0, byCpu: 0 };
let clock = performance.now();
let cpu = threadCpu();

function threadCpu(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const timer = setInterval(() => {
  const [nowClock, nowCpu] = [performance.now(), threadCpu()];
  longest.byClock = Math.max(longest.byClock, nowClock - clock - INTERVAL);
  longest.byCpu = Math.max(longest.byCpu, nowCpu - cpu);
  clock = nowClock;
  cpu = nowCpu;
}, INTERVAL);
timer.unref();

process.on('message', (message) => {
  if (message !== 'stalls') return;
  process.send?.(longest satisfies Stalls);
  longest = { byClock: 0, byCpu: 0 };
});
process.channel?.unref();
