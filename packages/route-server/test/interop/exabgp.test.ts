// ExaBGP as a second opinion of what is on the wire: what a forwarder publishes is what it prints, and what it says reaches a forwarder, or does not.
import { freePort } from '@hostpe/bgp/testing';
import { afterEach, expect, test, vi } from 'vitest';
import { type Running, routeServer } from '../bgp-scene.ts';
import type { Forwarder } from '../forwarder.ts';
import { ofH1, publish } from '../routes.ts';
import { route } from '../values.ts';
import { type Exabgp, startExabgp } from './exabgp.ts';

const address = '127.0.1.9';
const own = '127.0.1.1';
const deadline = { timeout: 20_000, interval: 20 };
/** Route target 65000:1, and tunnel types 2, GRE, and 13, MPLS in UDP, as octets. */
const red = '0x0002fde800000001';
const gre = '0x030c000000000002';
const udp = '0x030c00000000000d';

let running: Exabgp | undefined;
afterEach(async () => {
  await running?.end();
  running = undefined;
});

async function scene(): Promise<{ exabgp: Exabgp; rs: Running; h1: Forwarder }> {
  const port = await freePort(address);
  const exabgp = await startExabgp({ address, port, peer: own });
  running = exabgp;
  const rs = await routeServer(`as: 65000
identifier: 192.0.2.1
peers:
  exabgp: { address: ${address}, port: ${port}, local-address: ${own}, as: 65000, no-password: true }
`);
  const h1 = await rs.forwarder('h1');
  await h1.request({ kind: 'subscribe', vpn: 'red', instanceId: 7 });
  await vi.waitFor(async () => expect((await rs.peers())[0]?.state).toBe('established'), deadline);
  return { exabgp, rs, h1 };
}

/** A command of its API. */
const announce = (prefix: string, nexthop: string, label: number, ...communities: readonly string[]) =>
  `announce route ${prefix} rd 65000:9 next-hop ${nexthop} label ${label} extended-community [ ${communities.join(' ')} ]`;

/** What was said before `10.9.9.9/32` has been heard. */
async function heard(exabgp: Exabgp, h1: Forwarder): Promise<void> {
  exabgp.say(announce('10.9.9.9/32', '10.255.0.9', 999, red));
  await h1.until(() => h1.routes.has('red 10.9.9.9/32'));
}

test('it prints what a forwarder publishes', async () => {
  const { exabgp, h1 } = await scene();
  const parts = { nexthop: '10.255.0.1', label: 1000 } as const;
  await h1.request(
    publish(
      'red',
      route({
        ...parts,
        prefix: '10.1.0.1/32',
        encapsulations: ['gre', 'udp'],
        localPreference: 200,
      }),
      route({ ...parts, prefix: '2001:db8::1/128', encapsulations: ['udp'] }),
    ),
  );
  const [vpnv4, vpnv6] = ['10.255.0.1:7 10.1.0.1/32', '10.255.0.1:7 2001:db8::1/128'] as const;
  await vi.waitFor(
    () =>
      expect(Object.fromEntries(exabgp.routes())).toEqual({
        [vpnv4]: {
          nexthop: '10.255.0.1',
          label: 1000,
          localPreference: 200,
          extendedCommunities: ['encap:GRE', 'encap:MPLS-in-UDP', 'target:65000:1'],
        },
        [vpnv6]: {
          nexthop: '::ffff:10.255.0.1',
          label: 1000,
          localPreference: 100,
          extendedCommunities: ['encap:MPLS-in-UDP', 'target:65000:1'],
        },
      }),
    deadline,
  );
  await h1.request({ kind: 'retract', vpn: 'red', ids: [ofH1('10.1.0.1/32').id] });
  await vi.waitFor(() => expect([...exabgp.routes().keys()]).toEqual([vpnv6]), deadline);
});

test('a forwarder hears what it says', async () => {
  const { exabgp, rs, h1 } = await scene();
  exabgp.say(
    announce('10.9.1.1/32', '10.255.0.9', 900, red, udp),
    announce('2001:db8:9::/64', '::ffff:10.255.0.9', 901, red, gre),
  );
  await h1.until(() => h1.routes.size === 2);
  expect(Object.fromEntries(h1.routes)).toEqual({
    'red 10.9.1.1/32': '10.255.0.9/900',
    'red 2001:db8:9::/64': '10.255.0.9/901',
  });
  expect(await rs.ask('/bgp/routes?rd=65000:9')).toMatchObject([
    { prefix: '10.9.1.1/32', routeTargets: ['65000:1'], encapsulations: ['udp'] },
    { prefix: '2001:db8:9::/64', encapsulations: ['gre'] },
  ]);
  exabgp.say('withdraw route 10.9.1.1/32 rd 65000:9 next-hop 10.255.0.9 label 900');
  await h1.until(() => h1.routes.size === 1);
});

test.each([
  ['a route target that nobody imports', ['10.255.0.9', 900, '0x0002fde800000063'], [1, undefined]],
  ['label 3', ['10.255.0.9', 3, red], [0, 'label 3, which is reserved']],
  ['our own address as next-hop', [own, 900, red], [0, `nexthop ${own}, which is our own address`]],
] as const)('%s reaches no forwarder', async (_, [nexthop, label, target], [kept, reason]) => {
  const { exabgp, rs, h1 } = await scene();
  exabgp.say(announce('10.9.1.1/32', nexthop, label, target));
  await heard(exabgp, h1);
  expect([...h1.routes.keys()]).toEqual(['red 10.9.9.9/32']);
  expect(await rs.ask('/bgp/routes?prefix=10.9.1.1/32')).toHaveLength(kept);
  const told = rs.lines.filter((line) => line.startsWith('BGP peer exabgp: ') && line.includes(`${reason}`));
  expect(told).toHaveLength(reason === undefined ? 0 : 1);
  expect((await rs.peers())[0]?.state).toBe('established');
});

test('the address of the peer itself is a next-hop as others are', async () => {
  const { exabgp, h1 } = await scene();
  exabgp.say(announce('10.9.1.1/32', address, 900, red));
  await h1.until(() => h1.routes.get('red 10.9.1.1/32') === `${address}/900`);
});

test('the session ends where the next-hop of VPNv6 has the length of none', async () => {
  const { exabgp, rs, h1 } = await scene();
  exabgp.say(announce('10.9.1.1/32', '10.255.0.9', 900, red));
  await h1.until(() => h1.routes.size === 1);
  exabgp.say(announce('2001:db8:9::/64', '10.255.0.9', 901, red));
  await vi.waitFor(
    () => expect(rs.lines.join('\n')).toContain('optional attribute error: a nexthop of 12 octets in vpnv6'),
    deadline,
  );
  await h1.until(() => h1.routes.size === 0);
});
