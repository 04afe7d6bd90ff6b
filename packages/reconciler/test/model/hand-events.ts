// What others do to the kernel: interfaces that come and go, and hands at everything that is ours.
import { parseIpAddress, parseIpPrefix, parseLabel, parseMac } from '@hostpe/net';
import type { KernelObject, Request } from '@hostpe/rtnetlink';
import { RtnetlinkError } from '@hostpe/rtnetlink';
import type { Event } from './events.ts';
import { isOurs } from './kernel-view.ts';
import type { Run, Wait } from './run.ts';
import { interfaces, prefixes } from './wishes.ts';

const stranger = parseIpAddress('fe80::5efe:aff:63');
const strangerMac = parseMac('02:00:0a:ff:00:63');

/** What the kernel refuses a hand, it refuses: then nothing happened. */
function apply(run: Run, ...requests: readonly Request[]): void {
  run.watch.hand(() => {
    try {
      run.host.kernel.apply(...requests);
    } catch (error) {
      if (!(error instanceof RtnetlinkError)) throw error;
    }
  });
}

/** @param wait how the reconciler finds out; @param requests none: there is nothing to lay hands on */
function hand(
  name: string,
  weight: number,
  wait: Wait,
  requests: (run: Run) => readonly (Request | undefined)[],
): Event {
  return {
    name,
    weight,
    wait,
    happen: (run) => {
      const some = requests(run).filter((one) => one !== undefined);
      if (some.length === 0) return;
      run.needs(wait);
      run.isShaken = true;
      apply(run, ...some);
    },
  };
}

function deletion(object: KernelObject | undefined): Request | undefined {
  return object === undefined ? undefined : { op: 'delete', object };
}

function deviceDown(name: string): Request {
  return { op: 'set', object: { object: 'link', name, up: false } };
}

function aRoute(run: Run) {
  const route = run.random.maybe([...run.watch.view.routes()]);
  if (route !== undefined) run.watch.taint(route.table, route.prefix);
  return route;
}

function aNexthop(run: Run, isGroup: boolean) {
  const all = run.host.kernel.objects({ object: 'nexthop' });
  return run.random.maybe(all.filter((one) => isOurs(one) && (one.group !== undefined) === isGroup));
}

function aNeighbour(run: Run) {
  const tunnels = ['hostpe-gre', 'hostpe-udp'].map((name) => run.host.kernel.link(name)?.index);
  return run.random.maybe(
    run.host.kernel
      .objects({ object: 'neighbour' })
      .filter(({ index, state }) => state === 'permanent' && tunnels.includes(index)),
  );
}

function aFilter(run: Run) {
  const index = run.host.kernel.link('hostpe-udp')?.index ?? 0;
  return run.random.maybe(run.host.kernel.objects({ object: 'filter', index, hook: 'egress' }));
}

function aLabel(run: Run) {
  return run.random.maybe(run.host.kernel.objects({ object: 'route', family: 'mpls', protocol: 200 }));
}

function aVrf(run: Run): string | undefined {
  return run.random.maybe([...run.wishes.vpns.values()])?.device;
}

function interfaceEvent(name: string, weight: number, happen: (run: Run, interface_: string) => void): Event {
  return {
    name,
    weight,
    happen: (run) => {
      const interface_ = run.random.pick(interfaces);
      run.isShaken = true;
      run.tell(`  ${interface_}`);
      happen(run, interface_);
    },
  };
}

