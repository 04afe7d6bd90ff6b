// The guard: nftables tables `inet hostpe` and `arp hostpe` that keep tenants from the host, strangers from the tunnels and machines
// from each other's addresses. Pure: what its sets should hold, and the transactions between that and what they hold.
// Counters live on: only sets change while the tables have the right shape, and tables that are made anew begin with what the old had counted.
import type { IpAddress, IpPrefix } from '@hostpe/net';
import { addressFamily, compareAddresses, prefixAddress, prefixContains, prefixLength } from '@hostpe/net';
import type { DesiredState } from './desired.ts';
import type { Json } from './guard-expressions.ts';
import type { GuardCount } from './guard-ruleset.ts';
import { canonicalTable, guardObjects, guardSets, isRecord, protocolNumber } from './guard-ruleset.ts';
import type { GuardTable } from './guard-tables.ts';
import { GUARD_TABLE, guardTables } from './guard-tables.ts';
import { GRE, isPlainInterfaceName } from './layout.ts';
import { vpnMark } from './path-mtu.ts';

/** Elements by their JSON text. */
type Elements = ReadonlyMap<string, Json>;

/** `inet attachments` to its elements. */
export type GuardSets = ReadonlyMap<string, Elements>;

export interface GuardState {
  /** Each table's canonicalTable. */
  readonly shape: string;
  readonly sets: GuardSets;
  readonly counts: GuardCounts;
}

/** By table, then by counter. */
type GuardCounts = ReadonlyMap<GuardTable, ReadonlyMap<string, GuardCount>>;

/** What the guard is asked for of nft: one transaction. */
export interface Ruleset {
  readonly nftables: readonly Json[];
}

/** Prefixes of an operator's choice. */
const intervalSets: ReadonlySet<string> = new Set(['inet allowed_pes', 'inet allowed_pes_ipv6']);

/** @param pes remote PEs of routes, known and kept. Our own address among them is ignored. */
export function guardSetsOf(desired: DesiredState, pes: Iterable<IpAddress>): GuardSets {
  const sets = new Map<string, Map<string, Json>>();
  for (const table of guardTables) {
    for (const set of guardSets(table)) sets.set(`${table} ${set}`, new Map());
  }
  const add = (set: string, element: Json) => sets.get(set)?.set(JSON.stringify(element), element);
  const { address: self, allowedPes } = desired.underlay;
  const family = addressFamily(self);
  const suffix = family === 'ipv4' ? '' : '_ipv6';
  add(`inet self${suffix}`, self);
  if (family === 'ipv6') add('inet ipv6_tunnels', GRE);
  for (const pe of pes) {
    if (pe === self || addressFamily(pe) !== family) continue;
    add(`inet pes${suffix}`, pe);
    if (family === 'ipv6') add('inet sources_to_pes', [pe, self]);
  }
  const allowed = allowedPes.filter((prefix) => addressFamily(prefix) === family);
  for (const prefix of withoutOverlap(allowed)) add(`inet allowed_pes${suffix}`, prefixElement(prefix));
  for (const vpn of desired.vpns) {
    if (isPlainInterfaceName(vpn.device)) {
      add('inet vrfs', vpn.device);
      add('inet vrf_marks', [vpn.device, vpnMark(vpn)]);
    }
    for (const { interface: name, addresses, mac, multipoint } of vpn.attachments) {
      if (!isPlainInterfaceName(name)) continue;
      if (multipoint === true) add('arp multipoint', name);
      for (const table of guardTables) {
        add(`${table} attachments`, name);
        if (mac === undefined) continue;
        add(`${table} mac_checked`, name);
        add(`${table} macs`, { concat: [name, mac] });
      }
      for (const prefix of addresses) {
        const element = { concat: [name, prefixAddress(prefix)] };
        if (addressFamily(prefix) === 'ipv6') {
          add('inet sources_ipv6', element);
        } else {
          add('inet sources_ipv4', element);
          add('arp sources', element);
        }
      }
    }
  }
  return sets;
}

/** Prefixes of one family without those inside others: an nft interval set takes no overlap. */
function withoutOverlap(prefixes: readonly IpPrefix[]): IpPrefix[] {
  const kept: IpPrefix[] = [];
  const sorted = prefixes.toSorted(
    (a, b) => compareAddresses(prefixAddress(a), prefixAddress(b)) || prefixLength(a) - prefixLength(b),
  );
  for (const prefix of sorted) {
    const last = kept.at(-1);
    if (last === undefined || !prefixContains(last, prefix)) kept.push(prefix);
  }
  return kept;
}

function prefixElement(prefix: IpPrefix): Json {
  const addr = prefixAddress(prefix);
  const len = prefixLength(prefix);
  return len === (addressFamily(prefix) === 'ipv4' ? 32 : 128) ? addr : { prefix: { addr, len } };
}

