// What the guard consists of: the sets, counters, chains and rules of its tables, as `nft -j list table` (nftables 1.0.6) prints them, so that
// what is there can be compared with what should be. Pure. What the forwarder changes at run time is in the sets alone, see guard.ts.
import type { Json } from './guard-expressions.ts';
import {
  accept,
  drop,
  equal,
  exceeds,
  field,
  goTo,
  interfaceName,
  ipProtocol,
  isIpv4Fragment,
  isIpv6,
  isIpv6Fragment,
  jump,
  note,
  notrack,
  outgoingName,
  prefix,
  rewrite,
  slaveName,
  unequal,
  withInterface,
} from './guard-expressions.ts';
import {
  GATEWAY_IPV4,
  GRE,
  GRE_DEVICE,
  MPLS_IN_IP,
  MPLS_IN_UDP_PORT,
  PES_DEVICE,
  UDP_DEVICE,
} from './layout.ts';
import { arpAnswersChain } from './multipoint.ts';
import { pathMtuChains } from './path-mtu.ts';

export type GuardTable = 'inet' | 'arp';
export const guardTables: readonly GuardTable[] = ['inet', 'arp'];
export const GUARD_TABLE = 'hostpe';

interface SetShape {
  readonly type: Json;
  readonly flags?: readonly string[];
  /** Type of the values, where it is a map. */
  readonly map?: Json;
  /** Seconds after which an element goes by itself. */
  readonly timeout?: number;
  /** Elements at the most. */
  readonly size?: number;
}

interface TableShape {
  readonly sets: Readonly<Record<string, SetShape>>;
  /** One for each reason to drop. */
  readonly counters: readonly string[];
  readonly chains: Readonly<Record<string, ChainShape>>;
}

interface ChainShape {
  readonly hook?: { readonly hook: string; readonly prio: number };
  /** The expressions of each rule. */
  readonly rules: readonly (readonly Json[])[];
}

/** Before connection tracking and the reassembly that it does, of which the memory is everybody's (NF_IP_PRI_RAW_BEFORE_DEFRAG). */
const beforeTracking = -450;

/** Filled by packets and not by us. As many as any host has interfaces, or their link-local addresses. */
function byPackets(type: Json, timeout: number): SetShape {
  return { type, flags: ['timeout'], timeout, size: 65535 };
}

/**
 * What one machine may have the host answer: gateway, neighbour discovery, ARP. Far above what machines do, far below what a processor takes.
 */
const answers = { rate: 100, per: 'second', burst: 200 } as const;
/**
 * New link-local addresses of one machine. Each costs an entry in the neighbour table of all, of which the kernel, when it is full, frees what is older
 * than 5 s: less than one new in 5 s from each of a thousand machines leaves room.
 */
const newLinkLocals = { rate: 6, per: 'minute', burst: 8 } as const;

