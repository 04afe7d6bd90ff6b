import { parseIpPrefix } from '@hostpe/net';
import type { SysctlKey } from '@hostpe/rtnetlink';
import { sysctlKeys } from '@hostpe/rtnetlink';
import { FakeKernel } from '@hostpe/rtnetlink/testing';
import { expect, test } from 'vitest';
import type { Step } from '../src/step.ts';
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

test('a sysctl is told with its path and with what was written; one that fails stops no other', async () => {
  const kernel = new FakeKernel();
  const said: unknown[] = [];
  const note = (facts: object, message: string) => {
    said.push([facts, message]);
  };
  const log = { ...silent, debug: note, info: note };
  const progress = new Progress({ rtnetlink: kernel, sysctl: kernel.sysctl, log });
  const step = (sysctl: SysctlKey, value: boolean | number, why?: string): Step => ({
    key: sysctl.path,
    name: `sysctl ${sysctl.path}`,
    action: { kind: 'sysctl', sysctl, value, ...(why === undefined ? {} : { why }) },
  });
  await progress.run([
    [
      step(sysctlKeys.mplsInput('no.such'), true),
      step(sysctlKeys.mplsPlatformLabels, 1048576),
      step(sysctlKeys.ipForward, true, 'it routes'),
      step(sysctlKeys.rpFilter('lo'), 2),
    ],
  ]);
  expect(said).toEqual([
    [{ sysctl: 'net/ipv4/ip_forward', value: '1' }, 'sysctl set for the whole host: it routes'],
    [{ sysctl: 'net/ipv4/conf/lo/rp_filter', value: '2' }, 'sysctl set'],
  ]);
  expect(progress.failures()).toEqual([
    { object: 'sysctl net/mpls/conf/no.such/input', reason: expect.stringContaining('ENOENT') },
    { object: 'sysctl net/mpls/platform_labels', reason: expect.stringContaining('0 to 1048575') },
  ]);
});
