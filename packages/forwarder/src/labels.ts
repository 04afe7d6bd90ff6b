// Which local label leads to which attachment: adopted ones first, then round the range from a random place, none again before its quarantine is over.
// Owns numbers only: the label routes are the reconciler's; keeps nothing over a restart. Times are milliseconds.
//
// A quarantine alone is not enough: while a session is down, the route server and remote PEs go on using a freed label for longer than any
// quarantine, and a restart forgets all quarantines. A label that came back then would lead packets of one VPN to a machine of another.
// So a freed label comes last: after the whole rest of the range, or, after a restart, by an unlikely draw from about a million.
// Source: draft-ietf-l3vpn-end-system-06 section 5 (labels are the forwarder's, a label names a virtual interface).
import type { Label } from '@hostpe/net';
import { parseLabel } from '@hostpe/net';
import { ForwarderError } from './errors.ts';

export interface LabelRange {
  readonly first: number;
  readonly last: number;
}

/** Labels below 1000 are left to what else runs on the host: FRR and BIRD count from 16. */
export const defaultLabelRange: LabelRange = { first: 1000, last: 1048574 };

export class LabelAllocator {
  readonly #range: LabelRange;
  readonly #quarantine: number;
  readonly #now: () => number;
  readonly #labels = new Map<string, Label>();
  readonly #owners = new Map<Label, string>();
  /** Label to the time at which it may be used again, oldest first. */
  readonly #quarantined = new Map<Label, number>();
  /** Where the search for the next label begins: behind the last one allocated. */
  #next: number;

  /**
   * @param quarantine how long a freed label rests at the least, also when the whole range is in use: a remote PE may go on using it until it has
   * seen the withdrawal.
   * @param random from 0 to below 1, asked once: where in the range allocation begins, so that a process does not hand out what those before it freed.
   */
  constructor(range: LabelRange, quarantine: number, now: () => number, random: () => number) {
    this.#range = range;
    this.#quarantine = quarantine;
    this.#now = now;
    this.#next = range.first + Math.floor(random() * (range.last - range.first + 1));
  }

  /**
   * Takes over what the kernel has, also outside the range.
   * @returns false where the owner has a label or the label an owner already; nothing changes then.
   */
  adopt(owner: string, label: Label): boolean {
    if (this.#labels.has(owner) || this.#owners.has(label)) return false;
    this.#quarantined.delete(label);
    this.#labels.set(owner, label);
    this.#owners.set(label, owner);
    return true;
  }

  /** Keeps a label without an owner away from use, as if it were freed now. */
  rest(label: Label): void {
    if (this.#owners.has(label)) return;
    this.#quarantined.delete(label);
    this.#quarantined.set(label, this.#now() + this.#quarantine);
  }

  /** The owner's label; if it has none, the next free one behind the last allocated, round the range. @throws ForwarderError `labels-exhausted` */
  allocate(owner: string): Label {
    const present = this.#labels.get(owner);
    if (present !== undefined) return present;
    this.#endQuarantines();
    const { first, last } = this.#range;
    for (let looked = first; looked <= last; looked++) {
      const label = parseLabel(this.#next);
      this.#next = this.#next === last ? first : this.#next + 1;
      if (this.#owners.has(label) || this.#quarantined.has(label)) continue;
      this.#labels.set(owner, label);
      this.#owners.set(label, owner);
      return label;
    }
    throw new ForwarderError(
      'labels-exhausted',
      `${owner}: no label is left between ${first} and ${last} (${this.#owners.size} in use, ${this.#quarantined.size} at rest after their release)`,
    );
  }

  /** Frees the owner's label; its quarantine begins. */
  release(owner: string): void {
    const label = this.#labels.get(owner);
    if (label === undefined) return;
    this.#labels.delete(owner);
    this.#owners.delete(label);
    this.rest(label);
  }

  ownerOf(label: Label): string | undefined {
    return this.#owners.get(label);
  }

  #endQuarantines(): void {
    const now = this.#now();
    for (const [label, until] of this.#quarantined) {
      if (until > now) return;
      this.#quarantined.delete(label);
    }
  }
}
