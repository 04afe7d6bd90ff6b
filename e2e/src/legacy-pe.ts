// A PE of another make on the underlay of a lab: FRR's zebra and bgpd, unpacked from Debian's packages, with one VRF, a customer behind it, and one GRE tunnel
// to each hypervisor. What it does in the kernel is FRR's; tunnels and VRF device are made here, as its operator would.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Daemon, Host, RunOptions } from '@hostpe/netns-lab';
import { eventually } from './eventually.ts';

const unpacked = resolve(import.meta.dirname, '../../.cache/peers/root');
const libraries = ['usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/frr'].map((path) =>
  join(unpacked, path),
);
const environment = { LD_LIBRARY_PATH: libraries.join(':') };
const vrfTable = 10;

export interface LegacyPeSpec {
  readonly host: Host;
  /** For its files; made. */
  readonly folder: string;
  readonly as: number;
  /** Its own on the underlay, on lo; BGP identifier too. */
  readonly address: string;
  readonly routeServer: { readonly address: string; readonly password: string };
  /** PEs that it has a tunnel to. */
  readonly hypervisors: Readonly<Record<string, string>>;
  readonly vrf: { readonly name: string; readonly routeTarget: string };
  /** To the customer. */
  readonly customer: { readonly interface: string; readonly addresses: readonly string[] };
}

/** Interface towards the underlay. */
const uplink = 'ul';

/** IPv6 address that stands for a hypervisor's end of its tunnel: FRR takes no IPv4 next-hop for an IPv6 route of the kernel. */
const tunnelEnd = (index: number): string => `2001:db8:fe::${index + 1}`;

export class LegacyPe {
  readonly #spec: LegacyPeSpec;
  readonly #daemons: Daemon[] = [];

  private constructor(spec: LegacyPeSpec) {
    this.#spec = spec;
  }

  static async start(spec: LegacyPeSpec): Promise<LegacyPe> {
    if (!existsSync(join(unpacked, 'usr/lib/frr/bgpd')))
      throw new Error(`${unpacked} has no FRR: run \`sh .ci/fetch-peers.sh\``);
    await mkdir(spec.folder);
    await spec.host.run('sh', ['-es'], { input: kernelScript(spec) });
    // FRR wants its user, here root, to be in a group of this name; the machine's own file stays as it is.
    const groups = (await readFile('/etc/group', 'utf8')).replace(/^frrvty:.*\n/m, '');
    await writeFile(join(spec.folder, 'group'), `frrvty:x:65000:root\n${groups}`);
    await writeFile(join(spec.folder, 'zebra.conf'), 'log stdout\n');
    await writeFile(join(spec.folder, 'bgpd.conf'), bgpdConfiguration(spec));
    const pe = new LegacyPe(spec);
    await pe.#start('zebra');
    await eventually('zebra answers', () => pe.#answers('zebra'), 60_000).catch((error: unknown) => {
      throw new Error(`zebra does not answer: ${pe.lastLines()}`, { cause: error });
    });
    await pe.#start('bgpd', '-l', spec.address);
    return pe;
  }

  /** What a command of vtysh prints. */
  async vtysh(daemon: 'zebra' | 'bgpd', command: string, options: RunOptions = {}): Promise<string> {
    const { host, folder } = this.#spec;
    const words = ['--vty_socket', folder, '-d', daemon, '-c', command];
    const { stdout } = await host.run(join(unpacked, 'usr/bin/vtysh'), words, {
      ...options,
      env: environment,
    });
    return stdout;
  }

  /** Kills bgpd without a word to its peers. */
  async killBgpd(): Promise<void> {
    await this.#daemons.pop()?.kill('SIGKILL');
  }

  async startBgpd(): Promise<void> {
    await this.#start('bgpd', '-l', this.#spec.address);
  }

  lastLines(): string {
    return this.#daemons.map(({ lines }) => lines.slice(-25).join('\n')).join('\n---\n');
  }

  /** @throws LabError where the daemon does not answer in time; what it said is in the log of the test. */
  #answers(daemon: 'zebra' | 'bgpd'): Promise<boolean> {
    return this.vtysh(daemon, 'show version').then(
      () => true,
      () => false,
    );
  }

  async #start(name: 'zebra' | 'bgpd', ...more: readonly string[]): Promise<void> {
    const { host, folder } = this.#spec;
    const at = (file: string) => join(folder, file);
    const own = ['-u', 'root', '-g', 'root', '-P', '0', '--vty_socket', folder, '-z', at('zserv')];
    const words = [
      join(unpacked, 'usr/lib/frr', name),
      ...own,
      '-i',
      at(`${name}.pid`),
      '-f',
      at(`${name}.conf`),
    ];
    const script = 'mount --bind "$0" /etc/group && exec "$@"';
    this.#daemons.push(
      await host.start(name, 'unshare', ['-m', 'sh', '-c', script, at('group'), ...words, ...more], {
        env: environment,
      }),
    );
  }
}

