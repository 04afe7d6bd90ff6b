// One network namespace of the fake kernel: its tables, how what happens to a device goes on in them, and the verdict on a request.
// Knows no door, no fault and no subscriber.
import { describe } from '../describe.ts';
import { RtnetlinkError } from '../errors.ts';
import type { DumpFilter, Request } from '../kernel.ts';
import type { KernelObject, Link, Netconf } from '../objects.ts';
import { Addresses } from './addresses.ts';
import type { Device, DeviceEvent } from './device.ts';
import { Devices } from './device.ts';
import { FakeSysctl } from './fake-sysctl.ts';
import { FouPorts } from './fou-ports.ts';
import { IpRoutes } from './ip-routes.ts';
import { Links } from './links.ts';
import { MplsRoutes } from './mpls-routes.ts';
import { Neighbours } from './neighbours.ts';
import { Netconfs } from './netconfs.ts';
import { Nexthops } from './nexthops.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refusal } from './refusal.ts';
import { Rules } from './rules.ts';
import { TrafficControl } from './traffic-control.ts';

const loopbackMtu = 65536;

/** A new one has `lo`, up and with its addresses, the rules of a new namespace, and every module loaded. */
export class FakeNamespace {
  readonly sysctl: FakeSysctl;
  private readonly devices = new Devices();
  private readonly rules: Rules;
  private readonly links: Links;
  private readonly nexthops: Nexthops;
  private readonly routes: IpRoutes;
  private readonly addresses: Addresses;
  private readonly neighbours: Neighbours;
  private readonly labels: MplsRoutes;
  private readonly trafficControl = new TrafficControl(this.devices);
  private readonly fouPorts = new FouPorts();
  private readonly netconfs: Netconfs;

  constructor(notifications: NotificationQueue) {
    this.sysctl = new FakeSysctl(
      () => this.hasSharedVrfTable(),
      (path) => this.netconfs.sysctlChanged(path),
    );
    this.netconfs = new Netconfs(this.devices, this.sysctl, notifications);
    this.rules = new Rules(notifications);
    this.links = new Links(
      this.devices,
      this.sysctl,
      notifications,
      (device, event) => this.deviceEvent(device, event),
      () => this.rules.addL3mdev(),
    );
    this.nexthops = new Nexthops(
      this.devices,
      notifications,
      ({ gateway, device }) => gateway !== undefined && this.addresses.isLocal(gateway, device),
      () => this.routes,
    );
    this.routes = new IpRoutes(this.devices, this.sysctl, notifications, this.nexthops, (address, device) =>
      this.addresses.isLocal(address, device),
    );
    this.addresses = new Addresses(this.devices, this.sysctl, notifications, this.routes, (device) =>
      this.ipv4Lost(device),
    );
    this.neighbours = new Neighbours(this.devices, notifications);
    this.labels = new MplsRoutes(this.devices, this.sysctl, notifications);
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

  /** Pulls or plugs a device's cable. */
  setCarrier(name: string, carrier: boolean): void {
    this.links.setCarrier(name, carrier);
  }

  dump(filter: DumpFilter): readonly KernelObject[] {
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
      case 'netconf':
        return this.netconfs.dump(filter.family);
    }
  }

  /** Does what the request says. @returns why not, where the kernel refuses. @throws TypeError for what this one does not know. */
  verdict(request: Request): RtnetlinkError | undefined {
    try {
      this.perform(request);
      return undefined;
    } catch (error) {
      if (!(error instanceof RtnetlinkError) || error.errno === undefined) throw error;
      return refusal(error.errno, error.kernelMessage, describe(request));
    }
  }

  private perform({ op, object }: Request): void {
    checkKnown(object);
    if (object.object === 'link') this.links[op](object);
    // Of the other kinds nothing is changed in place.
    else if (op === 'set' || object.object === 'netconf')
      throw new TypeError(`the fake kernel has no '${op}' of a ${object.object}`);
    else this.performOn(op, object);
  }

  private performOn(op: Exclude<Request['op'], 'set'>, object: Exclude<KernelObject, Link | Netconf>): void {
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
        this.rules[op](object);
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
      case 'added':
        this.netconfs.deviceAdded(device);
        break;
      case 'deleted':
        this.addresses.deviceDeleted(device);
        this.routes.deviceDeleted(device);
        this.labels.deviceDeleted(device);
        this.trafficControl.deviceDeleted(device);
        this.netconfs.deviceDeleted(device);
        break;
    }
  }

  private ipv4Lost(device: Device): void {
    this.routes.deviceLost(device, 'unnumbered');
    this.neighbours.ipv4Lost(device);
  }

  private hasSharedVrfTable(): boolean {
    const tables = this.links.dump().flatMap(({ info }) => (info?.kind === 'vrf' ? [info.table] : []));
    return new Set(tables).size < tables.length;
  }
}

/** @throws TypeError for facts that the kernel acts on and this one does not know. */
function checkKnown(object: KernelObject): void {
  const facts: object[] = [object];
  if ('multipath' in object) facts.push(...(object.multipath ?? []));
  if ('info' in object && object.info !== undefined) facts.push(object.info);
  for (const fact of ['unknown', 'otherEncap'] as const) {
    if (facts.some((part) => fact in part)) {
      throw new TypeError(`the fake kernel does nothing with '${fact}' of a ${object.object}`);
    }
  }
}