/** The table `inet hostpe`: IPv4 and IPv6. */
const inet: TableShape = {
  sets: {
    vrfs: { type: 'ifname' },
    attachments: { type: 'ifname' },
    sources_ipv4: { type: ['ifname', 'ipv4_addr'] },
    sources_ipv6: { type: ['ifname', 'ipv6_addr'] },
    mac_checked: { type: 'ifname' },
    macs: { type: ['ifname', 'ether_addr'] },
    self: { type: 'ipv4_addr' },
    pes: { type: 'ipv4_addr' },
    allowed_pes: { type: 'ipv4_addr', flags: ['interval'] },
    self_ipv6: { type: 'ipv6_addr' },
    pes_ipv6: { type: 'ipv6_addr' },
    allowed_pes_ipv6: { type: 'ipv6_addr', flags: ['interval'] },
    // IP protocols, where the underlay is IPv6.
    ipv6_tunnels: { type: 'inet_proto' },
    sources_to_pes: { type: 'ipv6_addr', map: 'ipv6_addr' },
    vrf_marks: { type: 'ifname', map: 'mark' },
    link_locals: byPackets(['ifname', 'ipv6_addr'], 600),
    new_link_locals: byPackets('ifname', 600),
    answer_rates: byPackets('ifname', 60),
  },
  counters: [
    'source_mac',
    'source_ipv4',
    'source_ipv6',
    'link_local',
    'fragment',
    'tenant_rate',
    'tenant_to_host',
    'bare_mpls',
    'own_address',
    'unknown_pe',
    'outside_vrf',
    'left_vpn',
  ],
  chains: {
    // Before the kernel makes the VRF the packet's interface.
    sources: {
      hook: { hook: 'prerouting', prio: beforeTracking },
      rules: [
        [unequal(interfaceName, '@attachments'), goTo('arriving')],
        // What a machine sends must not fill the host's table of connections.
        [notrack],
        [
          equal(interfaceName, '@mac_checked'),
          unequal(withInterface(field('ether', 'saddr')), '@macs'),
          ...drop('source_mac'),
        ],
        [unequal(withInterface(field('ip', 'saddr')), '@sources_ipv4'), ...drop('source_ipv4')],
        // The kernel puts them together before the input hook, in memory that all share: to the gateway, or to whom everybody is.
        [
          isIpv4Fragment,
          equal(field('ip', 'daddr'), { set: [GATEWAY_IPV4, prefix('224.0.0.0', 3)] }),
          ...drop('fragment'),
        ],
        // Duplicate address detection and the multicast report before it have no address yet (RFC 4862 section 5.4.2, RFC 3590).
        [
          equal(field('ip6', 'saddr'), '::'),
          equal(field('icmpv6', 'type'), { set: ['nd-neighbor-solicit', 'mld2-listener-report'] }),
          accept,
        ],
        // The kernel would look for the neighbour on the interface that the packet came from, and keep an entry for it.
        [
          equal(field('ip6', 'daddr'), prefix('fe80::', 10)),
          unequal({ fib: { result: 'type', flags: ['daddr', 'iif'] } }, 'local'),
          ...drop('link_local'),
        ],
        [equal(field('ip6', 'saddr'), prefix('fe80::', 10)), goTo('link_local')],
        [unequal(withInterface(field('ip6', 'saddr')), '@sources_ipv6'), ...drop('source_ipv6')],
      ],
    },
    // Each machine chooses its own; whoever says so has an entry in the neighbour table.
    link_local: {
      rules: [
        [equal(withInterface(field('ip6', 'saddr')), '@link_locals'), accept],
        [exceeds(newLinkLocals, interfaceName, 'new_link_locals'), ...drop('link_local')],
        [note(withInterface(field('ip6', 'saddr')), 'link_locals')],
      ],
    },
    // A tenant's flows are so many source ports, each a connection in the host's table.
    arriving: {
      rules: [
        [equal(field('ip', 'daddr'), '@self'), equal(field('udp', 'dport'), MPLS_IN_UDP_PORT), notrack],
      ],
    },
    leaving: {
      hook: { hook: 'output', prio: beforeTracking },
      rules: [
        [equal(field('udp', 'dport'), MPLS_IN_UDP_PORT), equal(field('ip', 'saddr'), '@self'), notrack],
        // The kernel gives GRE over IPv6 a source of its own choice, and not that of tunnel_key (net/ipv6/ip6_gre.c).
        [equal(ipProtocol, GRE), rewrite(field('ip6', 'saddr'), field('ip6', 'daddr'), 'sources_to_pes')],
      ],
    },
    tenant: {
      rules: [
        // The kernel has put IPv4's together before; IPv6's it would after.
        [isIpv6Fragment, ...drop('fragment')],
        [equal(field('icmp', 'type'), { set: ['echo-reply', 'echo-request'] }), goTo('answered')],
        [
          equal(field('icmpv6', 'type'), {
            set: [
              'echo-request',
              'echo-reply',
              'nd-router-solicit',
              'nd-neighbor-solicit',
              'nd-neighbor-advert',
            ],
          }),
          goTo('answered'),
        ],
        drop('tenant_to_host'),
      ],
    },
    answered: {
      rules: [
        [equal(interfaceName, '@vrfs'), exceeds(answers, slaveName, 'answer_rates'), ...drop('tenant_rate')],
        [
          equal(interfaceName, '@attachments'),
          exceeds(answers, interfaceName, 'answer_rates'),
          ...drop('tenant_rate'),
        ],
      ],
    },
    tunnel: {
      rules: [
        // Nobody sends it to us: our PEs put GRE or UDP in between.
        [equal(ipProtocol, MPLS_IN_IP), ...drop('bare_mpls')],
        // What the kernel sends to itself for want of a neighbour would be looked up in our own labels, into any VPN.
        [equal(field('ip', 'saddr'), '@self'), ...drop('own_address')],
        [equal(field('ip', 'saddr'), '@pes'), accept],
        [equal(field('ip', 'saddr'), '@allowed_pes'), accept],
        drop('unknown_pe'),
      ],
    },
    // Over IPv6 our device takes what is sent to any address of this host.
    tunnel_ipv6: {
      rules: [
        [unequal(field('ip6', 'daddr'), '@self_ipv6'), ...drop('unknown_pe')],
        [equal(field('ip6', 'saddr'), '@self_ipv6'), ...drop('own_address')],
        [equal(field('ip6', 'saddr'), '@pes_ipv6'), accept],
        [equal(field('ip6', 'saddr'), '@allowed_pes_ipv6'), accept],
        drop('unknown_pe'),
      ],
    },
    input: {
      hook: { hook: 'input', prio: -10 },
      rules: [
        [equal(interfaceName, '@vrfs'), goTo('tenant')],
        // Neighbour discovery keeps the attachment as its interface.
        [equal(interfaceName, '@attachments'), goTo('tenant')],
        // Of our PE address only: tunnels of others on other addresses are none of ours.
        [equal(field('ip', 'daddr'), '@self'), equal(ipProtocol, { set: [GRE, MPLS_IN_IP] }), jump('tunnel')],
        [
          equal(field('ip', 'daddr'), '@self'),
          equal(field('udp', 'dport'), MPLS_IN_UDP_PORT),
          jump('tunnel'),
        ],
        [isIpv6, equal(ipProtocol, '@ipv6_tunnels'), goTo('tunnel_ipv6')],
      ],
    },
    ...pathMtuChains,
    forward: {
      hook: { hook: 'forward', prio: -10 },
      rules: [
        // A packet from inside a VRF has the VRF as its interface here: this machine's has fallen out of it.
        [equal(interfaceName, '@attachments'), ...drop('outside_vrf')],
        // Whatever the VRF's table lacks and the host's tables have.
        [
          equal(interfaceName, '@vrfs'),
          unequal(outgoingName, { set: [GRE_DEVICE, PES_DEVICE, UDP_DEVICE] }),
          unequal(outgoingName, '@attachments'),
          unequal(outgoingName, '@vrfs'),
          ...drop('left_vpn'),
        ],
      ],
    },
  },
};

