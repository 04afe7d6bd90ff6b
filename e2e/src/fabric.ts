// A data centre in a lab: hypervisors h1..hN behind an underlay router, a route server on its own host, tenants' machines,
// and the real daemons started from their own configuration files. Owns the lab and its folder; knows no test.
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Daemon, type Host, Lab, type LinkSpec, type MachineSpec } from '@hostpe/netns-lab';
import { type Certificates, makeCertificates } from './certificates.ts';
import { ask } from './control-socket.ts';
import { eventually } from './eventually.ts';

const DOMAIN = 'dc1.example';
/** Host of the route server's address in the PEs' prefix. */
const ROUTE_SERVER = 100;
/** Room for a tenant's 1500 bytes in either encapsulation. */
const UNDERLAY_MTU = 1600;
/** `make build` makes it: it starts three times faster than the sources, which an emulated machine needs. */
const executable = resolve(import.meta.dirname, '../../packages/hostpe/bundle/hostpe.js');

type Underlay = 'ipv4' | 'ipv6';

interface VpnSpec {
  readonly import: readonly string[];
  readonly export: readonly string[];
  readonly encapsulations: readonly ('gre' | 'udp')[];
}

/** What a forwarder speaks with the route server; the default is not written into the configurations. */
export const dialects = ['end-system-06', 'end-system-07m', 'contrail'] as const;
export type Dialect = (typeof dialects)[number];

export interface Machine {
  readonly name: string;
  readonly hypervisor: string;
  readonly vpn: string;
  readonly addresses: readonly string[];
}

interface FabricSpec {
  readonly name: string;
  readonly hypervisors: readonly string[];
  /** Default: IPv4. No host has an address of the other family in it. */
  readonly underlay?: Underlay;
  readonly vpns: Readonly<Record<string, VpnSpec>>;
  readonly machines: readonly Machine[];
  /** Written into the route server's configuration, seconds. */
  readonly timers?: { readonly withdrawDelay: number; readonly restartDelay: number };
  /** VPNs that a forwarder may join; default all. */
  readonly allowedVpns?: Readonly<Record<string, readonly string[]>>;
  /** Hosts of other makes on the underlay, each with an uplink `ul` and the nth address from 50 on lo. IPv4 alone. */
  readonly routers?: readonly RouterSpec[];
  /** BGP of the route server, as its configuration has it. */
  readonly bgp?: Readonly<Record<string, unknown>>;
  /** By hypervisor. */
  readonly dialects?: Readonly<Record<string, Dialect>>;
}

interface RouterSpec {
  readonly name: string;
  /** A host behind it, at its interface `customer`. */
  readonly customer: {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly gateways: readonly string[];
  };
}

/** Host of the first router's address in the PEs' prefix. */
const ROUTERS = 50;

const loopbackOf = (underlay: Underlay, host: number): string =>
  underlay === 'ipv4' ? `10.255.0.${host}` : `fd00:ff::${host}`;
/** One end of the nth link from 0 between a host, 2, and the spine, 1. */
const linkEnd = (underlay: Underlay, link: number, end: 1 | 2): string =>
  underlay === 'ipv4' ? `192.0.2.${4 * link + end}` : `2001:db8:ff:${link}::${end}`;
const numberOf = (hypervisor: string): number => Number(hypervisor.slice(1));

/** Underlay address of h1, h2, … */
export const peAddress = (hypervisor: string, underlay: Underlay = 'ipv4'): string =>
  loopbackOf(underlay, numberOf(hypervisor));
/** Underlay address of the nth router from 0. */
export const routerAddress = (index: number): string => loopbackOf('ipv4', ROUTERS + index);
export const routeServerAddress = loopbackOf('ipv4', ROUTE_SERVER);
/** That it speaks to the route server from. */
export const uplinkAddress = (hypervisor: string, underlay: Underlay = 'ipv4'): string =>
  linkEnd(underlay, numberOf(hypervisor) - 1, 2);
/** The hypervisor's end of a machine's veth pair. */
export const interfaceOf = (machine: string): string => `v-${machine}`;

const machineSpec = ({ name, hypervisor, addresses }: Machine): MachineSpec => ({
  host: hypervisor,
  interface: interfaceOf(name),
  addresses: addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
});

/** JSON is YAML, so a configuration file is written as JSON. */
const writeConfig = (file: string, value: unknown) => writeFile(file, `${JSON.stringify(value, null, 2)}\n`);

export class Fabric implements AsyncDisposable {
  readonly lab: Lab;
  readonly folder: string;
  readonly #spec: FabricSpec;
  readonly #daemons: { readonly name: string; readonly daemon: Daemon }[] = [];
  readonly #certificates: Certificates;

  private constructor(lab: Lab, folder: string, spec: FabricSpec, certificates: Certificates) {
    this.lab = lab;
    this.folder = folder;
    this.#spec = spec;
    this.#certificates = certificates;
  }

