// Routes and nexthops that no message can carry, or that the kernel would take for something else: refused before anything is sent, with
// the thing at fault named.
import type { IpAddress, IpPrefix, Label } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeRequest } from '../src/codec/request.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import type { IpRoute, KernelObject, MplsRoute, Nexthop, Operation } from '../src/index.ts';

const gateway = '10.255.0.1' as IpAddress;
const label = 600 as Label;

function refusal(object: KernelObject, op: Operation = 'add'): string {
  const writer = new MessageWriter();
  try {
    encodeRequest(writer, { op, object }, 1);
  } catch (error) {
    expect(error).toMatchObject({ name: 'RtnetlinkError', code: 'invalid' });
    expect(writer.length).toBe(0);
    return (error as Error).message;
  }
  return 'none';
}

function ipRoute(facts: Partial<IpRoute>): IpRoute {
  return {
    object: 'route',
    family: 'ipv4',
    table: 1001,
    prefix: '10.1.0.0/16' as IpPrefix,
    ...(facts.nexthopId === undefined && facts.multipath === undefined ? { device: 3 } : {}),
    ...facts,
  };
}

function mplsRoute(facts: Partial<MplsRoute>): MplsRoute {
  return { object: 'route', family: 'mpls', label: 1002 as Label, device: 3, ...facts };
}

function nexthop(facts: Partial<Nexthop>): Nexthop {
  return { object: 'nexthop', id: 7, ...facts };
}

const oneMember = [{ weight: 1, device: 3 }];

