// What the daemon above wants changes: routes in place, VPNs and attachments by a new desired state, all of it at a restart.
import type { IpPrefix } from '@hostpe/net';
import { parseIpPrefix } from '@hostpe/net';
import type { DesiredNexthop } from '../../src/index.ts';
import { VpnRoutes } from '../../src/index.ts';
import type { Event } from './events.ts';
import type { Run } from './run.ts';
import type { WantedVpn } from './wishes.ts';
import {
  forget,
  forgetAll,
  interfaces,
  prefixes,
  remoteNexthop,
  set,
  someNexthops,
  textOf,
  vpnNames,
} from './wishes.ts';

function aVpn(run: Run): WantedVpn | undefined {
  return run.random.maybe([...run.wishes.vpns.values()]);
}

function touch(run: Run, vpn: WantedVpn, prefix: IpPrefix): void {
  run.touched.add(`${vpn.name} ${prefix}`);
  run.watch.wished(prefix);
}

/** Mostly few prefixes, sometimes nearly all, one behind the other. */
function somePrefixes({ random }: Run): readonly IpPrefix[] {
  const count = random.chance(0.93) ? 1 + random.below(4) : 1 + random.below(200);
  const first = random.below(prefixes.length);
  return Array.from(
    { length: Math.min(count, prefixes.length) },
    (_, at) => prefixes[(first + at) % prefixes.length] as IpPrefix,
  );
}

/** Changes routes of a VPN in place and says so. */
function inPlace(change: (run: Run, vpn: WantedVpn) => void): Event['happen'] {
  return (run) => {
    const vpn = aVpn(run);
    if (vpn === undefined) return;
    change(run, vpn);
    run.host.reconciler.routesChanged();
  };
}

/** All routes of these VPNs that lead to some nexthop lead to another instead. */
function move(
  run: Run,
  vpns: readonly WantedVpn[],
  from: DesiredNexthop,
  to: readonly DesiredNexthop[],
): void {
  const text = textOf(from);
  for (const vpn of vpns) {
    for (const [prefix, nexthops] of vpn.wanted) {
      if (!nexthops.some((one) => textOf(one) === text)) continue;
      set(vpn, prefix, [...nexthops.filter((one) => textOf(one) !== text), ...to]);
      touch(run, vpn, prefix);
    }
  }
}

function someRemote(run: Run, vpn: WantedVpn): DesiredNexthop | undefined {
  return run.random.maybe([...vpn.wanted.values()].flat().filter(({ kind }) => kind === 'remote'));
}

/** Changes the desired state and hands it over. */
function anew(change: (run: Run) => boolean | undefined): Event['happen'] {
  return (run) => {
    if (change(run) ?? true) run.handOver();
  };
}

function removeVpn(run: Run, vpn: WantedVpn): void {
  run.wishes.vpns.delete(vpn.name);
  run.remembered.delete(vpn.name);
  run.isShaken = true;
}