  static async create(spec: FabricSpec): Promise<Fabric> {
    const folder = await mkdtemp(join(tmpdir(), `hostpe-${spec.name}-`));
    const { underlay = 'ipv4' } = spec;
    const loopback = (host: number) => `${loopbackOf(underlay, host)}/${underlay === 'ipv4' ? 32 : 128}`;
    const at = (link: number, end: 1 | 2) => linkEnd(underlay, link, end);
    const onLink = (link: number, end: 1 | 2) => [`${at(link, end)}/${underlay === 'ipv4' ? 30 : 64}`];
    const uplinks = spec.hypervisors.map(
      (h, i): LinkSpec => ({
        mtu: UNDERLAY_MTU,
        ends: [
          { host: h, interface: 'ul', addresses: onLink(i, 2) },
          { host: 'spine', interface: h, addresses: onLink(i, 1) },
        ],
      }),
    );
    const last = spec.hypervisors.length;
    const routers = (spec.routers ?? []).map((router, index) => ({
      ...router,
      index,
      link: last + 1 + index,
    }));
    const lab = await Lab.create({
      name: spec.name,
      hosts: {
        spine: {
          forwarding: true,
          routes: [
            ...spec.hypervisors.map((h, i) => ({ to: loopback(numberOf(h)), via: at(i, 2) })),
            { to: loopback(ROUTE_SERVER), via: at(last, 2) },
            ...routers.map(({ index, link }) => ({ to: loopback(ROUTERS + index), via: at(link, 2) })),
          ],
        },
        rs: { loopback: [loopback(ROUTE_SERVER)], routes: [{ to: 'default', via: at(last, 1) }] },
        ...Object.fromEntries(
          spec.hypervisors.map((h, i) => [
            h,
            { loopback: [loopback(numberOf(h))], routes: [{ to: 'default', via: at(i, 1) }] },
          ]),
        ),
        ...Object.fromEntries(
          routers.flatMap(({ name, index, link, customer }) => [
            [name, { loopback: [loopback(ROUTERS + index)], routes: [{ to: 'default', via: at(link, 1) }] }],
            [customer.name, { routes: customer.gateways.map((via) => ({ to: 'default', via })) }],
          ]),
        ),
      },
      links: [
        ...uplinks,
        ...routers.flatMap(({ name, link, customer }): LinkSpec[] => [
          {
            mtu: UNDERLAY_MTU,
            ends: [
              { host: name, interface: 'ul', addresses: onLink(link, 2) },
              { host: 'spine', interface: name, addresses: onLink(link, 1) },
            ],
          },
          {
            ends: [
              { host: name, interface: 'customer' },
              { host: customer.name, interface: 'eth0', addresses: customer.addresses },
            ],
          },
        ]),
        {
          ends: [
            { host: 'rs', interface: 'ul', addresses: onLink(last, 2) },
            { host: 'spine', interface: 'rs', addresses: onLink(last, 1) },
          ],
        },
      ],
      machines: Object.fromEntries(spec.machines.map((machine) => [machine.name, machineSpec(machine)])),
    });
    const certificates = await makeCertificates(lab.host('rs'), folder, DOMAIN);
    const fabric = new Fabric(lab, folder, spec, certificates);
    await fabric.#writeConfigurations();
    return fabric;
  }

  async #writeConfigurations(): Promise<void> {
    const { hypervisors, vpns, machines, timers, allowedVpns, underlay = 'ipv4' } = this.#spec;
    const routeServer = loopbackOf(underlay, ROUTE_SERVER);
    await writeConfig(join(this.folder, 'route-server.yaml'), {
      domain: DOMAIN,
      listen: [{ address: routeServer, port: 5223 }],
      ...(hypervisors.some((h) => this.#isContrail(h)) && {
        'open-stream': [{ address: routeServer, allow: ['192.0.2.0/24'], starttls: true }],
      }),
      tls: { certificate: this.#certificates.certificate, key: this.#certificates.key },
      vpns: Object.fromEntries(
        Object.entries(vpns).map(([name, vpn]) => [name, { import: vpn.import, export: vpn.export }]),
      ),
      forwarders: Object.fromEntries(
        hypervisors.map((h) => [
          h,
          {
            ...(this.#isContrail(h)
              ? { 'open-stream': { addresses: [uplinkAddress(h)] } }
              : { 'password-file': join(this.folder, `${h}.secret`) }),
            addresses: [peAddress(h, underlay)],
            vpns: allowedVpns?.[h] ?? Object.keys(vpns),
            ...this.#dialect(h),
          },
        ]),
      ),
      ...(timers && {
        timers: { 'withdraw-delay': timers.withdrawDelay, 'restart-delay': timers.restartDelay },
      }),
      ...(this.#spec.bgp && { bgp: this.#spec.bgp }),
      'control-socket': this.#socket('route-server'),
    });
    for (const h of hypervisors) {
      await writeFile(join(this.folder, `${h}.secret`), `${randomBytes(16).toString('hex')}\n`, {
        mode: 0o600,
      });
      await mkdir(join(this.folder, h));
      await writeConfig(join(this.folder, `${h}.yaml`), {
        name: h,
        underlay: { address: peAddress(h, underlay), mtu: UNDERLAY_MTU },
        'route-servers': [
          {
            host: routeServer,
            domain: DOMAIN,
            account: h,
            ...(this.#isContrail(h)
              ? { tls: 'starttls' }
              : { 'password-file': join(this.folder, `${h}.secret`) }),
            'ca-file': this.#certificates.ca,
            ...this.#dialect(h),
          },
        ],
        vpns: Object.fromEntries(
          Object.entries(vpns).map(([name, vpn]) => [name, { encapsulations: vpn.encapsulations }]),
        ),
        attachments: machines
          .filter((machine) => machine.hypervisor === h)
          .map((machine) => ({
            interface: interfaceOf(machine.name),
            vpn: machine.vpn,
            addresses: machine.addresses,
          })),
        'control-socket': this.#socket(h),
        'state-directory': join(this.folder, h),
      });
    }
  }

  #isContrail(hypervisor: string): boolean {
    return this.#spec.dialects?.[hypervisor] === 'contrail';
  }