/** The table `arp hostpe`. */
const arp: TableShape = {
  sets: {
    attachments: { type: 'ifname' },
    sources: { type: ['ifname', 'ipv4_addr'] },
    mac_checked: { type: 'ifname' },
    macs: { type: ['ifname', 'ether_addr'] },
    answer_rates: byPackets('ifname', 60),
    multipoint: { type: 'ifname' },
  },
  counters: ['source_mac', 'source_address', 'tenant_rate'],
  chains: {
    input: {
      hook: { hook: 'input', prio: 0 },
      rules: [
        [unequal(interfaceName, '@attachments'), accept],
        [
          equal(interfaceName, '@mac_checked'),
          unequal(withInterface(field('arp', 'saddr ether')), '@macs'),
          ...drop('source_mac'),
        ],
        [
          // A probe for a duplicate (RFC 5227 section 2.1.1) names no sender and leaves no neighbour entry.
          unequal(field('arp', 'saddr ip'), '0.0.0.0'),
          unequal(withInterface(field('arp', 'saddr ip')), '@sources'),
          ...drop('source_address'),
        ],
        [exceeds(answers, interfaceName, 'answer_rates'), ...drop('tenant_rate')],
      ],
    },
    answers: arpAnswersChain,
  },
};

/** By family. */
export const guardShapes: Readonly<Record<GuardTable, TableShape>> = { inet, arp };
