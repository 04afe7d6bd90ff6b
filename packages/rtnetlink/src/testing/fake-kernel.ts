// An in-memory kernel behind the same door as the real one: one network namespace with everything that a VPN forwarder
// programs, exact where the reconciler relies on it (kernel-contract.ts runs the same expectations on both).
// There is no traffic in it: nothing is forwarded and no neighbour is resolved. Indexes and ids are the kernel's u32 numbers.
import { describe } from '../describe.ts';
import { RtnetlinkError } from '../errors.ts';
import type { Dumped, DumpFilter, Notification, NotificationGroup, Request, Rtnetlink } from '../kernel.ts';
import type { KernelObject, Link } from '../objects.ts';
import { Addresses } from './addresses.ts';
import type { Device, DeviceEvent } from './device.ts';
import { Devices } from './device.ts';
import { FakeSysctl } from './fake-sysctl.ts';
import { Faults } from './faults.ts';
import { FouPorts } from './fou-ports.ts';
import { IpRoutes } from './ip-routes.ts';
import { Links } from './links.ts';
import { MplsRoutes } from './mpls-routes.ts';
import { Neighbours } from './neighbours.ts';
import { Nexthops } from './nexthops.ts';
import { NotificationQueue } from './notification-queue.ts';
import { refusal } from './refusal.ts';
import { Rules } from './rules.ts';
import { TrafficControl } from './traffic-control.ts';

const loopbackMtu = 65536;

/** A new one has `lo`, up and with its addresses, the rules of a new namespace, and every module loaded. */
export class FakeKernel implements Rtnetlink {
  /** Every request executed, failed ones too, oldest first; a test may empty it. What `apply` does is not in it. */
  readonly log: Request[] = [];
  readonly sysctl = new FakeSysctl(() => this.hasSharedVrfTable());
  private readonly faults = new Faults();
  private readonly notifications = new NotificationQueue();
  private readonly devices = new Devices();
  private readonly rules = new Rules(this.notifications);
  private readonly links = new Links(
    this.devices,
    this.sysctl,
    this.notifications,
    (device, event) => this.deviceEvent(device, event),
    () => this.rules.addL3mdev(),
  );
  private readonly nexthops: Nexthops = new Nexthops(
    this.devices,
    this.notifications,
    ({ gateway, device }) =>
      gateway !== undefined && device !== undefined && this.addresses.isLocal(gateway, device),
    () => this.routes,
  );
  private readonly routes: IpRoutes = new IpRoutes(
    this.devices,
    this.sysctl,
    this.notifications,
    this.nexthops,
  );
  private readonly addresses: Addresses = new Addresses(
    this.devices,
    this.sysctl,
    this.notifications,
    this.routes,
  );
  private readonly neighbours = new Neighbours(this.devices, this.notifications);
  private readonly labels = new MplsRoutes(this.devices, this.sysctl, this.notifications);
  private readonly trafficControl = new TrafficControl(this.devices);
  private readonly fouPorts = new FouPorts();
  private closed = false;

  constructor() {
    const lo: Device = {
      index: this.devices.takeIndex(),
      name: 'lo',
      info: undefined,
      up: true,
      plugged: true,
      mtu: loopbackMtu,
      master: 0,
      address: undefined,
      alias: undefined,
    };
    this.devices.add(lo);
    this.sysctl.addDevice(lo.name);
    this.addresses.addLoopback(lo);
  }

  async execute(requests: readonly Request[]): Promise<readonly (RtnetlinkError | undefined)[]> {
    this.checkOpen();
    return requests.map((request) => {
      this.log.push(request);
      const errno = this.faults.strike(request);
      if (errno !== undefined) return refusal(errno, undefined, describe(request));
      return this.verdict(request);
    });
  }

  async dump<F extends DumpFilter>(filter: F): Promise<readonly Dumped<F>[]> {
    this.checkOpen();
    return this.objects(filter);
  }

  async subscribe(
    groups: readonly NotificationGroup[],
    listener: (notification: Notification) => void,
  ): Promise<() => void> {
    this.checkOpen();
    return this.notifications.subscribe(groups, listener);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.notifications.close();
  }

  /** Fails the n-th request from now on (the first is 1), which then changes nothing. */
  failNth(n: number, errno: string): void {
    this.faults.failNth(n, errno);
  }

  /** Fails each request that `hits` says, which then changes nothing. @returns ends the fault. */
  failEach(hits: (request: Request) => boolean, errno: string): () => void {
    return this.faults.failEach(hits, errno);
  }

  /** Loses the notifications that were not delivered yet; subscribers hear `overrun` instead. */
  overrun(): void {
    this.notifications.overrun();
  }

