// The guard's tables as objects of nft's JSON schema, and whether tables that nft lists are the same. Pure. What is in the tables:
// guard-tables.ts.
import type { Json } from './guard-expressions.ts';
import type { GuardTable } from './guard-tables.ts';
import { GUARD_TABLE, guardShapes } from './guard-tables.ts';
import { GRE, MPLS_IN_IP } from './layout.ts';

/** What a counter has counted. A type and no interface, as it is part of nft's JSON. */
export type GuardCount = { readonly packets: number; readonly bytes: number };

/** The names of the sets of a table whose elements are ours; packets fill the others. */
export function guardSets(table: GuardTable): string[] {
  return Object.entries(guardShapes[table].sets)
    .filter(([, { timeout }]) => timeout === undefined)
    .map(([name]) => name);
}

/**
 * A table with empty sets, as objects of nft's JSON schema in the order in which they can be added.
 * @param counts what its counters begin with, by name
 */
export function guardObjects(table: GuardTable, counts: ReadonlyMap<string, GuardCount> = new Map()): Json[] {
  const { sets, counters, chains } = guardShapes[table];
  const at = { family: table, table: GUARD_TABLE };
  const entries = Object.entries(chains);
  return [
    ...counters.map((name): Json => ({ counter: { ...at, name, ...counts.get(name) } })),
    ...Object.entries(sets).map(
      ([name, set]): Json => ({ [set.map === undefined ? 'set' : 'map']: { ...at, name, ...set } }),
    ),
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

/** The number of an IP protocol that nft printed as a name; anything else as it is. */
export function protocolNumber(value: Json): Json {
  return typeof value === 'string' ? (protocolNumbers[value] ?? value) : value;
}

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
  if (typeof value === 'string') return protocolNumber(value);
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
