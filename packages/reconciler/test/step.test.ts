import { parseIpPrefix } from '@hostpe/net';
import { FakeKernel } from '@hostpe/rtnetlink/testing';
import { expect, test } from 'vitest';
import { kernelStep, Progress } from '../src/step.ts';
import { silent } from './scene.ts';

test('a route whose nexthop object went before it was deleted is gone, and that is no failure', async () => {
  const kernel = new FakeKernel();
  const progress = new Progress({ rtnetlink: kernel, sysctl: kernel.sysctl, log: silent });
  const prefix = parseIpPrefix('10.1.0.2');
  const route = { object: 'route', family: 'ipv4', table: 16001, prefix, nexthopId: 0x68700000 } as const;
  await progress.run([
    [
      kernelStep('remove', 'route', { op: 'delete', object: route }),
      kernelStep('make', 'another', { op: 'add', object: route }),
    ],
  ]);
  expect(progress.done).toBe(1);
  expect(progress.failures()).toEqual([
    { object: 'another', reason: expect.stringContaining('Nexthop id does not exist') },
  ]);
});
