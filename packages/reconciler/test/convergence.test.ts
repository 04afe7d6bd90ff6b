// From any desired state to any other, through failures, the kernel ends as if the last had been the only one.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DesiredNexthop, DesiredState } from '../src/index.ts';
import { attachment, desired, gre, local, Scene, udp, vpn } from './scene.ts';

const pe = fc.constantFrom('10.255.0.2', '10.255.0.3', '192.0.2.200');
const label = fc.constantFrom(1000, 1001, 1002);
const nexthop: fc.Arbitrary<DesiredNexthop> = fc.oneof(
  fc.tuple(pe, label).map(([address, number]) => gre(address, number)),
  fc.tuple(pe, label).map(([address, number]) => udp(address, number)),
  fc.constantFrom(local('v-red1'), local('v-blue1')),
);
const prefix = fc.constantFrom('10.1.0.1', '10.1.0.2', '10.2.0.0/16', '2001:db8::1', '0.0.0.0/0');
const routes = fc.dictionary(prefix, fc.array(nexthop, { minLength: 1, maxLength: 3 }), { maxKeys: 5 });

/** Up to two VPNs, whose names, devices and tables do not always belong together; two interfaces that move between them. */
const state: fc.Arbitrary<DesiredState> = fc
  .record({
    red: fc.option(fc.record({ table: fc.constantFrom(16001, 16003), routes })),
    blue: fc.option(
      fc.record({ table: fc.constantFrom(16002, 16004), routes, device: fc.constantFrom('blue', 'green') }),
    ),
    first: fc.constantFrom('red', 'blue', 'none'),
    second: fc.constantFrom('red', 'blue', 'none'),
    labels: fc.constantFrom([1000, 1001], [1001, 1000], [1002, 1003]),
  })
  .map(({ red, blue, first, second, labels }) => {
    const attachments = (name: string) => [
      ...(first === name ? [attachment('v-red1', labels[0] ?? 0, '10.1.0.1', '2001:db8::1')] : []),
      ...(second === name ? [attachment('v-blue1', labels[1] ?? 0, '10.1.0.1')] : []),
    ];
    return desired(
      ...(red === null
        ? []
        : [vpn('red', red.table, { routes: red.routes, attachments: attachments('red') })]),
      ...(blue === null
        ? []
        : [
            {
              ...vpn('blue', blue.table, { routes: blue.routes, attachments: attachments('blue') }),
              device: blue.device,
            },
          ]),
    );
  });

test('the end does not depend on the way', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(state, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(60), { maxLength: 3 }),
      async (states, faults) => {
        const last = states.at(-1) ?? desired();
        const wayward = await run(states, faults);
        const straight = await run([last], []);
        expect(wayward).toEqual(straight);
      },
    ),
    {
      numRuns: 25,
      examples: [
        // The mark of the first VRF fails, and the second wants its table.
        [
          [desired({ ...vpn('blue', 16002), device: 'green' }), desired(vpn('blue', 16002))],
          [18, 16],
        ],
      ],
    },
  );
});

/** Everything of ours in the kernel and in nftables, without indexes and ids. */
async function run(states: readonly DesiredState[], faults: readonly number[]): Promise<unknown> {
  const scene = new Scene();
  await scene.reconciler.start();
  for (const n of faults) scene.kernel.failNth(n + 1, 'ENOBUFS');
  for (const one of states) await scene.apply(one);
  const last = states.at(-1) ?? desired();
  // Faults that were not met yet strike no more once nothing is left to ask.
  for (let attempt = 0; attempt < 5; attempt++) await scene.restart(last);
  scene.takeLog();
  const report = await scene.restart(last);
  expect(scene.takeLog()).toEqual([]);
  expect(report).toMatchObject({ pending: 0, failures: [] });
  const names = new Map(scene.kernel.objects({ object: 'link' }).map(({ index, name }) => [index, name]));
  const found = {
    routes: Object.fromEntries([16001, 16002, 16003, 16004].map((table) => [table, scene.routes(table)])),
    // A group of one, whose other members went, is as good as its member: their number depends on the way, what they lead to does not.
    nexthops: [...new Set(scene.nexthops())].sort(),
    labels: scene.kernel
      .objects({ object: 'route', family: 'mpls' })
      .map((route) =>
        route.family === 'mpls' ? `${route.label} ${route.via} ${names.get(route.device)}` : '',
      )
      .sort(),
    neighbours: scene.kernel
      .objects({ object: 'neighbour' })
      .filter((one) => one.state === 'permanent')
      .map((one) => `${names.get(one.index)} ${one.address} ${one.linkLayerAddress}`)
      .sort(),
    filters: scene.kernel
      .objects({ object: 'filter', index: scene.index('hostpe-udp'), hook: 'egress' })
      .map(({ handle }) => handle)
      .sort(),
    masters: ['v-red1', 'v-blue1'].map((name) => names.get(scene.kernel.link(name)?.master)),
    attachments: Object.fromEntries(report.attachments),
    guard: ['vrfs', 'attachments', 'sources_ipv4', 'sources_ipv6', 'pes'].map((set) =>
      scene.nft.elements('inet hostpe', set),
    ),
  };
  await scene.close();
  return found;
}
