/**
 * What `ip` and the shell must be told to make a topology real. Pure: values in, text out. Few processes: forking one
 * takes 0.1 s under emulation.
 */
import { isIPv4 } from 'node:net';
import type { LinkSpec, MachineSpec, Topology } from './description.ts';

/** `lab-NAME-HOST`: NAME has no hyphen, so no two labs meet. */
export const namespaceOf = (lab: string, host: string) => `${lab === '' ? 'lab-' : `lab-${lab}-`}${host}`;

/** Lines for `ip -batch`, outside of every namespace: namespaces and veth pairs. */
export function creation(topology: Topology): string[] {
  const machines = Object.entries(topology.machines ?? {});
  return [
    ...Object.keys(topology.hosts).map((host) => `netns add ${namespaceOf(topology.name, host)}`),
    ...topology.links.map((link) => vethPair(topology.name, link)),
    ...machines.flatMap(([name, machine]) => machineCreation(topology.name, name, machine)),
  ];
}

function vethPair(lab: string, { ends: [a, b] }: LinkSpec): string {
  const at = (host: string) => `netns ${namespaceOf(lab, host)}`;
  return `link add name ${a.interface} ${at(a.host)} type veth peer name ${b.interface} ${at(b.host)}`;
}

export function machineCreation(lab: string, name: string, machine: MachineSpec): string[] {
  const namespace = namespaceOf(lab, name);
  const mac = machine.mac === undefined ? '' : ` address ${machine.mac}`;
  return [
    `netns add ${namespace}`,
    `link add name eth0${mac} netns ${namespace} type veth peer name ${machine.interface} netns ${namespaceOf(lab, machine.host)}`,
  ];
}

/** A shell script to run inside a host's namespace once its interfaces are there. */
export function hostScript(topology: Topology, host: string): string {
  const spec = topology.hosts[host];
  const ends = topology.links.flatMap((link) =>
    link.ends.filter((end) => end.host === host).map((end) => ({ ...end, mtu: link.mtu })),
  );
  const taps = Object.values(topology.machines ?? {}).filter((machine) => machine.host === host);
  const interfaces = [...ends.map((end) => end.interface), ...taps.map((machine) => machine.interface)];
  const settings: [string, string][] =
    spec?.forwarding === true
      ? [
          ['ipv4/ip_forward', '1'],
          ['ipv6/conf/all/forwarding', '1'],
        ]
      : [];
  return script(interfaces, settings, [
    'link set dev lo up',
    ...(spec?.loopback ?? []).map((address) => `addr add ${address} dev lo`),
    ...ends.flatMap((end) => [
      ...(end.mtu === undefined ? [] : [`link set dev ${end.interface} mtu ${end.mtu}`]),
      `link set dev ${end.interface} up`,
      ...(end.addresses ?? []).map((address) => `addr add ${address} dev ${end.interface}`),
    ]),
    ...taps.flatMap(hypervisorEnd),
    ...(spec?.routes ?? []).map((route) => `route add ${route.to} via ${route.via}`),
  ]);
}

/** Lines for `ip -batch` in the hypervisor's namespace. */
export function hypervisorEnd(machine: MachineSpec): string[] {
  return [
    ...(machine.mtu === undefined ? [] : [`link set dev ${machine.interface} mtu ${machine.mtu}`]),
    `link set dev ${machine.interface} up`,
  ];
}

/** A shell script to run inside a machine's namespace. */
export function machineScript(machine: MachineSpec): string {
  const has4 = machine.addresses.some((address) => isIPv4(address.split('/')[0] ?? ''));
  const has6 = machine.addresses.some((address) => address.includes(':'));
  const gateways = machine.gateways ?? [...(has4 ? ['169.254.1.1'] : []), ...(has6 ? ['fe80::1'] : [])];
  return script(
    ['eth0'],
    [],
    [
      'link set dev lo up',
      ...(machine.mtu === undefined ? [] : [`link set dev eth0 mtu ${machine.mtu}`]),
      'link set dev eth0 up',
      ...machine.addresses.map((address) => `addr add ${address} dev eth0`),
      ...gateways.flatMap((gateway) => [
        // A gateway is in no prefix of the machine's: addresses are host addresses.
        ...(gateway.startsWith('fe80:') ? [] : [`route add ${gateway} dev eth0`]),
        `route add default via ${gateway} dev eth0`,
      ]),
    ],
  );
}

/** Settings under /proc/sys/net first: duplicate address detection must be off before an interface comes up. */
function script(
  interfaces: readonly string[],
  settings: readonly [string, string][],
  batch: readonly string[],
): string {
  const perInterface = ['all', 'default', ...interfaces].flatMap((name): [string, string][] => [
    [`ipv6/conf/${name}/accept_dad`, '0'],
    [`ipv6/conf/${name}/accept_ra`, '0'],
    [`ipv4/conf/${name}/rp_filter`, '0'],
  ]);
  return [
    'set -e',
    ...[...perInterface, ...settings].map(([path, value]) => `echo ${value} > '/proc/sys/net/${path}'`),
    "ip -batch - <<'END'",
    ...batch,
    'END',
    '',
  ].join('\n');
}
