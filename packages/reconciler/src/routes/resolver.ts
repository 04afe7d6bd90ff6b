// From the nexthops that a route should have to nexthop objects as the kernel would have them, without ids. Pure; one for each pass, as devices
// change their numbers.
import type { Encapsulation, IpAddress, Label } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { Devices } from '../actual.ts';
import { attachmentKey, interfaceState } from '../attachments.ts';
import type { DesiredNexthop, DesiredState } from '../desired.ts';
import { nexthopKey } from '../keys.ts';
import { TUNNEL_DEVICES, tunnelWay } from '../layout.ts';
import type { PeNumbers } from '../pe-numbers.ts';
import { remoteProblem } from '../remote-pe.ts';
import { contentOfMembers } from './nexthop-objects.ts';

export interface Remote {
  readonly pe: IpAddress;
  readonly encapsulation: Encapsulation;
}

/** A nexthop object without its id. */
export interface NexthopContent {
  readonly key: string;
  readonly device: number;
  readonly gateway?: IpAddress;
  readonly labels: readonly Label[];
  readonly name: string;
  /** By which PE the packets leave; undefined for a machine of this host. */
  readonly remote?: Remote;
  /** The step without which it must not be made, apart from those of its PE. */
  readonly needs: readonly string[];
}

export interface Resolution {
  /** Each once. None: there is nowhere to send packets. */
  readonly members: readonly NexthopContent[];
  /** What a nexthop object for it leads to; the empty text without members. */
  readonly content: string;
  /** A device is missing for one of the nexthops. */
  readonly waits: boolean;
  /** Why one of the nexthops cannot be used. */
  readonly reason: string | undefined;
}

type Resolved = NexthopContent | 'nowhere' | 'waits' | { readonly reason: string };

export class Resolver {
  readonly #desired: DesiredState;
  readonly #devices: Devices;
  readonly #numbers: PeNumbers;
  /** Interfaces that packets can be sent to now. */
  readonly #locals = new Map<string, number>();
  readonly #remotes = new Map<string, Resolved>();
  /** By the list itself: its number may mean another one while the pass goes on. */
  readonly #resolutions = new Map<readonly DesiredNexthop[], Resolution>();

  constructor(desired: DesiredState, devices: Devices, numbers: PeNumbers) {
    this.#desired = desired;
    this.#devices = devices;
    this.#numbers = numbers;
    for (const vpn of desired.vpns) {
      for (const attachment of vpn.attachments) {
        const index = devices.links.get(attachment.interface)?.index;
        if (index !== undefined && interfaceState(attachment, vpn, devices) === 'up')
          this.#locals.set(attachment.interface, index);
      }
    }
  }

  /** The same text for devices by which every list of nexthops has the same meaning. */
  get signature(): string {
    const index = (name: string) => this.#devices.links.get(name)?.index ?? 0;
    const locals = [...this.#locals].map(([name, device]) => `${name} ${device}`).sort();
    return JSON.stringify([this.#desired.underlay.address, TUNNEL_DEVICES.map(index), locals]);
  }

  /** @param nexthops a list of a VPN's nexthop sets: known again by its identity */
  resolve(nexthops: readonly DesiredNexthop[]): Resolution {
    let resolution = this.#resolutions.get(nexthops);
    if (resolution === undefined) {
      resolution = this.#resolve(nexthops);
      this.#resolutions.set(nexthops, resolution);
    }
    return resolution;
  }

  #resolve(nexthops: readonly DesiredNexthop[]): Resolution {
    const members = new Map<string, NexthopContent>();
    let waits = false;
    let reason: string | undefined;
    for (const nexthop of nexthops) {
      const one = nexthop.kind === 'local' ? this.#local(nexthop.interface) : this.#remote(nexthop);
      if (one === 'waits') waits = true;
      else if (one === 'nowhere') continue;
      else if ('reason' in one) reason ??= one.reason;
      else members.set(one.key, one);
    }
    return {
      members: [...members.values()],
      content: members.size === 0 ? '' : contentOfMembers([...members.keys()]),
      waits,
      reason,
    };
  }

  /** An attachment that is down has no nexthop in the kernel, and so no route: the machine is not there. */
  #local(interface_: string): Resolved {
    const device = this.#locals.get(interface_);
    if (device === undefined) return 'nowhere';
    return {
      key: nexthopKey(device, undefined, []),
      device,
      labels: [],
      name: `nexthop to ${interface_}`,
      needs: [attachmentKey(interface_)],
    };
  }

  #remote(nexthop: Extract<DesiredNexthop, { kind: 'remote' }>): Resolved {
    const { pe, label, encapsulation } = nexthop;
    const key = `${pe} ${label} ${encapsulation}`;
    const known = this.#remotes.get(key);
    if (known !== undefined) return known;
    const resolved = this.#makeRemote(nexthop);
    this.#remotes.set(key, resolved);
    return resolved;
  }

  #makeRemote({ pe, label, encapsulation }: Extract<DesiredNexthop, { kind: 'remote' }>): Resolved {
    const reason = remoteProblem(pe, encapsulation, this.#desired);
    if (reason !== undefined) return { reason };
    const way = tunnelWay(addressFamily(pe), encapsulation);
    const device = way === undefined ? undefined : this.#devices.links.get(way.device)?.index;
    if (way === undefined || device === undefined) return 'waits';
    if (way.through !== undefined && this.#devices.links.get(way.through)?.index === undefined)
      return 'waits';
    const gateway = this.#numbers.gateway(pe);
    return {
      key: nexthopKey(device, gateway, [label]),
      device,
      gateway,
      labels: [label],
      name: `nexthop to PE ${pe} label ${label} over ${encapsulation}`,
      remote: { pe, encapsulation },
      needs: [],
    };
  }
}
