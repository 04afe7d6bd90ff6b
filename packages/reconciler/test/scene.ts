// A host for the reconciler's tests: fake kernel and fake nftables, two interfaces of machines, and the words to say what is desired.
import type { IpPrefix } from '@hostpe/net';
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { Request } from '@hostpe/rtnetlink';
import { describe } from '@hostpe/rtnetlink';
import { FakeKernel } from '@hostpe/rtnetlink/testing';
import type {
  DesiredAttachment,
  DesiredNexthop,
  DesiredState,
  DesiredVpn,
  Log,
  PacketSteering,
  Report,
} from '../src/index.ts';
import { Reconciler, VpnRoutes } from '../src/index.ts';
import { FakeNft } from '../src/testing/index.ts';

export const ownPe = parseIpAddress('10.255.0.1');

export function gre(pe: string, label: number): DesiredNexthop {
  return { kind: 'remote', pe: parseIpAddress(pe), label: parseLabel(label), encapsulation: 'gre' };
}

export function udp(pe: string, label: number): DesiredNexthop {
  return { kind: 'remote', pe: parseIpAddress(pe), label: parseLabel(label), encapsulation: 'udp' };
}

export function local(interface_: string): DesiredNexthop {
  return { kind: 'local', interface: interface_ };
}

export function attachment(interface_: string, label: number, ...addresses: string[]): DesiredAttachment {
  return { interface: interface_, label: parseLabel(label), addresses: addresses.map(parseIpPrefix) };
}

export function vpn(
  name: string,
  table: number,
  facts: {
    readonly attachments?: readonly DesiredAttachment[];
    readonly routes?: Readonly<Record<string, readonly DesiredNexthop[]>>;
    readonly complete?: boolean;
  } = {},
): DesiredVpn {
  const routes = Object.entries(facts.routes ?? {}).map(
    ([prefix, nexthops]): [IpPrefix, readonly DesiredNexthop[]] => [parseIpPrefix(prefix), nexthops],
  );
  return {
    name,
    device: name,
    table,
    attachments: facts.attachments ?? [],
    routes: new VpnRoutes(routes),
    complete: facts.complete ?? true,
  };
}

export function desired(...vpns: readonly DesiredVpn[]): DesiredState {
  return { underlay: { address: ownPe, mtu: 1500, allowedPes: [] }, vpns };
}