  /** A hand at the kernel: does as the kernel would, notifications included, without a log entry and past all faults.
   * @throws RtnetlinkError `kernel` where the kernel would refuse. */
  apply(...requests: readonly Request[]): void {
    for (const request of requests) {
      const error = this.verdict(request);
      if (error !== undefined) throw error;
    }
  }

  /** A hand at the kernel: pulls or plugs a device's cable. For a veth pair, setting one end down does the same to the other. */
  setCarrier(name: string, carrier: boolean): void {
    this.links.setCarrier(name, carrier);
  }

  /** The device of that name. */
  link(name: string): Link | undefined {
    return this.links.dump().find((link) => link.name === name);
  }

  /** What `dump` would give, at once and also when closed. */
  objects<F extends DumpFilter>(filter: F): readonly Dumped<F>[] {
    return this.select(filter) as readonly KernelObject[] as readonly Dumped<F>[];
  }

  private select(filter: DumpFilter): readonly KernelObject[] {
    switch (filter.object) {
      case 'link':
        return this.links.dump();
      case 'address':
        return this.addresses.dump(filter.family);
      case 'neighbour':
        return this.neighbours.dump(filter.index, filter.family);
      case 'route':
        return filter.family === 'mpls'
          ? this.labels.dump(filter.protocol)
          : this.routes.dump(filter.family, filter.table, filter.protocol);
      case 'nexthop':
        return this.nexthops.dump();
      case 'rule':
        return this.rules.dump(filter.family);
      case 'qdisc':
        return this.trafficControl.dumpQdiscs(filter.index);
      case 'filter':
        return this.trafficControl.dumpFilters(filter.index, filter.hook);
      case 'fou':
        return this.fouPorts.dump();
    }
  }

  private verdict(request: Request): RtnetlinkError | undefined {
    try {
      this.perform(request);
      return undefined;
    } catch (error) {
      if (!(error instanceof RtnetlinkError) || error.errno === undefined) throw error;
      return refusal(error.errno, error.kernelMessage, describe(request));
    }
  }

  private perform({ op, object }: Request): void {
    if (object.object === 'link') this.links[op](object);
    // Of the other kinds nothing is changed in place.
    else if (op === 'set') throw new TypeError(`the fake kernel has no 'set' of a ${object.object}`);
    else this.performOn(op, object);
  }

  private performOn(op: Exclude<Request['op'], 'set'>, object: Exclude<KernelObject, Link>): void {
    switch (object.object) {
      case 'address':
        this.addresses[op](object);
        break;
      case 'neighbour':
        this.neighbours[op](object);
        break;
      case 'route':
        if (object.family === 'mpls') this.labels[op](object);
        else this.routes[op](object);
        break;
      case 'nexthop':
        this.nexthops[op](object);
        break;
      case 'rule':
        this.rules[op === 'replace' ? 'add' : op](object);
        break;
      case 'qdisc':
        this.trafficControl[`${op}Qdisc`](object);
        break;
      case 'filter':
        this.trafficControl[`${op}Filter`](object);
        break;
      case 'fou':
        this.fouPorts[op === 'replace' ? 'add' : op](object);
        break;
    }
  }

  /** The kernel's notifier chain, in its order. */
  private deviceEvent(device: Device, event: DeviceEvent): void {
    switch (event) {
      case 'up':
        this.addresses.deviceUp(device);
        break;
      case 'carrier-found':
        this.addresses.carrierFound(device);
        break;
      case 'carrier-lost':
        this.nexthops.deviceLost(device);
        break;
      case 'down':
        this.nexthops.deviceLost(device);
        this.routes.deviceLost(device, 'down');
        this.neighbours.deviceLost(device);
        this.addresses.ipv6Lost(device);
        break;
      case 'master-changed':
        this.routes.deviceLost(device, 'moved');
        this.neighbours.deviceLost(device);
        this.addresses.ipv6Lost(device);
        break;
      case 'address-changed':
        this.neighbours.deviceLost(device);
        break;
      case 'deleted':
        this.addresses.deviceDeleted(device);
        this.labels.deviceDeleted(device);
        this.trafficControl.deviceDeleted(device);
        break;
    }
  }

  private hasSharedVrfTable(): boolean {
    const tables = this.links.dump().flatMap(({ info }) => (info?.kind === 'vrf' ? [info.table] : []));
    return new Set(tables).size < tables.length;
  }

  private checkOpen(): void {
    if (this.closed) throw new RtnetlinkError('closed', 'the door to the kernel is closed');
  }
}