describe('a route', () => {
  test('that is none of these is not refused', () => {
    for (const object of [
      ipRoute({}),
      ipRoute({ nexthopId: 1, preferredSource: gateway, metrics: { mtu: 1400 } }),
      ipRoute({ multipath: oneMember }),
      mplsRoute({}),
      nexthop({}),
    ])
      expect(refusal(object)).toBe('none');
  });

  test.each<[string, Partial<IpRoute>, message: string]>([
    ['table 0', { table: 0 }, 'RTA_TABLE: 0 is not a number from 1 to 4294967295'],
    ['a table of 2^32', { table: 2 ** 32 }, 'RTA_TABLE: 4294967296 is not a number from 1 to 4294967295'],
    ['half a table', { table: 1.5 }, 'RTA_TABLE: 1.5 is not a number from 1 to 4294967295'],
    [
      'a prefix of 33 bits',
      { prefix: '10.0.0.0/33' as IpPrefix },
      '"10.0.0.0/33" is not an IP prefix: the length must be 0 to 32',
    ],
    [
      'a prefix with host bits',
      { prefix: '10.0.0.1/24' as IpPrefix },
      '"10.0.0.1/24" has bits set behind its length: 10.0.0.0/24 is the prefix',
    ],
    ['a prefix that is none', { prefix: 'ten/8' as IpPrefix }, '"ten/8" is not an IP prefix'],
    [
      'a prefix of the other family',
      { prefix: '2001:db8::/32' as IpPrefix },
      '2001:db8::/32 is no prefix of ipv4',
    ],
    ['a protocol of 256', { protocol: 256 }, 'rtm_protocol: 256 is not a number from 0 to 255'],
    [
      'a metric of 2^32',
      { metric: 2 ** 32 },
      'RTA_PRIORITY: 4294967296 is not a number from 0 to 4294967295',
    ],
    ['a type that has no word', { type: 'other' }, 'a route of type other cannot be asked for'],
    ['nexthop id 0', { nexthopId: 0 }, 'RTA_NH_ID: 0 is not a number from 1 to 4294967295'],
    ['a nexthop id and a gateway', { nexthopId: 1, gateway }, 'a route with a nexthop id and gateway'],
    ['a nexthop id and a device', { nexthopId: 1, device: 3 }, 'a route with a nexthop id and device'],
    [
      'a nexthop id and labels',
      { nexthopId: 1, encapLabels: [label] },
      'a route with a nexthop id and encapLabels',
    ],
    [
      'a nexthop id and multipath',
      { nexthopId: 1, multipath: oneMember },
      'a route with a nexthop id and multipath',
    ],
    ['multipath and a gateway', { multipath: oneMember, gateway }, 'a route with multipath and gateway'],
    ['multipath of nothing', { multipath: [] }, 'a multipath route without a nexthop'],
    ['weight 0', { multipath: [{ weight: 0, device: 3 }] }, 'weight: 0 is not a number from 1 to 256'],
    ['weight 257', { multipath: [{ weight: 257, device: 3 }] }, 'weight: 257 is not a number from 1 to 256'],
    [
      'a label of 2^20',
      { encapLabels: [0x100000 as Label] },
      'RTA_ENCAP: MPLS_IPTUNNEL_DST: 1048576 is not an MPLS label',
    ],
    [
      'half a label',
      { encapLabels: [16.5 as Label] },
      'RTA_ENCAP: MPLS_IPTUNNEL_DST: 16.5 is not an MPLS label',
    ],
    ['no label', { encapLabels: [] }, 'RTA_ENCAP: MPLS_IPTUNNEL_DST: a label stack without a label'],
    [
      'a label of 2^20 in multipath',
      { multipath: [{ weight: 1, device: 3, encapLabels: [0x100000 as Label] }] },
      'RTA_MULTIPATH: RTA_ENCAP: MPLS_IPTUNNEL_DST: 1048576 is not an MPLS label',
    ],
    [
      'two encapsulations',
      { encapLabels: [label], otherEncap: { type: 2, attributes: new Uint8Array() } },
      'encapLabels and otherEncap: there can be one encapsulation',
    ],
    [
      'no encapsulation as another one',
      { otherEncap: { type: 0, attributes: new Uint8Array() } },
      'otherEncap of type 0, which is none or MPLS',
    ],
    [
      'MPLS as another encapsulation',
      { otherEncap: { type: 1, attributes: new Uint8Array() } },
      'otherEncap of type 1, which is none or MPLS',
    ],
    [
      'a gateway that is no address',
      { gateway: '10.255.0.256' as IpAddress },
      'RTA_GATEWAY: "10.255.0.256" is not an IP address',
    ],
    [
      'a gateway of the other family that is no address',
      { gateway: ':::' as IpAddress },
      'RTA_VIA: ":::" is not an IP address',
    ],
    [
      'a preferred source of the other family',
      { preferredSource: '::1' as IpAddress },
      'the preferred source ::1 is not of ipv4',
    ],
    [
      'an MTU that the kernel would cut',
      { metrics: { mtu: 65521 } },
      'RTA_METRICS: RTAX_MTU: 65521 is not a number from 0 to 65520',
    ],
    [
      'a hop limit of 256',
      { metrics: { hopLimit: 256 } },
      'RTA_METRICS: RTAX_HOPLIMIT: 256 is not a number from 0 to 255',
    ],
    [
      'an advmss that the kernel would cut',
      { metrics: { advmss: 65496 } },
      'RTA_METRICS: RTAX_ADVMSS: 65496 is not a number from 0 to 65495',
    ],
  ])('with %s', (_what, facts, message) => {
    expect(refusal(ipRoute(facts))).toBe(message);
  });

  test('is not deleted by a key that is none', () => {
    expect(refusal(ipRoute({ table: 0 }), 'delete')).toMatch('RTA_TABLE');
    expect(refusal(ipRoute({ prefix: '10.0.0.1/24' as IpPrefix }), 'delete')).toMatch('10.0.0.0/24');
    expect(refusal(ipRoute({ prefix: '10.0.0.1/24' as IpPrefix, nexthopId: 1 }), 'delete')).toMatch(
      '10.0.0.0/24',
    );
  });

  test('is deleted whatever else it is', () => {
    expect(refusal(ipRoute({ type: 'other', protocol: 256, metrics: { mtu: 2 ** 32 } }), 'delete')).toBe(
      'none',
    );
  });
});

