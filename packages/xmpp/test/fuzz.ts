// The agreement with saxes, and of our two ways through elements that repeat, for as long as one likes:
// `node packages/xmpp/test/fuzz.ts [seconds] [seed]`, 60 seconds and a seed of the clock by default. What fails is printed with the seed that makes it fail again at once.
import fc from 'fast-check';
import { checkAgreement } from './support/agreement.ts';
import { checkRepetition } from './support/repetition.ts';
import { damagedRoutes, narrowLimits, routes } from './support/route-streams.ts';
import { cuts, mutated, written } from './support/streams.ts';

const RUNS = 500;

const [seconds = '60', given] = process.argv.slice(2);
const until = Date.now() + Number(seconds) * 1000;
const first = given === undefined ? Date.now() % 2 ** 31 : Number(given);
const streams = fc.oneof({ weight: 1, arbitrary: written }, { weight: 3, arbitrary: mutated });
const routeStreams = fc.oneof({ weight: 1, arbitrary: routes }, { weight: 2, arbitrary: damagedRoutes });
const agreement = fc.property(streams, cuts, (bytes, at) => checkAgreement(bytes, at));
const repetition = fc.property(routeStreams, cuts, narrowLimits, (bytes, at, limits) => {
  checkRepetition(bytes, at, limits);
});

let runs = 0;
for (let seed = first; process.exitCode === undefined && (runs === 0 || Date.now() < until); seed++) {
  run(agreement, seed);
  run(repetition, seed);
}
process.stdout.write(`${runs} streams from seed ${first}: ${process.exitCode ? 'FAILED' : 'all agree'}\n`);

function run<Stream>(property: fc.IProperty<Stream>, seed: number): void {
  const result = fc.check(property, { seed, numRuns: RUNS });
  runs += result.numRuns;
  if (!result.failed) return;
  process.stdout.write(`${fc.defaultReportMessage(result)}\n${result.errorInstance}\n`);
  process.stdout.write(`again: node packages/xmpp/test/fuzz.ts 1 ${seed}\n`);
  process.exitCode = 1;
}
