// A subscriber's place in a VPN's table: what it is told next, and whether what is withdrawn is news to it. Pure; changes no route.
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import { Entry, type Link } from './table-list.ts';

/** What a subscriber is told at once: no prefix is in both. */
export interface TableSegment {
  readonly routes: readonly VpnRoute[];
  readonly withdrawn: readonly IpPrefix[];
}

interface TableReaderOptions {
  readonly marker: Link;
  readonly end: Link;
  readonly lastChange: () => number;
  readonly onPassed: (entries: number) => void;
  readonly onRestart: () => void;
  readonly onClose: () => void;
}

/** A subscriber's place in a table. */
export class TableReader {
  readonly #options: TableReaderOptions;
  /** The change that it heard last. */
  #heard = 0;
  /** It heard all up to this change before it began anew. */
  #heardBefore = 0;
  /** The last change when it began: of what was withdrawn by then it has heard only before. */
  #begun: number;
  /**
   * How far it was (`heard`) when how many changes there were, after each of its reads; both ascending. Of what is withdrawn it tells whether the reader
   * can have heard of it. What is of no more use is not kept: all that is before `#past`.
   */
  #reads: { readonly changes: number; readonly heard: number }[];
  #past = 0;

  constructor(options: TableReaderOptions) {
    this.#options = options;
    this.#begun = options.lastChange();
    this.#reads = [{ changes: this.#begun, heard: 0 }];
  }

  /**
   * What comes next; undefined when there is nothing more.
   * @param most of a segment, as `sizeOf` counts; one route alone may be larger. Where segments end depends on the order of changes more than on where the reader
   * began, so that readers that are not far apart get the same ones.
   */
  next(most: number): TableSegment | undefined {
    const routes: VpnRoute[] = [];
    const withdrawn: IpPrefix[] = [];
    const mark = Math.max(1, most >> 1);
    let size = 0;
    let passed = 0;
    let link = this.#options.marker.next;
    for (; link !== this.#options.end; link = link.next) {
      if (!(link instanceof Entry)) continue;
      const { announced, prefix, change } = link as Entry<object>;
      if (size > 0 && size + (announced === undefined ? 1 : sizeOf(announced)) > most) break;
      if (size >= mark && blockOf(change, mark) > blockOf(this.#heard, mark)) break;
      passed += 1;
      this.#heard = change;
      if (announced !== undefined) {
        routes.push(announced);
        size += sizeOf(announced);
      } else if (this.#isNews(link as Entry<object>)) {
        withdrawn.push(prefix);
        size += 1;
      }
    }
    if (passed === 0) return undefined;
    const { marker, onPassed } = this.#options;
    marker.unlink();
    marker.insertBefore(link);
    this.#remember();
    onPassed(passed);
    return size === 0 ? undefined : { routes, withdrawn };
  }

  /** It is to hear all again. */
  restart(): void {
    const { marker, end, lastChange, onRestart } = this.#options;
    marker.unlink();
    marker.insertBefore(end.next);
    this.#heardBefore = Math.max(this.#heardBefore, this.#heard);
    this.#heard = 0;
    this.#begun = lastChange();
    this.#reads = [{ changes: this.#begun, heard: 0 }];
    this.#past = 0;
    onRestart();
  }

  close(): void {
    this.#options.marker.unlink();
    this.#options.onClose();
  }

  /**
   * Whether the reader may have heard of a prefix that is withdrawn. Not where the prefix was new and gone again while the reader was before it. It may be told of one
   * that it has not heard of: where that changed, and then went, both times ahead of it.
   */
  #isNews({ change, since }: Entry<object>): boolean {
    if (change <= this.#heardBefore) return false;
    if (change <= this.#begun) return since <= this.#heardBefore;
    for (let next = this.#reads[this.#past + 1]; next !== undefined && next.changes < change; ) {
      this.#past += 1;
      next = this.#reads[this.#past + 1];
    }
    return since <= Math.max(this.#heardBefore, this.#reads[this.#past]?.heard ?? 0);
  }

  #remember(): void {
    const changes = this.#options.lastChange();
    if (this.#reads.at(-1)?.changes === changes) this.#reads.pop();
    this.#reads.push({ changes, heard: this.#heard });
    // What it has heard of is of use no more, and nobody waits while half of many is moved.
    const isAtEnd = this.#heard === changes;
    const past = isAtEnd ? this.#reads.length - 1 : Math.min(this.#past, this.#reads.length - 1);
    const isWorthwhile = isAtEnd || past > this.#reads.length >> 1;
    if (isWorthwhile) this.#reads.splice(0, past);
    this.#past = isWorthwhile ? 0 : past;
  }
}

/** Changes begin at 1. */
const blockOf = (change: number, size: number): number => Math.floor((change - 1) / size);

/** How much of a segment a route is: as much as it has next-hops, and one more. */
export function sizeOf(route: VpnRoute): number {
  return 1 + route.nexthops.length;
}