export const wishEvents: readonly Event[] = [
  {
    name: 'routes set, all to the same place',
    weight: 16,
    happen: inPlace((run, vpn) => {
      const nexthops = someNexthops(run.random);
      for (const prefix of somePrefixes(run)) {
        set(vpn, prefix, nexthops);
        touch(run, vpn, prefix);
      }
    }),
  },
  {
    name: 'a few routes set, each for itself',
    weight: 12,
    happen: inPlace((run, vpn) => {
      for (const prefix of somePrefixes(run).slice(0, 5)) {
        set(vpn, prefix, someNexthops(run.random));
        touch(run, vpn, prefix);
      }
    }),
  },
  {
    name: 'a route flaps',
    weight: 6,
    happen: inPlace((run, vpn) => {
      const [prefix, nexthops] = run.random.maybe([...vpn.wanted]) ?? [];
      if (prefix === undefined || nexthops === undefined) return;
      forget(vpn, prefix);
      set(vpn, prefix, nexthops);
      touch(run, vpn, prefix);
    }),
  },
  {
    name: 'routes withdrawn',
    weight: 6,
    happen: inPlace((run, vpn) => {
      for (const prefix of somePrefixes(run)) {
        set(vpn, prefix, []);
        touch(run, vpn, prefix);
      }
    }),
  },
  {
    name: 'routes forgotten',
    weight: 6,
    happen: inPlace((run, vpn) => {
      for (const prefix of somePrefixes(run)) {
        forget(vpn, prefix);
        touch(run, vpn, prefix);
      }
    }),
  },
  {
    name: 'all routes of a nexthop move to another',
    weight: 8,
    happen: inPlace((run, vpn) => {
      const from = someRemote(run, vpn);
      const vpns = run.random.chance(0.5) ? [vpn] : [...run.wishes.vpns.values()];
      if (from !== undefined)
        move(
          run,
          vpns,
          from,
          run.random.chance(0.8) ? [remoteNexthop(run.random)] : someNexthops(run.random),
        );
    }),
  },
  {
    name: 'a nexthop leaves all its routes',
    weight: 4,
    happen: inPlace((run, vpn) => {
      const from = someRemote(run, vpn);
      if (from !== undefined) move(run, [vpn], from, []);
    }),
  },
  {
    name: 'a VPN comes',
    weight: 3,
    happen: anew((run) => {
      const { wishes, random } = run;
      const name = vpnNames.find((one) => !wishes.vpns.has(one));
      const table = random.maybe(wishes.freeTables());
      const device = random.maybe(wishes.freeDevices());
      if (name === undefined || table === undefined || device === undefined) return false;
      const vpn: WantedVpn = {
        name,
        device,
        table,
        complete: random.chance(0.7),
        attachments: new Map(),
        wanted: new Map(),
        routes: new VpnRoutes(),
      };
      wishes.vpns.set(name, vpn);
      for (const prefix of somePrefixes(run)) set(vpn, prefix, someNexthops(random));
      // Behind a VPN that had the table before there may be anything.
      run.isShaken = true;
      return true;
    }),
  },
  {
    name: 'a VPN goes',
    weight: 1,
    happen: anew((run) => {
      const vpn = aVpn(run);
      if (vpn !== undefined) removeVpn(run, vpn);
    }),
  },
  {
    name: 'a VPN gets another table',
    weight: 1,
    happen: anew((run) => {
      const vpn = aVpn(run);
      const table = run.random.maybe(run.wishes.freeTables());
      if (vpn === undefined || table === undefined) return;
      vpn.table = table;
      run.isShaken = true;
    }),
  },
  {
    name: 'a VPN gets another device',
    weight: 1,
    happen: anew((run) => {
      const vpn = aVpn(run);
      const device = run.random.maybe(run.wishes.freeDevices());
      if (vpn === undefined || device === undefined) return;
      vpn.device = device;
      run.isShaken = true;
    }),
  },
  {
    name: 'two VPNs swap their tables',
    weight: 0.5,
    happen: anew((run) => {
      const [one, other] = [aVpn(run), aVpn(run)];
      if (one === undefined || other === undefined) return;
      [one.table, other.table] = [other.table, one.table];
      run.isShaken = true;
    }),
  },
  {
    name: 'a VPN is complete, or no more',
    weight: 2,
    happen: anew((run) => {
      const vpn = aVpn(run);
      if (vpn !== undefined) vpn.complete = !vpn.complete || run.random.chance(0.3);
    }),
  },
  {
    name: 'an interface is attached, or to another VPN',
    weight: 6,
    happen: anew((run) => {
      const { random, wishes } = run;
      const vpn = aVpn(run);
      const name = random.pick(interfaces);
      if (vpn === undefined) return;
      wishes.vpnOf(name)?.attachments.delete(name);
      // The kernel takes the routes to an interface that changes its VRF.
      run.isShaken = true;
      vpn.attachments.set(name, wishes.newAttachment(name, random));
    }),
  },
  {
    name: 'an interface is detached',
    weight: 2,
    happen: anew((run) => {
      const name = run.random.pick(interfaces);
      run.wishes.vpnOf(name)?.attachments.delete(name);
      run.isShaken = true;
    }),
  },
  {
    name: 'other PEs are allowed',
    weight: 1,
    happen: anew((run) => {
      const all = ['10.255.0.0/24', '10.255.0.2', '192.0.2.0/25', '192.0.2.128/25'].map(parseIpPrefix);
      const from = run.random.below(all.length);
      run.wishes.allowed = all.slice(from, from + 2).filter((prefix) => prefix !== '10.255.0.2/32');
    }),
  },
  {
    name: 'the same is wished again',
    weight: 1,
    happen: anew(() => true),
  },
  {
    name: 'a new process',
    weight: 0.5,
    happen: async (run) => {
      for (const vpn of run.wishes.vpns.values()) {
        vpn.complete = false;
        const before = forgetAll(vpn);
        run.remembered.set(vpn.name, new Map([...(run.remembered.get(vpn.name) ?? []), ...before]));
        for (const prefix of before.keys()) run.touched.add(`${vpn.name} ${prefix}`);
      }
      await run.host.restart();
      run.handOver();
    },
  },
  {
    name: 'a VPN learns again what it knew',
    weight: 3,
    happen: (run) => {
      const [name = '', before] = run.random.maybe([...run.remembered]) ?? [];
      const vpn = run.wishes.vpns.get(name);
      run.remembered.delete(name);
      if (vpn === undefined || before === undefined) return;
      for (const [prefix, nexthops] of before) {
        set(vpn, prefix, nexthops);
        touch(run, vpn, prefix);
      }
      vpn.complete = run.random.chance(0.8);
      run.handOver();
    },
  },
];
