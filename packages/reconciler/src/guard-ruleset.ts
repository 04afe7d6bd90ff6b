// The guard's fixed part: tables, sets, counters, chains and rules, written as `nft -j list table` (nftables 1.0.6) prints them, so that
// what is there can be compared with what should be. Pure. What changes at run time is in the sets alone, see guard.ts.
import { GRE, GRE_DEVICE, MPLS_IN_IP, UDP_DEVICE } from './layout.ts';

/** A value of nft's JSON. */
export type Json = string | number | null | readonly Json[] | { readonly [key: string]: Json };

export type GuardTable = 'inet' | 'arp';
export const guardTables: readonly GuardTable[] = ['inet', 'arp'];
export const GUARD_TABLE = 'hostpe';

interface TableShape {
  /** Name to type, and flags where it has any. */
  readonly sets: Readonly<Record<string, { readonly type: Json; readonly flags?: Json }>>;
  /** One for each reason to drop. */
  readonly counters: readonly string[];
  readonly chains: Readonly<Record<string, ChainShape>>;
}

interface ChainShape {
  readonly hook?: { readonly hook: string; readonly prio: number };
  /** The expressions of each rule. */
  readonly rules: readonly (readonly Json[])[];
}

const accept: Json = { accept: null };
const interfaceName: Json = { meta: { key: 'iifname' } };
const outgoingName: Json = { meta: { key: 'oifname' } };

function field(protocol: string, name: string): Json {
  return { payload: { protocol, field: name } };
}

function equal(left: Json, right: Json): Json {
  return { match: { op: '==', left, right } };
}

function unequal(left: Json, right: Json): Json {
  return { match: { op: '!=', left, right } };
}

/** True where the interface together with the field is not in the set. */
function notOfInterface(value: Json, set: string): Json {
  return unequal({ concat: [interfaceName, value] }, `@${set}`);
}

function drop(counter: string): readonly Json[] {
  return [{ counter }, { drop: null }];
}

function jump(chain: string): Json {
  return { jump: { target: chain } };
}

const shape: Readonly<Record<GuardTable, TableShape>> = {
  inet: {
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
    },
    counters: [
      'source_mac',
      'source_ipv4',
      'source_ipv6',
      'tenant_to_host',
      'bare_mpls',
      'own_address',
      'unknown_pe',
      'outside_vrf',
      'left_vpn',
    ],
    chains: {
      // Sources: before connection tracking, and before the kernel makes the VRF the packet's interface.
      sources: {
        hook: { hook: 'prerouting', prio: -300 },
        rules: [
          [unequal(interfaceName, '@attachments'), accept],
          [
            equal(interfaceName, '@mac_checked'),
            notOfInterface(field('ether', 'saddr'), 'macs'),
            ...drop('source_mac'),
          ],
          [notOfInterface(field('ip', 'saddr'), 'sources_ipv4'), ...drop('source_ipv4')],
          // Duplicate address detection and the multicast report before it have no address yet (RFC 4862 section 5.4.2, RFC 3590).
          [
            equal(field('ip6', 'saddr'), '::'),
            equal(field('icmpv6', 'type'), { set: ['nd-neighbor-solicit', 'mld2-listener-report'] }),
            accept,
          ],
          [equal(field('ip6', 'saddr'), { prefix: { addr: 'fe80::', len: 10 } }), accept],
          [notOfInterface(field('ip6', 'saddr'), 'sources_ipv6'), ...drop('source_ipv6')],
        ],
      },
      tenant: {
        rules: [
          [equal(field('icmp', 'type'), { set: ['echo-reply', 'echo-request'] }), accept],
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
            accept,
          ],
          drop('tenant_to_host'),
        ],
      },
      tunnel: {
        rules: [
          // Nobody sends it to us: our PEs put GRE or UDP in between.
          [equal({ meta: { key: 'l4proto' } }, MPLS_IN_IP), ...drop('bare_mpls')],
          // What the kernel sends to itself for want of a neighbour would be looked up in our own labels, into any VPN.
          [equal(field('ip', 'saddr'), '@self'), ...drop('own_address')],
          [equal(field('ip', 'saddr'), '@pes'), accept],
          [equal(field('ip', 'saddr'), '@allowed_pes'), accept],
          drop('unknown_pe'),
        ],
      },
      input: {
        hook: { hook: 'input', prio: -10 },
        rules: [
          [equal(interfaceName, '@vrfs'), jump('tenant')],
          // Neighbour discovery keeps the attachment as its interface.
          [equal(interfaceName, '@attachments'), jump('tenant')],
          // Of our PE address only: tunnels of others on other addresses are none of ours.
          [
            equal(field('ip', 'daddr'), '@self'),
            equal({ meta: { key: 'l4proto' } }, { set: [GRE, MPLS_IN_IP] }),
            jump('tunnel'),
          ],
          [equal(field('ip', 'daddr'), '@self'), equal(field('udp', 'dport'), 6635), jump('tunnel')],
        ],
      },
      forward: {
        hook: { hook: 'forward', prio: -10 },
        rules: [
          // A packet from inside a VRF has the VRF as its interface here: this machine's has fallen out of it.
          [equal(interfaceName, '@attachments'), ...drop('outside_vrf')],
          // Whatever the VRF's table lacks and the host's tables have.
          [
            equal(interfaceName, '@vrfs'),
            unequal(outgoingName, { set: [GRE_DEVICE, UDP_DEVICE] }),
            unequal(outgoingName, '@attachments'),
            unequal(outgoingName, '@vrfs'),
            ...drop('left_vpn'),
          ],
        ],
      },
    },
  },
  arp: {
    sets: {
      attachments: { type: 'ifname' },
      sources: { type: ['ifname', 'ipv4_addr'] },
      mac_checked: { type: 'ifname' },
      macs: { type: ['ifname', 'ether_addr'] },
    },
    counters: ['source_mac', 'source_address'],
    chains: {
      input: {
        hook: { hook: 'input', prio: 0 },
        rules: [
          [unequal(interfaceName, '@attachments'), accept],
          [
            equal(interfaceName, '@mac_checked'),
            notOfInterface(field('arp', 'saddr ether'), 'macs'),
            ...drop('source_mac'),
          ],
          // A probe for a duplicate (RFC 5227 section 2.1.1) names no sender and leaves no neighbour entry.
          [equal(field('arp', 'saddr ip'), '0.0.0.0'), accept],
          [notOfInterface(field('arp', 'saddr ip'), 'sources'), ...drop('source_address')],
        ],
      },
    },
  },
};