describe('a label route', () => {
  test.each<[string, Partial<MplsRoute>, message: string]>([
    ['a label of 2^20', { label: 0x100000 as Label }, 'RTA_DST: 1048576 is not an MPLS label'],
    ['a negative label', { label: -1 as Label }, 'RTA_DST: -1 is not an MPLS label'],
    ['no label to swap to', { newLabels: [] }, 'RTA_NEWDST: a label stack without a label'],
    [
      'a label of 2^20 to swap to',
      { newLabels: [label, 0x100000 as Label] },
      'RTA_NEWDST: 1048576 is not an MPLS label',
    ],
    ['a protocol of 256', { protocol: 256 }, 'rtm_protocol: 256 is not a number from 0 to 255'],
    ['a device of 2^32', { device: 2 ** 32 }, 'RTA_OIF: 4294967296 is not a number from 0 to 4294967295'],
    [
      'multipath and a device',
      { multipath: [{ device: 3 }] },
      'a multipath label route with a device, via or labels of its own',
    ],
    [
      'multipath and labels',
      { device: 0, newLabels: [label], multipath: [{ device: 3 }] },
      'a multipath label route with a device, via or labels of its own',
    ],
    ['multipath of nothing', { device: 0, multipath: [] }, 'a multipath label route without a nexthop'],
  ])('with %s', (_what, facts, message) => {
    expect(refusal(mplsRoute(facts))).toBe(message);
  });
});

describe('a nexthop', () => {
  test.each<[string, Partial<Nexthop>, message: string]>([
    ['id 0', { id: 0 }, 'a nexthop of id 0: the kernel would choose one'],
    ['an id of 2^32', { id: 2 ** 32 }, 'NHA_ID: 4294967296 is not a number from 0 to 4294967295'],
    ['a protocol of 256', { protocol: 256 }, 'nh_protocol: 256 is not a number from 0 to 255'],
    [
      'a label of 2^20',
      { encapLabels: [0x100000 as Label] },
      'NHA_ENCAP: MPLS_IPTUNNEL_DST: 1048576 is not an MPLS label',
    ],
    ['weight 0', { group: [{ id: 1, weight: 0 }] }, 'NHA_GROUP: weight: 0 is not a number from 1 to 65536'],
    [
      'weight 65537',
      { group: [{ id: 1, weight: 65537 }] },
      'NHA_GROUP: weight: 65537 is not a number from 1 to 65536',
    ],
    ['a group of nothing', { group: [] }, 'NHA_GROUP: a nexthop group without members'],
    [
      'no buckets',
      { group: [{ id: 1, weight: 1 }], resilient: { buckets: 0 } },
      'NHA_RES_GROUP: NHA_RES_GROUP_BUCKETS: 0 is not a number from 1 to 65535',
    ],
    [
      'a gateway that is no address',
      { gateway: '10.1' as IpAddress },
      'NHA_GATEWAY: "10.1" is not an IP address',
    ],
  ])('with %s', (_what, facts, message) => {
    expect(refusal(nexthop(facts))).toBe(message);
  });
});

test('a prefix with any one bit behind its length is refused, in either family', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.nat(), fc.nat(), (isIpv6, first, second) => {
      const bits = isIpv6 ? 128 : 32;
      const length = first % bits;
      const set = length + (second % (bits - length));
      const bytes = new Uint8Array(bits / 8);
      bytes[set >> 3] = 0x80 >> (set & 7);
      const text = isIpv6
        ? Buffer.from(bytes)
            .toString('hex')
            .replace(/.{4}(?!$)/g, '$&:')
        : bytes.join('.');
      const route = ipRoute({ family: isIpv6 ? 'ipv6' : 'ipv4', prefix: `${text}/${length}` as IpPrefix });
      expect(refusal(route)).toMatch('has bits set behind its length');
    }),
  );
});
