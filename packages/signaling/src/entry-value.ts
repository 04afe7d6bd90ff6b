// What the entry of a VPN route says, once it is read: the same for every dialect.
import type { IpPrefix } from '@hostpe/net';
import type { Element } from 'ltx';
import type { VpnNexthop } from './messages.ts';

/** What an entry says, whatever its item's id is. */
export class EntryValue {
  readonly prefix: IpPrefix;
  /** No two with the same address and label: as many as the entry has. */
  readonly nexthops: readonly VpnNexthop[];
  readonly sequenceNumber: number | undefined;
  readonly localPreference: number | undefined;

  constructor(
    prefix: IpPrefix,
    nexthops: readonly VpnNexthop[],
    sequenceNumber: number | undefined,
    localPreference: number | undefined,
  ) {
    this.prefix = prefix;
    this.nexthops = nexthops;
    this.sequenceNumber = sequenceNumber;
    this.localPreference = localPreference;
  }
}

/** The value of an entry that a reader read; undefined where it has a tree. */
export function entryValue(entry: Element): EntryValue | undefined {
  const value: unknown = 'value' in entry ? entry.value : undefined;
  return value instanceof EntryValue ? value : undefined;
}
