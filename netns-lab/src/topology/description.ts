/** The description of a topology, and what makes one valid. Pure: nothing exists yet. */
import { isIP, isIPv4 } from 'node:net';
import { LabError } from '../error.ts';

export interface Topology {
  /** Begins the names of the namespaces: one lab of a name at a time. [a-z0-9]{1,8} */
  readonly name: string;
  /** By name, [a-z0-9-]{1,15}. */
  readonly hosts: Readonly<Record<string, HostSpec>>;
  readonly links: readonly LinkSpec[];
  /** Tenants' machines, by name, of the same form and different from the hosts'. */
  readonly machines?: Readonly<Record<string, MachineSpec>>;
}

export interface HostSpec {
  /** Addresses on lo, as ADDRESS/LENGTH. */
  readonly loopback?: readonly string[];
  /** Forwards IPv4 and IPv6: an underlay router. */
  readonly forwarding?: boolean;
  readonly routes?: readonly RouteSpec[];
}

export interface RouteSpec {
  /** A prefix, or `default`. */
  readonly to: string;
  readonly via: string;
}

/** A veth pair. */
export interface LinkSpec {
  readonly ends: readonly [LinkEnd, LinkEnd];
  readonly mtu?: number;
}

export interface LinkEnd {
  readonly host: string;
  readonly interface: string;
  /** As ADDRESS/LENGTH. */
  readonly addresses?: readonly string[];
}

export interface MachineSpec {
  /** Its hypervisor. */
  readonly host: string;
  /** The hypervisor's end of the veth pair: up, without an address but the link-local one that the kernel gives it. */
  readonly interface: string;
  /** Of the machine's eth0. */
  readonly mac?: string;
  readonly mtu?: number;
  /** Of the machine's eth0, as ADDRESS/LENGTH. */
  readonly addresses: readonly string[];
  /** Default: 169.254.1.1 and fe80::1, each for the family of which there is an address. */
  readonly gateways?: readonly string[];
}

const NAME = /^[a-z0-9-]{1,15}$/;

/** LabError `description` with everything that is wrong. */
export function validateTopology(topology: Topology): void {
  const faults: string[] = [];
  if (!/^[a-z0-9]{1,8}$/.test(topology.name))
    faults.push(`the name '${topology.name}' is not 1 to 8 of a-z, 0-9`);
  const interfaces = new Map<string, Set<string>>();
  for (const [name, host] of Object.entries(topology.hosts)) {
    if (!NAME.test(name)) faults.push(`host '${name}': a name is 1 to 15 of a-z, 0-9 and -`);
    interfaces.set(name, new Set(['lo']));
    for (const address of host.loopback ?? []) checkAddress(`host ${name}, loopback`, address, faults);
    for (const route of host.routes ?? []) {
      if (route.to !== 'default') checkAddress(`host ${name}, route`, route.to, faults);
      if (isIP(route.via) === 0)
        faults.push(`host ${name}, route ${route.to}: '${route.via}' is not an address`);
    }
  }
  for (const link of topology.links) {
    const what = `link ${link.ends.map((end) => `${end.host}:${end.interface}`).join(' - ')}`;
    for (const end of link.ends) {
      takeInterface(what, end.host, end.interface, interfaces, faults);
      for (const address of end.addresses ?? []) checkAddress(what, address, faults);
    }
    checkMtu(what, link.mtu, faults);
  }
  for (const [name, machine] of Object.entries(topology.machines ?? {})) {
    if (interfaces.has(name)) faults.push(`machine ${name}: a host has that name`);
    checkMachine(name, machine, interfaces, faults);
  }
  throwFaults(`topology '${topology.name}'`, faults);
}

/** The same for a machine that is added later, to the hosts of `interfaces` (host → interfaces in use). */
export function validateMachine(
  name: string,
  machine: MachineSpec,
  interfaces: ReadonlyMap<string, Set<string>>,
): void {
  const faults: string[] = [];
  checkMachine(name, machine, interfaces, faults);
  throwFaults(`machine '${name}'`, faults);
}

function checkMachine(
  name: string,
  machine: MachineSpec,
  interfaces: ReadonlyMap<string, Set<string>>,
  faults: string[],
): void {
  const what = `machine ${name}`;
  if (!NAME.test(name)) faults.push(`machine '${name}': a name is 1 to 15 of a-z, 0-9 and -`);
  takeInterface(what, machine.host, machine.interface, interfaces, faults);
  for (const address of machine.addresses) checkAddress(what, address, faults);
  for (const gateway of machine.gateways ?? [])
    if (isIP(gateway) === 0) faults.push(`${what}: the gateway '${gateway}' is not an address`);
  if (machine.mac !== undefined && !/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(machine.mac))
    faults.push(`${what}: '${machine.mac}' is not a unicast MAC address in lower case`);
  checkMtu(what, machine.mtu, faults);
}

function takeInterface(
  what: string,
  host: string,
  name: string,
  interfaces: ReadonlyMap<string, Set<string>>,
  faults: string[],
): void {
  const taken = interfaces.get(host);
  if (!/^[^\s/:]{1,15}$/.test(name) || name === '.' || name === '..')
    faults.push(`${what}: '${name}' is not an interface name of 1 to 15 characters`);
  if (taken === undefined) faults.push(`${what}: there is no host '${host}'`);
  else if (taken.has(name)) faults.push(`${what}: ${host} has an interface ${name} already`);
  else taken.add(name);
}

function checkAddress(what: string, text: string, faults: string[]): void {
  const [address = '', length = '', ...more] = text.split('/');
  const most = isIPv4(address) ? 32 : 128;
  if (isIP(address) === 0 || !/^\d{1,3}$/.test(length) || Number(length) > most || more.length > 0)
    faults.push(`${what}: '${text}' is not of the form ADDRESS/LENGTH`);
}

function checkMtu(what: string, mtu: number | undefined, faults: string[]): void {
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= 68 && mtu <= 65_535))
    faults.push(`${what}: the MTU ${mtu} is not from 68 to 65535`);
}

function throwFaults(what: string, faults: readonly string[]): void {
  if (faults.length > 0)
    throw new LabError('description', `${what}: ${faults.join('; ')}`, { facts: { faults } });
}
