// Random routes to IPv6 PEs, hands that delete what leads there, and processes that die: after every single change of the kernel no nexthop leads to
// another PE than the one that its label is of.
import { parseIpAddress, parseLabel } from '@hostpe/net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DesiredNexthop, DesiredState } from '../src/index.ts';
import { attachment, Scene, vpn } from './scene.ts';

const own = parseIpAddress('2001:db8:ff::1');
const FIRST_LABEL = 1000;
const peOf = (n: number) => parseIpAddress(`2001:db8:ff:${n}::2`);

function to(n: number): DesiredNexthop {
  return { kind: 'remote', pe: peOf(n), label: parseLabel(FIRST_LABEL + n), encapsulation: 'gre' };
}

/** By prefix the PEs of its route. */
type Routes = readonly (readonly number[])[];

function state(routes: Routes): DesiredState {
  const named = routes.flatMap((pes, at) =>
    pes.length === 0 ? [] : [[`10.2.0.${at}`, pes.map(to)] as const],
  );
  return {
    underlay: { address: own, mtu: 1600, allowedPes: [] },
    vpns: [
      vpn('red', 16001, {
        attachments: [attachment('v-red1', 900, '10.1.0.1')],
        routes: Object.fromEntries(named),
      }),
    ],
  };
}

function filtersOf(scene: Scene) {
  const index = scene.index('hostpe-pes');
  return index === 0 ? [] : scene.kernel.objects({ object: 'filter', index, hook: 'egress' });
}

/** Where packets of each nexthop object go: `label PE`, or the label alone where they are dropped. */
function ways(scene: Scene): string[] {
  const index = scene.index('hostpe-pes');
  const macs = new Map(
    scene.kernel
      .objects({ object: 'neighbour' })
      .filter((neighbour) => neighbour.index === index)
      .map((neighbour) => [neighbour.address, neighbour.linkLayerAddress]),
  );
  const ends = new Map(
    filtersOf(scene).map(({ match }) =>
      match.kind === 'flower' ? [match.destinationMac, match.tunnel.destination] : [],
    ) as [string, string][],
  );
  return scene.kernel.objects({ object: 'nexthop' }).flatMap(({ device, gateway, encapLabels }) => {
    if (device !== index || gateway === undefined) return [];
    const mac = macs.get(gateway);
    return [`${encapLabels?.[0]} ${mac === undefined ? '' : (ends.get(mac) ?? '')}`.trim()];
  });
}

const allowed = new Set(
  [0, 1, 2, 3, 4].flatMap((n) => [`${FIRST_LABEL + n}`, `${FIRST_LABEL + n} ${peOf(n)}`]),
);

const routes = fc.array(fc.uniqueArray(fc.nat(4), { maxLength: 2 }), { minLength: 4, maxLength: 4 });
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('routes' as const), routes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), routes }) },
  fc.record({ kind: fc.constantFrom('filter' as const, 'neighbour' as const), at: fc.nat(4) }),
  fc.record({ kind: fc.constant('device' as const), name: fc.constantFrom('hostpe-pes', 'hostpe-gre') }),
);

/** Requests one by one, with a look after each. */
function watched(scene: Scene): string[] {
  const wrong: string[] = [];
  const execute = scene.kernel.execute.bind(scene.kernel);
  scene.kernel.execute = async (requests) => {
    const verdicts = [];
    for (const request of requests) {
      verdicts.push(...(await execute([request])));
      wrong.push(...ways(scene).filter((way) => !allowed.has(way)));
    }
    return verdicts;
  };
  return wrong;
}

test('no nexthop leads to another PE, whatever is deleted and whoever dies', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 25 }), async (events) => {
      const scene = new Scene();
      const wrong = watched(scene);
      await scene.reconciler.start();
      let wanted: Routes = [];
      try {
        await scene.apply(state(wanted));
        for (const one of events) {
          if (one.kind === 'routes') {
            wanted = one.routes;
            await scene.apply(state(wanted));
          } else if (one.kind === 'restart') {
            wanted = one.routes;
            await scene.restart(state(wanted));
          } else if (one.kind === 'device') {
            const object = { object: 'link', name: one.name } as const;
            if (scene.kernel.link(one.name) !== undefined) scene.kernel.apply({ op: 'delete', object });
          } else {
            const objects =
              one.kind === 'filter'
                ? filtersOf(scene)
                : scene.kernel
                    .objects({ object: 'neighbour' })
                    .filter(
                      ({ index, state: how }) => index === scene.index('hostpe-pes') && how === 'permanent',
                    );
            const object = objects[one.at];
            if (object !== undefined) scene.kernel.apply({ op: 'delete', object });
          }
        }
        const report = await scene.restart(state(wanted));
        expect(wrong).toEqual([]);
        expect(report.failures).toEqual([]);
        expect(report.pending).toBe(0);
        const used = new Set(wanted.flat());
        expect(new Set(ways(scene))).toEqual(new Set([...used].map((n) => `${FIRST_LABEL + n} ${peOf(n)}`)));
        expect(filtersOf(scene)).toHaveLength(used.size);
        const remote = Object.entries(scene.routes(16001)).filter(([, route]) =>
          route.includes('hostpe-pes'),
        );
        expect(remote.length).toBe(wanted.filter((pes) => pes.length > 0).length);
      } finally {
        await scene.close();
      }
    }),
    { numRuns: 40 },
  );
});
