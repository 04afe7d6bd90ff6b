// A daemon for the tests of its life, in a process of its own. Argument: how it behaves.
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, runDaemon } from '../src/index.ts';

const [, , behaviour] = process.argv;
const busy = setInterval(() => {}, 1000);

const code = await runDaemon({
  name: 'test',
  stopPatience: behaviour === 'slow-stop' ? 50 : 60_000,
  async start() {
    if (behaviour === 'bad-config')
      throw new ConfigError([{ file: 'h1.yaml', line: 3, key: 'vpn', message: 'missing' }]);
    if (behaviour === 'bad-start') throw new Error('no MPLS in this kernel');
    if (behaviour === 'throws')
      setTimeout(() => {
        throw new Error('a defect');
      }, 10);
    if (behaviour === 'rejects') setTimeout(() => void Promise.reject(new Error('a defect')), 10);
    process.stdout.write('started\n');
    const reload = async () => void process.stdout.write('read anew\n');
    return {
      ...(behaviour === 'rereads' ? { reload } : {}),
      async stop() {
        process.stdout.write('stopping\n');
        if (behaviour === 'slow-stop' || behaviour === 'impatient') await wait(60_000);
        process.stdout.write('stopped\n');
      },
    };
  },
});
clearInterval(busy);
process.exitCode = code;