export const handEvents: readonly Event[] = [
  interfaceEvent('a machine’s interface goes, or comes', 2, (run, name) => {
    run.lowered.delete(name);
    if (run.host.kernel.link(name) !== undefined)
      apply(run, { op: 'delete', object: { object: 'link', name } });
    else run.watch.hand(() => run.host.plugIn(name, run.random.chance(0.7)));
  }),
  interfaceEvent('a machine’s interface is made anew at once', 1, (run, name) => {
    run.lowered.delete(name);
    if (run.host.kernel.link(name) !== undefined)
      apply(run, { op: 'delete', object: { object: 'link', name } });
    run.watch.hand(() => run.host.plugIn(name));
  }),
  interfaceEvent('a machine goes off the net, or on', 3, (run, name) => {
    const peer = run.host.kernel.link(`${name}-m`);
    if (peer !== undefined)
      apply(run, { op: 'set', object: { object: 'link', name: `${name}-m`, up: peer.up !== true } });
  }),
  interfaceEvent('a machine’s interface is set down, or up', 2, (run, name) => {
    const link = run.host.kernel.link(name);
    // Outside of a VRF it is the hand’s own affair.
    if (link?.master === undefined) return;
    if (link.up === true) run.lowered.add(name);
    apply(run, { op: 'set', object: { object: 'link', name, up: link.up !== true } });
  }),
  hand('a tunnel device is deleted', 0.7, 'notification', (run) => [
    deletion({ object: 'link', name: run.random.pick(['hostpe-gre', 'hostpe-udp', 'hostpe-fou']) }),
  ]),
  hand('a tunnel device is set down', 1, 'notification', (run) => [
    deviceDown(run.random.pick(['hostpe-gre', 'hostpe-udp', 'hostpe-fou'])),
  ]),
  hand('a tunnel device is set down and up', 1, 'notification', (run) => {
    const name = run.random.pick(['hostpe-gre', 'hostpe-udp']);
    return [deviceDown(name), { op: 'set', object: { object: 'link', name, up: true } }];
  }),
  hand('a VRF is deleted', 0.7, 'notification', (run) => {
    const name = aVrf(run);
    return [name === undefined ? undefined : deletion({ object: 'link', name })];
  }),
  hand('a VRF is set down', 0.7, 'notification', (run) => {
    const name = aVrf(run);
    return [name === undefined ? undefined : deviceDown(name)];
  }),
  hand('a route is deleted', 4, 'notification', (run) => [deletion(aRoute(run))]),
  hand('a route leads elsewhere', 2, 'notification', (run) => {
    const route = aRoute(run);
    const nexthop = aNexthop(run, false);
    if (route === undefined || nexthop === undefined) return [];
    return [
      { op: 'replace', object: { ...route, nexthopId: nexthop.id, protocol: run.random.pick([4, 200]) } },
    ];
  }),
  hand('a route is made of our protocol', 1, 'notification', (run) => {
    const table = run.random.maybe([...run.wishes.vpns.values()])?.table;
    const nexthop = aNexthop(run, false);
    if (table === undefined || nexthop === undefined) return [];
    const prefix = run.random.chance(0.5) ? run.random.pick(prefixes) : parseIpPrefix('10.88.0.0/24');
    const family = prefix.includes(':') ? 'ipv6' : 'ipv4';
    run.watch.taint(table, prefix);
    return [
      { op: 'add', object: { object: 'route', family, table, prefix, nexthopId: nexthop.id, protocol: 200 } },
    ];
  }),
  hand('a table is flushed', 0.7, 'notification', (run) => {
    const table = run.random.maybe([...run.wishes.vpns.values()])?.table;
    if (table === undefined) return [];
    run.foreign.flushed(table);
    return (['ipv4', 'ipv6'] as const).flatMap((family) =>
      run.host.kernel
        .objects({ object: 'route', family, table })
        .filter(({ protocol }) => protocol !== 2)
        .map((route) => {
          run.watch.taint(table, route.prefix);
          return deletion(route);
        }),
    );
  }),
  hand('an unreachable default is deleted', 1, 'notification', (run) => [
    deletion(
      run.random.maybe(
        (['ipv4', 'ipv6'] as const)
          .flatMap((family) => run.host.kernel.objects({ object: 'route', family, protocol: 200 }))
          .filter(({ type }) => type === 'unreachable'),
      ),
    ),
  ]),
  hand('a nexthop is deleted', 2, 'notification', (run) => [deletion(aNexthop(run, false))]),
  hand('a group is deleted', 1, 'notification', (run) => [deletion(aNexthop(run, true))]),
  hand('all nexthops of ours are deleted', 0.3, 'notification', (run) =>
    run.host.kernel.objects({ object: 'nexthop' }).filter(isOurs).map(deletion),
  ),
  hand('a nexthop leads elsewhere', 1, 'notification', (run) => {
    const nexthop = aNexthop(run, false);
    if (nexthop?.gateway === undefined) return [];
    const facts = run.random.chance(0.5) ? { gateway: stranger } : { encapLabels: [parseLabel(99)] };
    return [{ op: 'replace', object: { ...nexthop, ...facts } }];
  }),
  hand('a group has other members', 1, 'notification', (run) => {
    const [group, member] = [aNexthop(run, true), aNexthop(run, false)];
    if (group === undefined || member === undefined) return [];
    return [{ op: 'replace', object: { ...group, group: [{ id: member.id, weight: 1 }] } }];
  }),
  hand('a nexthop of our ids and protocol is made', 1, 'notification', (run) => {
    const index = run.host.kernel.link('hostpe-gre')?.index ?? 0;
    const id = 0x68700000 + run.random.below(60);
    return [
      {
        op: 'add',
        object: {
          object: 'nexthop',
          id,
          family: 'ipv6',
          device: index,
          gateway: stranger,
          onlink: true,
          protocol: 200,
          encapLabels: [parseLabel(16)],
        },
      },
    ];
  }),
  hand('a neighbour is deleted', 2, 'glance', (run) => [deletion(aNeighbour(run))]),
  hand('a neighbour has another address', 1, 'glance', (run) => {
    const neighbour = aNeighbour(run);
    if (neighbour === undefined) return [];
    const isGre = neighbour.index === run.host.kernel.link('hostpe-gre')?.index;
    return [
      {
        op: 'replace',
        object: { ...neighbour, linkLayerAddress: isGre ? parseIpAddress('10.255.0.99') : strangerMac },
      },
    ];
  }),
  hand('a neighbour is made', 1, 'glance', (run) => {
    const isGre = run.random.chance(0.5);
    const index = run.host.kernel.link(isGre ? 'hostpe-gre' : 'hostpe-udp')?.index ?? 0;
    const linkLayerAddress = isGre ? parseIpAddress('10.255.0.99') : strangerMac;
    return [
      {
        op: 'add',
        object: { object: 'neighbour', index, address: stranger, linkLayerAddress, state: 'permanent' },
      },
    ];
  }),
  hand('a filter is deleted', 1, 'glance', (run) => [deletion(aFilter(run))]),
  hand('a filter leads elsewhere', 1, 'glance', (run) => {
    const filter = aFilter(run);
    if (filter?.match.kind !== 'flower') return [];
    const tunnel = { ...filter.match.tunnel, destination: parseIpAddress('10.255.0.99') };
    return [{ op: 'replace', object: { ...filter, match: { ...filter.match, tunnel } } }];
  }),
  hand('the filters’ hook is deleted', 0.5, 'glance', (run) => [
    deletion({ object: 'qdisc', index: run.host.kernel.link('hostpe-udp')?.index ?? 0, kind: 'clsact' }),
  ]),
  hand('a label route is deleted', 1, 'notification', (run) => [deletion(aLabel(run))]),
  hand('a label route leads elsewhere', 1, 'notification', (run) => {
    const route = aLabel(run);
    return route?.family === 'mpls'
      ? [{ op: 'replace', object: { ...route, via: parseIpAddress('10.99.0.1') } }]
      : [];
  }),
  hand('a label route of our protocol is made', 0.5, 'scan', (run) => [
    {
      op: 'add',
      object: {
        object: 'route',
        family: 'mpls',
        label: parseLabel(2000 + run.random.below(5)),
        device: run.host.kernel.link(run.random.pick(interfaces))?.index ?? 0,
        via: parseIpAddress('10.99.0.1'),
        protocol: 200,
      },
    },
  ]),
  hand('a rule is deleted', 1, 'notification', (run) => [
    deletion(
      run.random.maybe(
        (['ipv4', 'ipv6'] as const)
          .flatMap((family) => run.host.kernel.objects({ object: 'rule', family }))
          .filter(({ table, l3mdev, mark }) => table === 255 || l3mdev === true || mark !== undefined),
      ),
    ),
  ]),
  hand('a gateway address is deleted', 1, 'glance', (run) => [
    deletion(
      run.random.maybe(
        run.host.kernel
          .objects({ object: 'address' })
          .filter(({ address }) => address === '169.254.1.1' || address === 'fe80::1'),
      ),
    ),
  ]),
  {
    name: 'a sysctl is turned',
    weight: 1,
    wait: 'glance',
    happen: (run) => {
      const name = run.random.pick(interfaces);
      const [path, value] = run.random.pick([
        ['net/mpls/conf/hostpe-gre/input', '0'],
        ['net/ipv4/ip_forward', '0'],
        ['net/ipv4/nexthop_compat_mode', '1'],
        ...(run.host.kernel.link(name) === undefined ? [] : [[`net/mpls/conf/${name}/input`, '1']]),
      ]);
      run.needs('glance');
      run.watch.hand(() => run.host.kernel.sysctl.put(path ?? '', value ?? ''));
    },
  },
  {
    name: 'the firewall is reloaded',
    weight: 0.5,
    happen: (run) => run.host.nft.flush(),
  },
  {
    name: 'the firewall is reloaded, and nobody tells',
    weight: 0.5,
    wait: 'scan',
    happen: (run) => {
      run.needs('scan');
      run.host.nft.flushUnnoticed();
    },
  },
  {
    name: 'somebody else makes something of their own',
    weight: 0.7,
    happen: (run) => {
      const vrfs = [...run.wishes.vpns.values()].flatMap(({ device, table, name }) => {
        const link = run.host.kernel.link(device);
        const isWhole = link?.info?.kind === 'vrf' && link.info.table === table && link.up === true;
        return isWhole && link.alias === `hostpe vpn ${name}` && link.index !== undefined
          ? [{ index: link.index, table }]
          : [];
      });
      run.watch.hand(() => run.foreign.add(run.random, vrfs));
    },
  },
];