/** The shape that guardTransaction builds. */
export function guardShape(): string {
  return shapeOf(guardTables.map((table) => guardObjects(table)));
}

function shapeOf(tables: readonly (readonly Json[])[]): string {
  return tables.map(canonicalTable).join('\n');
}

/**
 * @param listings what nft lists for each of guardTables, undefined where there is no such table
 * @returns undefined where a table is missing
 */
export function readGuard(listings: readonly (object | undefined)[]): GuardState | undefined {
  const tables: (readonly Json[])[] = [];
  const sets = new Map<string, Elements>();
  const counts = new Map<GuardTable, Map<string, GuardCount>>();
  for (const [at, table] of guardTables.entries()) {
    const objects = (listings[at] as { readonly nftables?: Json } | undefined)?.nftables;
    if (!Array.isArray(objects)) return undefined;
    tables.push(objects);
    const ours = new Set(guardSets(table));
    const counted = new Map<string, GuardCount>();
    counts.set(table, counted);
    for (const object of objects as readonly Json[]) {
      if (!isRecord(object)) continue;
      const { counter, set = object['map'] } = object;
      if (isRecord(counter)) {
        const { name, packets = 0, bytes = 0 } = counter;
        counted.set(String(name), { packets: Number(packets), bytes: Number(bytes) });
      }
      if (!isRecord(set) || !ours.has(String(set['name']))) continue;
      const elements = Array.isArray(set['elem']) ? (set['elem'] as readonly Json[]) : [];
      sets.set(
        `${table} ${set['name']}`,
        new Map(elements.map(protocolNumber).map((one) => [JSON.stringify(one), one])),
      );
    }
  }
  return { shape: shapeOf(tables), sets, counts };
}

/**
 * Builds both tables from nothing, in one transaction with the deletion of what was there.
 * @param actual the elements of the old tables stay until guardRemovals: what they stand for may still be in the kernel
 */
export function guardRebuild(target: GuardSets, actual: GuardState | undefined): Ruleset {
  const commands: Json[] = [];
  for (const table of guardTables) {
    const named = { table: { family: table, name: GUARD_TABLE } };
    // The first `add` makes that the deletion cannot fail.
    commands.push({ add: named }, { delete: named }, { add: named });
    for (const object of guardObjects(table, actual?.counts.get(table))) commands.push({ add: object });
  }
  const elements = new Map(
    [...target].map(([set, wanted]) => [set, new Map([...(actual?.sets.get(set) ?? []), ...wanted])]),
  );
  // Intervals of old and new could overlap, and none of them stands for an object of ours.
  for (const name of intervalSets) elements.set(name, new Map(target.get(name)));
  return { nftables: [...commands, ...elementCommands('add', elements, new Map())] };
}

/** @returns undefined where nothing is missing */
export function guardAdditions(target: GuardSets, actual: GuardSets): Ruleset | undefined {
  const commands = [
    // Adjacent ones aside, intervals must not overlap even for a moment; prefixes of others' choice need no order.
    ...elementCommands('delete', new Map([...actual].filter(([name]) => intervalSets.has(name))), target),
    ...elementCommands('add', target, actual),
  ];
  return commands.length === 0 ? undefined : { nftables: commands };
}

/** To be run after all that needed the elements is gone. @returns undefined where nothing is left over */
export function guardRemovals(target: GuardSets, actual: GuardSets): Ruleset | undefined {
  const commands = elementCommands('delete', actual, target);
  return commands.length === 0 ? undefined : { nftables: commands };
}

/** The sets after both guardAdditions and, where it was run, guardRemovals. */
export function guardUnion(target: GuardSets, actual: GuardSets): GuardSets {
  return new Map(
    [...target].map(([set, wanted]) => {
      const kept = intervalSets.has(set) ? [] : (actual.get(set) ?? []);
      return [set, new Map([...kept, ...wanted])];
    }),
  );
}

/** The sets after guardRemovals. */
export function guardCommon(target: GuardSets, actual: GuardSets): GuardSets {
  return new Map(
    [...actual].map(([set, elements]) => [
      set,
      new Map([...elements].filter(([key]) => target.get(set)?.has(key) === true)),
    ]),
  );
}

/** One command a set for the elements that `sets` has and `others` has not. */
function elementCommands(op: 'add' | 'delete', sets: GuardSets, others: GuardSets): Json[] {
  return [...sets].flatMap(([name, elements]): Json[] => {
    const [table, set] = name.split(' ') as [GuardTable, string];
    const elem = [...elements]
      .filter(([key]) => others.get(name)?.has(key) !== true)
      .map(([, element]) => element);
    if (elem.length === 0) return [];
    return [{ [op]: { element: { family: table, table: GUARD_TABLE, name: set, elem } } }];
  });
}
