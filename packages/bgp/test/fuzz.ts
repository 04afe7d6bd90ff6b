// Damaged messages for as long as one likes: `node packages/bgp/test/fuzz.ts [seconds] [seed]`, 60 seconds and a seed of the clock by default. What fails is printed
// with the seed that makes it fail again at once.
import fc from 'fast-check';
import { checkDecoding, damagedMessages } from './damaged-messages.ts';

const RUNS = 5_000;

const [seconds = '60', given] = process.argv.slice(2);
const until = Date.now() + Number(seconds) * 1000;
const first = given === undefined ? Date.now() % 2 ** 31 : Number(given);
const property = fc.property(damagedMessages, checkDecoding);

let runs = 0;
for (let seed = first; process.exitCode === undefined && (runs === 0 || Date.now() < until); seed++) {
  const result = fc.check(property, { seed, numRuns: RUNS });
  runs += result.numRuns;
  if (!result.failed) continue;
  process.stdout.write(`${fc.defaultReportMessage(result)}\n${result.errorInstance}\n`);
  process.stdout.write(`again: node packages/bgp/test/fuzz.ts 1 ${seed}\n`);
  process.exitCode = 1;
}
process.stdout.write(
  `${runs} damaged BGP messages from seed ${first}: ${process.exitCode ? 'FAILED' : 'none failed'}\n`,
);