function kernelScript({ address, hypervisors, vrf, customer }: LegacyPeSpec): string {
  const tunnels = Object.entries(hypervisors).flatMap(([name, remote], index) => {
    const device = `gre-${name}`;
    return [
      // Bound to the uplink: the route to the far end through the tunnel is not that of the tunnel's own packets.
      `ip link add ${device} type gre local ${address} remote ${remote} ttl 64 dev ${uplink}`,
      `ip link set ${device} up mtu 1500`,
      `sysctl -qw net.mpls.conf.${device}.input=1 net.ipv4.conf.${device}.rp_filter=0`,
      `ip route add ${remote}/32 dev ${device}`,
      `ip -6 route add ${tunnelEnd(index)}/128 dev ${device}`,
    ];
  });
  return [
    'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0',
    'sysctl -qw net.mpls.platform_labels=1000 net.vrf.strict_mode=1',
    `ip link add ${vrf.name} type vrf table ${vrfTable}`,
    `ip link set ${vrf.name} up`,
    `ip link set ${customer.interface} master ${vrf.name} up`,
    ...customer.addresses.map(
      (one) => `ip address add ${one} dev ${customer.interface}${one.includes(':') ? ' nodad' : ''}`,
    ),
    ...tunnels,
    '',
  ].join('\n');
}

function bgpdConfiguration({ as, address, routeServer, hypervisors, vrf }: LegacyPeSpec): string {
  const neighbor = `neighbor ${routeServer.address}`;
  const vpnFamily = (family: string) => `
 address-family ${family} vpn
  ${neighbor} activate
  ${neighbor} route-map from-${family} in
 exit-address-family`;
  const vrfFamily = (family: string) => `
 address-family ${family} unicast
  redistribute connected
  label vpn export auto
  rd vpn export ${as}:${vrfTable}
  rt vpn both ${vrf.routeTarget}
  export vpn
  import vpn
 exit-address-family`;
  const tunnels = Object.values(hypervisors).map(
    (remote, index) => `
route-map from-ipv6 permit ${10 * (index + 1)}
 match ipv6 next-hop address ::ffff:${remote}
 set ipv6 next-hop global ${tunnelEnd(index)}
 set l3vpn next-hop encapsulation gre
exit`,
  );
  return `log stdout
router bgp ${as}
 bgp router-id ${address}
 no bgp default ipv4-unicast
 ${neighbor} remote-as ${as}
 ${neighbor} update-source ${address}
 ${neighbor} password ${routeServer.password}
 ${neighbor} timers connect 1
${['ipv4', 'ipv6'].map(vpnFamily).join('')}
exit
router bgp ${as} vrf ${vrf.name}
 bgp router-id ${address}
${['ipv4', 'ipv6'].map(vrfFamily).join('')}
exit
route-map from-ipv4 permit 10
 set l3vpn next-hop encapsulation gre
exit
${tunnels.join('')}
`;
}
