// Random events against reconciler and fake kernel for as long as one likes: `node packages/reconciler/test/fuzz.ts [seconds] [seed]`, 60 seconds
// and a seed of the clock by default. What fails is printed with the seed that makes it fail again at once.
import { Run } from './model/run.ts';

const EVENTS = 1_000;

const [seconds = '60', given] = process.argv.slice(2);
const until = Date.now() + Number(seconds) * 1000;
const first = given === undefined ? Date.now() % 2 ** 31 : Number(given);

let events = 0;
for (let seed = first; process.exitCode === undefined && (events === 0 || Date.now() < until); seed++) {
  const run = new Run(seed);
  try {
    await run.run(EVENTS);
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.stdout.write(`again: node packages/reconciler/test/fuzz.ts 1 ${seed}\n`);
    process.exitCode = 1;
  }
  events += run.events;
}
process.stdout.write(
  `${events} events from seed ${first}: ${process.exitCode ? 'FAILED' : 'the kernel ended as desired each time'}\n`,
);