/** Red over UDP and blue over GRE, with the same prefixes and remote labels. */
export function redAndBlue(): DesiredState {
  return desired(
    vpn('red', 16001, {
      attachments: [attachment('v-red1', 1000, '10.1.0.1', '2001:db8::1')],
      routes: {
        '10.1.0.1': [local('v-red1')],
        '2001:db8::1': [local('v-red1')],
        '10.1.0.2': [udp('10.255.0.2', 1000)],
        '2001:db8::2': [udp('10.255.0.2', 1000)],
      },
    }),
    vpn('blue', 16002, {
      attachments: [attachment('v-blue1', 1001, '10.1.0.1')],
      routes: { '10.1.0.1': [local('v-blue1')], '10.1.0.2': [gre('10.255.0.2', 1001)] },
    }),
  );
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export class Scene {
  readonly kernel = new FakeKernel();
  readonly nft = new FakeNft();
  readonly steered: string[] = [];
  readonly said: string[] = [];
  reconciler: Reconciler;

  constructor() {
    for (const name of ['v-red1', 'v-blue1']) this.plugIn(name);
    this.reconciler = this.#make();
  }

  /** A machine's interface appears, up, with its other end in the machine. */
  plugIn(name: string): void {
    this.kernel.apply(
      { op: 'add', object: { object: 'link', name, info: { kind: 'veth', peer: `${name}-m` } } },
      { op: 'set', object: { object: 'link', name, up: true } },
      { op: 'set', object: { object: 'link', name: `${name}-m`, up: true } },
    );
  }

  /** One pass, from the start of a process that knows nothing, as after a SIGKILL. */
  async restart(state: DesiredState): Promise<Report> {
    await this.reconciler.stop();
    this.reconciler = this.#make();
    await this.reconciler.start();
    return await this.apply(state);
  }

  /** Hands in the desired state and waits until the loop has nothing to do. @returns the last report. */
  async apply(state: DesiredState): Promise<Report> {
    return await this.report(() => this.reconciler.setDesired(state));
  }

  /** The last report of the passes that `cause` sets off. */
  async report(cause: () => void): Promise<Report> {
    let last: Report | undefined;
    const stop = this.reconciler.onReport((report) => {
      last = report;
    });
    cause();
    await this.settled();
    stop();
    if (last === undefined) throw new Error('no pass was run');
    return last;
  }

  /** The loop has nothing to do. The fake answers without I/O: a few turns of the event loop are more than a pass takes. */
  async settled(): Promise<void> {
    let passes = 0;
    const stop = this.reconciler.onReport(() => {
      passes++;
    });
    for (let quiet = 0, seen = passes; quiet < 20; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (passes !== seen) quiet = 0;
      seen = passes;
    }
    stop();
  }

  /** The requests since the log was last emptied, as iproute2 would say them. */
  takeLog(): string[] {
    return this.kernel.log.splice(0).map((request: Request) => describe(request));
  }

  index(name: string): number {
    return this.kernel.link(name)?.index ?? 0;
  }

  /** A hand that deletes all of ours of a kind. */
  deleteAll(what: 'route' | 'nexthop' | 'neighbour' | 'label'): void {
    if (what === 'route') {
      for (const object of this.kernel.objects({ object: 'route', family: 'ipv4', protocol: 200 })) {
        this.kernel.apply({ op: 'delete', object });
      }
    } else if (what === 'nexthop') {
      for (const object of this.kernel.objects({ object: 'nexthop' }))
        this.kernel.apply({ op: 'delete', object });
    } else if (what === 'neighbour') {
      for (const object of this.kernel.objects({ object: 'neighbour' })) {
        if (object.state === 'permanent') this.kernel.apply({ op: 'delete', object });
      }
    } else {
      for (const object of this.kernel.objects({ object: 'route', family: 'mpls' }))
        this.kernel.apply({ op: 'delete', object });
    }
  }

  /** What remote PEs are reached by. */
  permanentNeighbours(): readonly unknown[] {
    return this.kernel.objects({ object: 'neighbour' }).filter(({ state }) => state === 'permanent');
  }

  /** What each nexthop object of ours leads to, groups by their members. */
  nexthops(): string[] {
    const nexthops = this.kernel.objects({ object: 'nexthop' });
    const text = (id: number): string => {
      const one = nexthops.find((nexthop) => nexthop.id === id);
      if (one?.group !== undefined)
        return one.group
          .map((member) => text(member.id))
          .sort()
          .join(' + ');
      const device = this.kernel.objects({ object: 'link' }).find(({ index }) => index === one?.device)?.name;
      return [device, one?.gateway, ...(one?.encapLabels ?? [])]
        .filter((word) => word !== undefined)
        .join(' ');
    };
    return nexthops.map(({ id }) => text(id));
  }

  /** `PREFIX` to the nexthops that its route leads to: `gre 10.255.0.2 1001`, or a device's name. */
  routes(table: number): Record<string, string> {
    const ids = this.kernel.objects({ object: 'nexthop' }).map(({ id }) => id);
    const texts = this.nexthops();
    const text = (id: number): string => texts[ids.indexOf(id)] ?? 'nothing';
    const found: Record<string, string> = {};
    for (const family of ['ipv4', 'ipv6'] as const) {
      for (const route of this.kernel.objects({ object: 'route', family, table, protocol: 200 })) {
        found[route.prefix] = route.nexthopId === undefined ? String(route.type) : text(route.nexthopId);
      }
    }
    return found;
  }

  async close(): Promise<void> {
    await this.reconciler.stop();
  }

  #make(): Reconciler {
    const steering: PacketSteering = {
      enable: async (interface_) => {
        this.steered.push(interface_);
        return true;
      },
    };
    const say = (_facts: object, message: string) => {
      this.said.push(message);
    };
    const log: Log = { debug() {}, info: say, warn: say, error: say };
    return new Reconciler({
      rtnetlink: this.kernel,
      sysctl: this.kernel.sysctl,
      nft: this.nft,
      watchNft: this.nft.watch,
      log,
      steering,
    });
  }
}
