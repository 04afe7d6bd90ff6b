// What the running kernel has beyond what every kernel has, found out with iproute2 in a network namespace of its own.
import type { Feature } from '../src/testing/index.ts';
import { ScratchNamespace } from './scratch-namespace.ts';

/** The commands that a kernel with the feature agrees to, one after the other, with a veth device v0 there. */
const proofs: Readonly<Record<Feature, readonly string[]>> = {
  vrf: ['ip link add p type vrf table 10'],
  dummy: ['ip link add p type dummy'],
  bridge: ['ip link add p type bridge'],
  vlan: ['ip link add p link v0 type vlan id 5'],
  gre: ['ip link add p type gre local 192.0.2.1'],
  ip6gre: ['ip link add p type ip6gre local 2001:db8::1'],
  ip6tnl: ['ip link add p type ip6tnl local 2001:db8::1'],
  fou: [
    'ip fou add port 6635 ipproto 137',
    'ip link add p type ipip mode mplsip local 192.0.2.1 encap fou encap-dport 6635',
  ],
  mpls: [
    'sysctl net.mpls.platform_labels=1000',
    'ip -f mpls route add 100 dev v0',
    'ip route add 192.0.2.0/24 encap mpls 100 dev v0',
  ],
  clsact: ['tc qdisc add dev v0 clsact'],
  flower: [
    'tc qdisc add dev v0 clsact',
    'tc filter add dev v0 egress protocol mpls_uc pref 1 flower dst_mac 02:00:00:00:00:01 action tunnel_key set src_ip 192.0.2.1 dst_ip 192.0.2.2 id 0 nocsum action mirred egress redirect dev v0',
  ],
};

/** Needs root. */
export async function kernelFeatures(): Promise<ReadonlySet<Feature>> {
  return new Set((Object.keys(proofs) as Feature[]).filter((feature) => has(proofs[feature])));
}

function has(proof: readonly string[]): boolean {
  const namespace = new ScratchNamespace();
  try {
    namespace.ip('link', 'add', 'v0', 'type', 'veth');
    namespace.ip('link', 'set', 'v0', 'up');
    return proof.every((command) => namespace.agrees(command));
  } finally {
    namespace.remove();
  }
}
