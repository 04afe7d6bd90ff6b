// What the running kernel says about requests of ours that are wrong in what only the caller knows: other tunnels' attributes, unknown ones.
import type { IpAddress, IpPrefix } from '@hostpe/net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type KernelObject, openRtnetlink, type Rtnetlink, type RtnetlinkError } from '../src/index.ts';
import { needsRoot, ScratchNamespace } from './scratch-namespace.ts';

/** LWTUNNEL_IP_DST of two bytes, and alignment. */
const badEncap = { type: 2, attributes: Uint8Array.of(6, 0, 2, 0, 1, 2, 0, 0) };
const loopback = 1;
const gateway = '127.0.0.1' as IpAddress;
const route = { object: 'route', family: 'ipv4', table: 1001, prefix: '10.0.0.0/8' as IpPrefix } as const;
let namespace: ScratchNamespace;
let kernel: Rtnetlink;

beforeEach(async ({ skip }) => {
  if (needsRoot) skip(needsRoot);
  namespace = new ScratchNamespace();
  namespace.ip('link', 'set', 'lo', 'up');
  kernel = await openRtnetlink({ namespace: namespace.name });
});

afterEach(async () => {
  if (needsRoot) return;
  await kernel.close();
  namespace.remove();
});

test.each<[string, attribute: string | undefined, object: KernelObject]>([
  [
    'a nexthop with an attribute that no kernel has',
    'attribute 16000',
    { object: 'nexthop', id: 7, device: loopback, unknown: [{ type: 16000, value: new Uint8Array(4) }] },
  ],
  [
    'a nexthop into a tunnel to nowhere',
    'NHA_ENCAP/LWTUNNEL_IP_DST',
    { object: 'nexthop', id: 7, family: 'ipv4', device: loopback, gateway, otherEncap: badEncap },
  ],
  [
    'a route into a tunnel to nowhere',
    'RTA_ENCAP/LWTUNNEL_IP_DST',
    { ...route, device: loopback, otherEncap: badEncap },
  ],
  [
    'the second of two nexthops into a tunnel to nowhere',
    'RTA_MULTIPATH/RTA_ENCAP/LWTUNNEL_IP_DST',
    {
      ...route,
      multipath: [
        { weight: 1, device: loopback },
        { weight: 1, device: loopback, otherEncap: badEncap },
      ],
    },
  ],
  ['a route by a nexthop that does not exist', undefined, { ...route, nexthopId: 99 }],
])('%s is refused, and the attribute named', async (_what, attribute, object) => {
  const [verdict] = await kernel.execute([{ op: 'add', object }]);
  const error = verdict as RtnetlinkError;
  expect(error.code).toBe('kernel');
  expect(error.kernelMessage).toBeTypeOf('string');
  expect(error.attribute).toBe(attribute);
  expect(error.offset === undefined).toBe(attribute === undefined);
});
