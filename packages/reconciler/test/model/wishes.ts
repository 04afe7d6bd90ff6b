// What is desired, kept in plain maps beside what the reconciler is handed: the model computes what should be from these alone.
import type { IpPrefix } from '@hostpe/net';
import { parseIpAddress, parseIpPrefix, parseLabel, parseMac } from '@hostpe/net';
import type { DesiredAttachment, DesiredNexthop, DesiredState, DesiredVpn } from '../../src/index.ts';
import { VpnRoutes } from '../../src/index.ts';
import type { Random } from './random.ts';

export const ownPe = parseIpAddress('10.255.0.1');
export const vpnNames = ['red', 'blue', 'green', 'grey'] as const;
export const interfaces = ['m0', 'm1', 'm2', 'm3', 'm4'] as const;
const tables = [16001, 16002, 16003, 16004, 16005, 16006] as const;
const pes = ['10.255.0.2', '10.255.0.3', '10.255.0.4', '192.0.2.200'].map(parseIpAddress);
const remoteLabels = [16, 1000, 1001, 1048574].map(parseLabel);
const ownLabels = Array.from({ length: 8 }, (_, at) => parseLabel(1000 + at));
const mac = parseMac('52:54:00:00:00:01');

/** As many as one event may move, of both families, networks and defaults among them. */
export const prefixes: readonly IpPrefix[] = [
  ...Array.from({ length: 150 }, (_, at) => `10.9.${at % 3}.${at}`),
  ...Array.from({ length: 60 }, (_, at) => `2001:db8:9::${(at + 1).toString(16)}`),
  ...['0.0.0.0/0', '::/0', '10.9.0.0/16', '2001:db8:9::/48'],
].map(parseIpPrefix);

export interface WantedVpn {
  readonly name: string;
  device: string;
  table: number;
  complete: boolean;
  /** By interface. */
  readonly attachments: Map<string, DesiredAttachment>;
  /** By prefix; an empty list: known to have no route. */
  wanted: Map<IpPrefix, readonly DesiredNexthop[]>;
  routes: VpnRoutes;
}

export class Wishes {
  readonly vpns = new Map<string, WantedVpn>();
  allowed: readonly IpPrefix[] = [];

  /** A new value of the same wishes: what a daemon hands over. */
  state(): DesiredState {
    const vpns = [...this.vpns.values()].map(
      ({ name, device, table, complete, attachments, routes }): DesiredVpn => ({
        name,
        device,
        table,
        complete,
        attachments: [...attachments.values()],
        routes,
      }),
    );
    return { underlay: { address: ownPe, mtu: 1500, allowedPes: this.allowed }, vpns };
  }

  /** The VPN that wants the interface. */
  vpnOf(interface_: string): WantedVpn | undefined {
    for (const vpn of this.vpns.values()) if (vpn.attachments.has(interface_)) return vpn;
    return undefined;
  }

  freeTables(): number[] {
    const taken = new Set([...this.vpns.values()].map(({ table }) => table));
    return tables.filter((table) => !taken.has(table));
  }

  freeDevices(): string[] {
    const taken = new Set([...this.vpns.values()].map(({ device }) => device));
    return [...vpnNames, 'vrf-a', 'vrf-b'].filter((device) => !taken.has(device));
  }

  /** An attachment of the interface with a label that no other has. */
  newAttachment(interface_: string, random: Random): DesiredAttachment {
    const taken = new Set(
      [...this.vpns.values()].flatMap(({ attachments }) =>
        [...attachments.values()].flatMap((one) => (one.interface === interface_ ? [] : [one.label])),
      ),
    );
    const number = interfaces.indexOf(interface_ as (typeof interfaces)[number]) + 1;
    const addresses = [`10.1.0.${number}`, `2001:db8::${number}`].slice(random.below(2)).map(parseIpPrefix);
    return {
      interface: interface_,
      label: random.pick(ownLabels.filter((label) => !taken.has(label))),
      addresses,
      ...(random.chance(0.3) ? { mac } : {}),
      ...(random.chance(0.2) ? { multipoint: true } : {}),
    };
  }
}

export function set(vpn: WantedVpn, prefix: IpPrefix, nexthops: readonly DesiredNexthop[]): void {
  vpn.wanted.set(prefix, nexthops);
  vpn.routes.set(prefix, nexthops);
}

export function forget(vpn: WantedVpn, prefix: IpPrefix): void {
  vpn.wanted.delete(prefix);
  vpn.routes.delete(prefix);
}

/** A process that starts knows nothing. @returns what it knew before */
export function forgetAll(vpn: WantedVpn): ReadonlyMap<IpPrefix, readonly DesiredNexthop[]> {
  const before = vpn.wanted;
  vpn.wanted = new Map();
  vpn.routes = new VpnRoutes();
  return before;
}

export function remoteNexthop(random: Random): DesiredNexthop {
  return {
    kind: 'remote',
    pe: random.pick(pes),
    label: random.pick(remoteLabels),
    encapsulation: random.chance(0.5) ? 'gre' : 'udp',
  };
}

/** One mostly; sometimes several, the same twice among them. */
export function someNexthops(random: Random): readonly DesiredNexthop[] {
  const count = random.chance(0.7) ? 1 : 1 + random.below(3);
  return Array.from({ length: count }, () =>
    random.chance(0.15) ? { kind: 'local', interface: random.pick(interfaces) } : remoteNexthop(random),
  );
}

/** `gre 10.255.0.2 1000`, `local m0`. */
export function textOf(nexthop: DesiredNexthop): string {
  return nexthop.kind === 'local'
    ? `local ${nexthop.interface}`
    : `${nexthop.encapsulation} ${nexthop.pe} ${nexthop.label}`;
}
