// What a VPN is called and numbered on this host: VRF device, instance-id, table, encapsulations. Pure.
// An instance-id is a 16-bit number per (forwarder, VPN) that route distinguishers are made of, so it stays with its VPN:
// draft-ietf-l3vpn-end-system-06 section 6. The VRF's table is 16000 + instance-id.
import type { AddressFamily, Encapsulation } from '@hostpe/net';
import type { Adopted } from '@hostpe/reconciler';
import { LAST_INSTANCE_ID, VRF_TABLE_BASE } from '@hostpe/reconciler';
import type { VpnSettings } from './config.ts';
import { ForwarderError } from './errors.ts';
import { interfaceNameProblem } from './interface-name.ts';

export interface Vpn {
  readonly name: string;
  readonly device: string;
  /** 1..65535. */
  readonly instanceId: number;
  readonly table: number;
  /** What this host can receive, most preferred first; also the order in which it chooses what to send. */
  readonly encapsulations: readonly Encapsulation[];
}

/** All that the underlay carries. */
const defaultEncapsulations: Readonly<Record<AddressFamily, readonly Encapsulation[]>> = {
  ipv4: ['gre', 'udp'],
  ipv6: ['gre'],
};

/** The name of a VPN's VRF device. @returns undefined where neither the configuration nor the VPN's name gives a usable one. */
function vrfDevice(name: string, settings: VpnSettings | undefined): string | undefined {
  const device = settings?.device ?? name;
  return interfaceNameProblem(device) === undefined ? device : undefined;
}

/**
 * Numbers VPNs as they are first needed. A VPN keeps its number until the process ends, also without attachments:
 * its VRF may still be on its way out of the kernel, and the table with it.
 */
export class VpnNumbering {
  readonly #settings: ReadonlyMap<string, VpnSettings>;
  readonly #underlay: AddressFamily;
  readonly #vpns = new Map<string, Vpn>();
  readonly #adopted = new Map<string, number>();
  readonly #taken = new Set<number>();

  constructor(settings: ReadonlyMap<string, VpnSettings>, underlay: AddressFamily) {
    this.#settings = settings;
    this.#underlay = underlay;
    for (const { instanceId } of settings.values()) if (instanceId !== undefined) this.#taken.add(instanceId);
  }

  /** Takes over the tables of VRF devices that are there; those of other VPNs are left alone until they are swept. */
  adopt(found: Adopted['vpns']): void {
    for (const [device, { name, table }] of found) {
      const instanceId = table - VRF_TABLE_BASE;
      if (instanceId < 1 || instanceId > LAST_INSTANCE_ID) continue;
      const settings = this.#settings.get(name);
      if (
        settings?.instanceId === undefined &&
        vrfDevice(name, settings) === device &&
        !this.#taken.has(instanceId)
      )
        this.#adopted.set(name, instanceId);
      this.#taken.add(instanceId);
    }
  }

  /** Whether the VPN can be on this host. @returns undefined, or what an operator has to change. */
  problem(name: string): string | undefined {
    const settings = this.#settings.get(name);
    const device = vrfDevice(name, settings);
    if (device === undefined) {
      return `VPN ${name} needs a name for its VRF device: its own ${interfaceNameProblem(name)}; set vpns.${name}.device in the configuration`;
    }
    for (const [other, otherSettings] of this.#settings) {
      if (other !== name && vrfDevice(other, otherSettings) === device)
        return `VPN ${name} cannot have the VRF device ${device}: VPN ${other} is configured with it`;
    }
    for (const other of this.#vpns.values()) {
      if (other.name !== name && other.device === device)
        return `VPN ${name} cannot have the VRF device ${device}: VPN ${other.name} has it`;
    }
    return undefined;
  }

  /** Whether an interface of this name is, or will be, a VRF device. */
  hasDevice(name: string): boolean {
    for (const [vpn, settings] of this.#settings) if (vrfDevice(vpn, settings) === name) return true;
    for (const { device } of this.#vpns.values()) if (device === name) return true;
    return false;
  }

  /** @throws ForwarderError `attachment-invalid` where the VPN cannot be on this host, `instance-ids-exhausted` */
  vpn(name: string): Vpn {
    const present = this.#vpns.get(name);
    if (present !== undefined) return present;
    const settings = this.#settings.get(name);
    const device = vrfDevice(name, settings);
    const problem = this.problem(name);
    if (problem !== undefined || device === undefined)
      throw new ForwarderError('attachment-invalid', problem ?? `VPN ${name} has no VRF device`);
    const instanceId = settings?.instanceId ?? this.#adopted.get(name) ?? this.#lowestFree(name);
    this.#taken.add(instanceId);
    const vpn: Vpn = {
      name,
      device,
      instanceId,
      table: VRF_TABLE_BASE + instanceId,
      encapsulations: settings?.encapsulations ?? defaultEncapsulations[this.#underlay],
    };
    this.#vpns.set(name, vpn);
    return vpn;
  }

  #lowestFree(name: string): number {
    for (let candidate = 1; candidate <= LAST_INSTANCE_ID; candidate++)
      if (!this.#taken.has(candidate)) return candidate;
    throw new ForwarderError(
      'instance-ids-exhausted',
      `VPN ${name}: all ${LAST_INSTANCE_ID} instance-ids have been used; a restart frees those of VPNs without attachments`,
    );
  }
}
