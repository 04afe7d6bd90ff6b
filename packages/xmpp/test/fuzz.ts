// The agreement with saxes for as long as one likes: `node packages/xmpp/test/fuzz.ts [seconds] [seed]`, 60 seconds and a seed of the
// clock by default. What fails is printed with the seed that makes it fail again at once.
import fc from 'fast-check';
import { checkAgreement } from './support/agreement.ts';
import { cuts, mutated, written } from './support/streams.ts';

const RUNS = 500;

const [seconds = '60', given] = process.argv.slice(2);
const until = Date.now() + Number(seconds) * 1000;
const first = given === undefined ? Date.now() % 2 ** 31 : Number(given);
const streams = fc.oneof({ weight: 1, arbitrary: written }, { weight: 3, arbitrary: mutated });
const agreement = fc.property(streams, cuts, (bytes, at) => checkAgreement(bytes, at));

let runs = 0;
for (let seed = first; process.exitCode === undefined && (runs === 0 || Date.now() < until); seed++) {
  const result = fc.check(agreement, { seed, numRuns: RUNS });
  runs += result.numRuns;
  if (!result.failed) continue;
  process.stdout.write(`${fc.defaultReportMessage(result)}\n${result.errorInstance}\n`);
  process.stdout.write(`again: node packages/xmpp/test/fuzz.ts 1 ${seed}\n`);
  process.exitCode = 1;
}
process.stdout.write(`${runs} streams from seed ${first}: ${process.exitCode ? 'FAILED' : 'all agree'}\n`);
