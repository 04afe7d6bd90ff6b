import type { Encapsulation } from '@hostpe/net';
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import { describe, expect, test } from 'vitest';
import { ForwardingRoutes } from '../src/vpn-routes.ts';

const pe = parseIpAddress('10.255.0.1');

function route(
  prefix: string,
  ...nexthops: readonly (readonly [string, number, ...Encapsulation[]])[]
): VpnRoute {
  return {
    id: prefix,
    prefix: parseIpPrefix(prefix),
    nexthops: nexthops.map(([address, label, ...encapsulations]) => ({
      address: parseIpAddress(address),
      label: parseLabel(label),
      encapsulations,
    })),
  };
}

function computed(one: VpnRoute, encapsulations: readonly Encapsulation[] = ['udp', 'gre']) {
  const forwarding = new ForwardingRoutes();
  forwarding.update([one.prefix], new Map([[one.prefix, one]]), new Set(), {
    pe,
    encapsulations,
    interfaceOf: (label) => (label === 1000 ? 'v-red1' : undefined),
  });
  const { routes, problems } = forwarding;
  return { nexthops: routes.get(one.prefix), problem: problems.get(one.prefix) };
}

describe('routes for the kernel', () => {
  test('use the first encapsulation of ours that the remote PE can receive', () => {
    const remote = { kind: 'remote', pe: '10.255.0.2', label: 2000 };
    expect(computed(route('10.1.0.2/32', ['10.255.0.2', 2000, 'gre', 'udp'])).nexthops).toEqual([
      { ...remote, encapsulation: 'udp' },
    ]);
    expect(computed(route('10.1.0.2/32', ['10.255.0.2', 2000, 'gre'])).nexthops).toEqual([
      { ...remote, encapsulation: 'gre' },
    ]);
    expect(computed(route('10.1.0.2/32', ['10.255.0.2', 2000])).nexthops).toEqual([
      { ...remote, encapsulation: 'gre' },
    ]);
  });

  test('without a common encapsulation are left out, with the reason', () => {
    expect(computed(route('10.1.0.2/32', ['10.255.0.2', 2000, 'udp']), ['gre'])).toEqual({
      nexthops: [],
      problem: 'nexthop 10.255.0.2 receives udp only, and this VPN is configured for gre',
    });
  });

  test('with our address and label are delivered here', () => {
    expect(computed(route('10.1.0.1/32', ['10.255.0.1', 1000, 'gre']))).toEqual({
      nexthops: [{ kind: 'local', interface: 'v-red1' }],
      problem: undefined,
    });
  });

  test('with our address and a label that leads nowhere never leave as a packet to ourselves', () => {
    expect(computed(route('10.1.0.1/32', ['10.255.0.1', 1001, 'gre'], ['10.255.0.2', 2000, 'gre']))).toEqual({
      nexthops: [{ kind: 'remote', pe: '10.255.0.2', label: 2000, encapsulation: 'gre' }],
      problem: 'nexthop 10.255.0.1 is this host, and its label 1001 leads to no attachment',
    });
  });

  test('have each nexthop once', () => {
    expect(
      computed(route('0.0.0.0/0', ['10.255.0.2', 2000, 'gre'], ['10.255.0.2', 2000, 'gre'])).nexthops,
    ).toHaveLength(1);
  });

  test('over another family of underlay are left out', () => {
    expect(computed(route('10.1.0.2/32', ['2001:db8::2', 2000, 'gre'])).problem).toBe(
      'nexthop 2001:db8::2 is not reachable over an IPv4 underlay',
    );
  });

  test.each(['169.254.1.1/32', 'fe80::/64', '224.0.0.0/4', 'ff02::1/128', '127.0.0.1/32'])(
    'never take %s from the host',
    (prefix) => {
      expect(computed(route(prefix, ['10.255.0.2', 2000, 'gre']))).toEqual({
        nexthops: undefined,
        problem: 'no tenant can have this prefix',
      });
    },
  );
});