/** The names of a table's sets. */
export function guardSets(table: GuardTable): string[] {
  return Object.keys(shape[table].sets);
}

/** A table with empty sets, as objects of nft's JSON schema in the order in which they can be added. */
export function guardObjects(table: GuardTable): Json[] {
  const { sets, counters, chains } = shape[table];
  const at = { family: table, table: GUARD_TABLE };
  const entries = Object.entries(chains);
  return [
    ...counters.map((name): Json => ({ counter: { ...at, name } })),
    ...Object.entries(sets).map(([name, set]): Json => ({ set: { ...at, name, ...set } })),
    ...entries.map(
      ([name, { hook }]): Json => ({
        chain: { ...at, name, ...(hook === undefined ? {} : { type: 'filter', ...hook, policy: 'accept' }) },
      }),
    ),
    ...entries.flatMap(([chain, { rules }]) => rules.map((expr): Json => ({ rule: { ...at, chain, expr } }))),
  ];
}

// Where /etc/protocols has a name (Debian's netbase), nft prints it; where it has not, nft knows the number only.
const protocolNumbers: Readonly<Record<string, number>> = { gre: GRE, 'mpls-in-ip': MPLS_IN_IP };

/**
 * A text that is equal for equal tables, whatever the order of their objects, handles, counts and elements. Rules keep their order.
 * @param objects of one table, as guardObjects or nft gives them
 */
export function canonicalTable(objects: readonly Json[]): string {
  const rules = new Map<string, Json[]>();
  const others: string[] = [];
  for (const object of objects) {
    if (!isRecord(object)) continue;
    const [kind = '', body] = Object.entries(object)[0] ?? [];
    if (kind === 'metainfo' || kind === 'table' || !isRecord(body)) continue;
    const { handle: _handle, packets: _packets, bytes: _bytes, elem: _elem, ...rest } = body;
    if (kind === 'rule') {
      const chain = String(rest['chain']);
      rules.set(chain, [...(rules.get(chain) ?? []), canonicalValue(rest)]);
    } else {
      others.push(JSON.stringify({ [kind]: canonicalValue(rest) }));
    }
  }
  return JSON.stringify([others.sort(), [...rules].sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function canonicalValue(value: Json): Json {
  if (typeof value === 'string') return protocolNumbers[value] ?? value;
  if (isArray(value)) return value.map(canonicalValue);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, Json] => {
    const canonical = canonicalValue(inner);
    // An anonymous set has no order.
    if (key !== 'set' || !isArray(canonical)) return [key, canonical];
    return [key, canonical.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Narrows nft's JSON to an object. */
export function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
