// Doors that fail: requests, dumps, sysctls, nftables and notifications. And time, in which what failed is tried again.

import type { KernelObject, Request } from '@hostpe/rtnetlink';
import { errnos } from '../errnos.ts';
import type { Event } from './events.ts';
import type { Strike } from './host.ts';
import type { Run } from './run.ts';

const kinds: readonly KernelObject['object'][] = [
  'link',
  'address',
  'neighbour',
  'route',
  'nexthop',
  'rule',
  'qdisc',
  'filter',
  'fou',
];

/** True once, at the n-th question from now on. */
function nth({ random }: Run, limit: number): () => boolean {
  let left = 1 + random.below(limit);
  return () => --left === 0;
}

function plant(run: Run, end: () => void): void {
  run.needs('retry');
  run.faults.push(end);
}

export const faultEvents: readonly Event[] = [
  {
    name: 'a request fails',
    weight: 2.5,
    wait: 'retry',
    happen: (run) => {
      const errno = run.random.pick(errnos);
      run.tell(`  ${errno}`);
      plant(run, run.host.failEach(nth(run, 60), errno));
    },
  },
  {
    name: 'requests of a kind fail for a while',
    weight: 1,
    wait: 'retry',
    happen: (run) => {
      const kind = run.random.pick(kinds);
      const op = run.random.maybe<Request['op'] | undefined>(['add', 'replace', 'set', 'delete', undefined]);
      const errno = run.random.pick(errnos);
      run.tell(`  ${errno} of each ${op ?? 'request'} of a ${kind}`);
      plant(
        run,
        run.host.failEach(
          (request) => request.object.object === kind && (op === undefined || request.op === op),
          errno,
        ),
      );
    },
  },
  {
    name: 'the socket breaks in a batch',
    weight: 1,
    wait: 'retry',
    happen: (run) => plant(run, run.host.breakAt(nth(run, 60))),
  },
  {
    name: 'a dump is interrupted',
    weight: 1,
    wait: 'retry',
    happen: (run) => {
      const strikes = nth(run, 30);
      run.host.kernel.strikesDump = strikes;
      plant(run, () => {
        run.host.kernel.strikesDump = () => false;
      });
    },
  },
  {
    name: 'sysctls fail for a while',
    weight: 0.5,
    wait: 'retry',
    happen: (run) => {
      run.host.strikesSysctl = () => 'EPERM';
      plant(run, () => {
        run.host.strikesSysctl = () => undefined;
      });
    },
  },
  {
    name: 'nftables fails',
    weight: 1,
    wait: 'retry',
    happen: (run) => {
      const strike: Strike = run.random.chance(0.5) ? 'done' : 'not done';
      const strikes = run.random.chance(0.5) ? nth(run, 6) : () => true;
      run.host.nft.strikes = () => (strikes() ? strike : undefined);
      plant(run, () => {
        run.host.nft.strikes = () => undefined;
      });
    },
  },
  {
    name: 'what fails works again',
    weight: 3,
    wait: 'retry',
    happen: (run) => {
      for (const end of run.faults.splice(0)) end();
    },
  },
  {
    name: 'a notification is lost',
    weight: 0.5,
    wait: 'scan',
    happen: (run) => {
      run.needs('scan');
      run.isShaken = true;
      run.host.kernel.loseNth(1 + run.random.below(4));
    },
  },
  {
    name: 'notifications overrun',
    weight: 0.5,
    happen: (run) => run.host.kernel.overrun(),
  },
  {
    name: 'time passes',
    weight: 2,
    happen: async (run) => await run.host.pass(1 + run.random.below(run.random.chance(0.2) ? 61_000 : 3_000)),
  },
];
