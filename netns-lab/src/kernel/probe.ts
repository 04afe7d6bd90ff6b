/**
 * What the running kernel can do of what hostpe needs. Tries each feature in a network namespace of its own, which is
 * gone afterwards; loads the modules that this takes, changes nothing else.
 */
import { execa } from 'execa';

export interface Feature {
  readonly name: string;
  readonly present: boolean;
  /** For an absent one: what the kernel or the tool said. */
  readonly reason: string;
  /** For an absent one: how to get it. */
  readonly remedy: string;
}

interface Trial {
  readonly name: string;
  readonly modules: string;
  /** Shell, in a fresh network namespace with an interface d0 that is up and has 192.0.2.1/24. */
  readonly script: string;
}

const TRIALS: readonly Trial[] = [
  { name: 'dummy', modules: 'dummy', script: 'ip link add d1 type dummy' },
  { name: 'veth', modules: 'veth', script: 'ip link add v1 type veth peer name v2' },
  { name: 'vrf', modules: 'vrf', script: 'ip link add v0 type vrf table 4242' },
  {
    name: 'mpls_router',
    modules: 'mpls_router',
    script: 'sysctl -qw net.mpls.platform_labels=1000 && ip -f mpls route add 500 via inet 192.0.2.2 dev d0',
  },
  {
    name: 'mpls_iptunnel',
    modules: 'mpls_iptunnel',
    script: 'ip route add 198.51.100.0/24 encap mpls 500 via inet 192.0.2.2 dev d0',
  },
  { name: 'gre', modules: 'ip_gre', script: 'ip link add g0 type gre local 192.0.2.1' },
  {
    name: 'ipip-fou',
    modules: 'ipip fou',
    script:
      'ip fou add port 6635 ipproto 137 && ip link add i0 type ipip mode mplsip local 192.0.2.1 encap fou encap-sport auto encap-dport 6635',
  },
  { name: 'nexthop', modules: '', script: 'ip nexthop add id 1 via 192.0.2.2 dev d0' },
  {
    name: 'flower-tunnel-key',
    modules: 'cls_flower act_tunnel_key act_mirred',
    script:
      'tc qdisc add dev d0 clsact && tc filter add dev d0 egress protocol mpls_uc flower dst_mac 02:00:00:00:00:01 action tunnel_key set src_ip 192.0.2.1 dst_ip 192.0.2.2 id 0 action mirred egress redirect dev d0',
  },
  { name: 'nftables', modules: 'nf_tables', script: 'nft add table inet probe' },
];

/** All features, in one order. Without root no feature can be tried: all are absent, for that reason. */
export async function probeKernel(): Promise<readonly Feature[]> {
  const script = [
    'ip link add d0 type veth peer name d9 && ip link set d9 up',
    'ip addr add 192.0.2.1/24 dev d0 && ip link set d0 up',
    ...TRIALS.map(
      ({ name, modules, script }) =>
        `${modules === '' ? '' : `modprobe -aq ${modules}; `}reason=$({ ${script}; } 2>&1) && echo ${name}: || echo ${name}: no: $reason`,
    ),
  ].join('\n');
  // mpls_router is loaded by nobody else: the kernel has no alias for it.
  const env = { LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  const result = await execa(
    'unshare',
    ['--net', '--mount', 'sh', '-c', `mount -t sysfs none /sys\n${script}`],
    { env, reject: false },
  );
  return TRIALS.map(({ name, modules }) => {
    const line = result.stdout?.split('\n').find((candidate) => candidate.startsWith(`${name}:`));
    const present = line === `${name}:`;
    const reason =
      line?.replace(/^[^:]*: no: ?/, '') ??
      (result.stderr?.trim().split('\n')[0] || result.shortMessage || '');
    return { name, present, reason: present ? '' : reason, remedy: present ? '' : remedy(name, modules) };
  });
}

function remedy(name: string, modules: string): string {
  if (process.getuid?.() !== 0) return 'only root can try it: sudo netns-lab probe';
  if (modules === '') return `a kernel from 5.3 on has it; 'netns-lab run' boots one`;
  return `modprobe -a ${modules}, of a stock Debian kernel (apt-get install linux-image-amd64); 'netns-lab run' boots one`.replace(
    'modprobe',
    name === 'nftables' ? 'apt-get install nftables; modprobe' : 'modprobe',
  );
}
