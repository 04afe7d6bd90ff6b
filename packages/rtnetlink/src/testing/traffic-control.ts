// RTM_*QDISC and RTM_*TFILTER of the fake kernel: clsact and the filters at its hooks.
import type { Filter, Qdisc } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import { refuse } from './refusal.ts';

export class TrafficControl {
  private readonly devices: Devices;
  private qdiscs: Qdisc[] = [];
  private filters: Filter[] = [];

  constructor(devices: Devices) {
    this.devices = devices;
  }

  dumpQdiscs(index: number): Qdisc[] {
    return this.qdiscs.filter((qdisc) => qdisc.index === index);
  }

  dumpFilters(index: number, hook: Filter['hook']): Filter[] {
    return this.filters
      .filter((filter) => filter.index === index && filter.hook === hook)
      .sort((a, b) => a.priority - b.priority || a.handle - b.handle);
  }

  addQdisc(qdisc: Qdisc): void {
    this.devices.get(qdisc.index);
    if (this.hasQdisc(qdisc)) refuse('EEXIST', 'Exclusivity flag on, cannot modify');
    this.qdiscs.push(qdisc);
  }

  replaceQdisc(qdisc: Qdisc): void {
    this.devices.get(qdisc.index);
    if (!this.hasQdisc(qdisc)) this.qdiscs.push(qdisc);
  }

  deleteQdisc(qdisc: Qdisc): void {
    this.devices.get(qdisc.index);
    if (!this.hasQdisc(qdisc)) refuse('EINVAL', 'Invalid handle');
    this.qdiscs = this.qdiscs.filter((other) => other.index !== qdisc.index || other.kind !== qdisc.kind);
    this.filters = this.filters.filter((filter) => filter.index !== qdisc.index);
  }

  addFilter(filter: Filter): void {
    this.checkFilter(filter);
    if (this.filters.some((other) => isSame(other, filter))) refuse('EEXIST', 'Filter already exists');
    this.filters.push(filter);
  }

  replaceFilter(filter: Filter): void {
    this.checkFilter(filter);
    this.filters = [...this.filters.filter((other) => !isSame(other, filter)), filter];
  }

  deleteFilter(filter: Filter): void {
    this.devices.get(filter.index);
    if (!this.filters.some((other) => isAlike(other, filter))) {
      refuse('ENOENT', 'Filter with specified priority/protocol not found');
    }
    const rest = this.filters.filter((other) => !isSame(other, filter));
    if (rest.length === this.filters.length) refuse('ENOENT', 'Specified filter handle not found');
    this.filters = rest;
  }

  /** Its qdiscs and filters go; filters elsewhere that send to it stay, and send nowhere. */
  deviceDeleted(device: Device): void {
    this.qdiscs = this.qdiscs.filter((qdisc) => qdisc.index !== device.index);
    this.filters = this.filters
      .filter((filter) => filter.index !== device.index)
      .map((filter) =>
        filter.match.kind === 'flower' && filter.match.redirect === device.index
          ? { ...filter, match: { ...filter.match, redirect: 0 } }
          : filter,
      );
  }

  private hasQdisc(qdisc: Qdisc): boolean {
    return this.qdiscs.some((other) => other.index === qdisc.index && other.kind === qdisc.kind);
  }

  private checkFilter(filter: Filter): void {
    this.devices.get(filter.index);
    if (!this.hasQdisc({ object: 'qdisc', index: filter.index, kind: 'clsact' })) {
      refuse('EINVAL', "Parent Qdisc doesn't exists");
    }
    for (const other of this.filters) {
      if (other.index !== filter.index || other.hook !== filter.hook || other.priority !== filter.priority) {
        continue;
      }
      if (other.protocol !== filter.protocol) {
        refuse('EINVAL', 'Filter with specified priority/protocol not found');
      }
      if (other.handle === filter.handle) continue;
      if (other.match.kind === 'flower' && filter.match.kind === 'flower') {
        if (other.match.destinationMac === filter.match.destinationMac) refuse('EEXIST');
      }
    }
    if (filter.match.kind === 'flower') this.devices.get(filter.match.redirect);
  }
}

function isAlike(a: Filter, b: Filter): boolean {
  return a.index === b.index && a.hook === b.hook && a.priority === b.priority && a.protocol === b.protocol;
}

function isSame(a: Filter, b: Filter): boolean {
  return isAlike(a, b) && a.handle === b.handle;
}