  #dialect(hypervisor: string): { readonly dialect?: Dialect } {
    const dialect = this.#spec.dialects?.[hypervisor];
    return dialect === undefined ? {} : { dialect };
  }

  #socket(daemon: string): string {
    return join(this.folder, `${daemon}.sock`);
  }

  host(name: string): Host {
    return this.lab.host(name);
  }

  startRouteServer(): Promise<Daemon> {
    return this.startWith('rs', ['route-server', '--config', join(this.folder, 'route-server.yaml')]);
  }

  startForwarder(hypervisor: string): Promise<Daemon> {
    return this.startWith(hypervisor, ['forwarder', '--config', join(this.folder, `${hypervisor}.yaml`)]);
  }

  /** Starts hostpe with the given arguments as a daemon on a host. */
  async startWith(host: string, args: readonly string[]): Promise<Daemon> {
    const daemon = await this.host(host).start(args[0] ?? 'hostpe', process.execPath, [executable, ...args]);
    this.#daemons.push({ name: `${host} hostpe ${args[0] ?? ''}`, daemon });
    return daemon;
  }

  /** The last lines of every daemon, for whoever has to find out why something failed. */
  lastLines(): string {
    return this.#daemons
      .map(({ name, daemon }) => [`--- ${name} (pid ${daemon.pid})`, ...daemon.lines.slice(-25)].join('\n'))
      .join('\n');
  }

  /** Runs an operator's command against the daemon on a host (`rs`, or a hypervisor); throws when it fails. */
  async hostpe(host: string, ...args: readonly string[]): Promise<string> {
    const socket = this.#socket(host === 'rs' ? 'route-server' : host);
    const { stdout } = await this.host(host).run(process.execPath, [executable, ...args, '--socket', socket]);
    return stdout;
  }

  /** What the daemon on a host (`rs`, or a hypervisor) answers to GET; for looks that are repeated. */
  ask(host: string, path: string): Promise<unknown> {
    return ask(this.#socket(host === 'rs' ? 'route-server' : host), path);
  }

  /** Waits until a forwarder has heard End-of-RIB of this many VPNs: what it does not want is swept by now. */
  async complete(hypervisor: string, vpns: number): Promise<void> {
    await eventually(`${hypervisor} has heard End-of-RIB of ${vpns} VPNs`, async () => {
      const known = (await this.ask(hypervisor, '/vpns')) as { readonly complete: boolean }[];
      return known.filter(({ complete }) => complete).length === vpns;
    });
  }

  /** Adds a machine's namespace and veth pair; the forwarder does not know it before `attach`. */
  addMachine(machine: Machine): Promise<Host> {
    return this.lab.addMachine(machine.name, machineSpec(machine));
  }

  attach(machine: Machine, ...more: readonly string[]): Promise<string> {
    const addresses = machine.addresses.flatMap((address) => ['--address', address]);
    return this.hostpe(
      machine.hypervisor,
      'attach',
      interfaceOf(machine.name),
      '--vpn',
      machine.vpn,
      ...addresses,
      ...more,
    );
  }

  /** Waits until `machine` gets an answer from `address`. */
  async reachable(machine: string, address: string): Promise<void> {
    await eventually(
      `${machine} reaches ${address}`,
      async () => (await this.ping(machine, address, 1)).received === 1,
    );
  }

  /** Sends `count` echo requests, 10 a second, and waits 2 s for the last answer. */
  async ping(
    machine: string,
    address: string,
    count: number,
  ): Promise<{ sent: number; received: number; output: string }> {
    const { stdout } = await this.host(machine).run(
      'ping',
      ['-n', '-i', '0.1', '-c', String(count), '-W', '2', address],
      { reject: false },
    );
    const [, sent = '0', received = '0'] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
    return { sent: Number(sent), received: Number(received), output: stdout };
  }

  async remove(): Promise<void> {
    await this.lab.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}
