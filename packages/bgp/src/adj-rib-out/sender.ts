// What one peer is told of the RIB (adj-RIB-out): its place in the change log, what it was told and not been taken back, and the UPDATEs that
// say what is left to say. Pulls: whoever has room asks for the next message, so that a peer that does not read costs nothing. Pure; owns no session.
import type { RouteTarget } from '@hostpe/net';
import type { CodecOptions, VpnFamily } from '../codec/options.ts';
import { encodeEndOfRib, packUpdates, packWithdrawals } from '../codec/pack.ts';
import { BgpError } from '../error.ts';
import type { AttributeSet } from '../loc-rib/attribute-sets.ts';
import type { Rib } from '../loc-rib/rib.ts';
import type { PathAttributes, VpnNlri, Withdrawn } from '../messages.ts';
import type { SourceFacts } from '../rules/export-rules.ts';
import { Told } from './told.ts';

export interface SenderParts {
  readonly rib: Rib;
  /** Of the peer itself: what came from it does not go back to it. */
  readonly source: number;
  readonly codec: CodecOptions;
  readonly families: readonly VpnFamily[];
  /** The attributes that a path has for the peer; undefined: it is not to hear of it. */
  readonly exported: (set: AttributeSet, source: SourceFacts) => PathAttributes | undefined;
  /** Whether the peer asked for a route with one of these targets. */
  readonly wants: (targets: readonly RouteTarget[]) => boolean;
  /** A path that cannot be said to this peer, for the log. */
  readonly unsendable: (reason: string) => void;
}

/** `again`: nothing yet, but there is more to look at. */
export type Next = Uint8Array | 'again' | undefined;

type Routes = Record<VpnFamily, VpnNlri[]>;

/** A set of attributes as the peer is told it, of paths of one source. */
interface Exported {
  readonly set: AttributeSet;
  readonly facts: SourceFacts;
  /** Undefined: not to be said. */
  readonly attributes: PathAttributes | undefined;
  /** Of the batch that is being looked at. */
  routes: Routes | undefined;
}

/** What is announced together. */
interface Group {
  readonly set: AttributeSet;
  readonly attributes: PathAttributes;
  readonly routes: Routes;
}

/** Destinations that are looked at together: enough to fill messages, some milliseconds of work. */
const batch = 4096;
const mostRemembered = 16_384;

export class Sender {
  readonly #parts: SenderParts;
  readonly #reader: ReturnType<Rib['reader']>;
  readonly #told: Told;
  readonly #dests = new Uint32Array(batch);
  /** By set and source. */
  #remembered = new Map<number, Exported>();
  /** To be looked at again, whatever the change log says. */
  readonly #again: Iterator<number>[] = [];
  #messages: Iterator<Uint8Array> = [][Symbol.iterator]();
  /** What is to be sent next, and what when all is said. */
  readonly #first: Uint8Array[] = [];
  readonly #last: { readonly message: Uint8Array; readonly ends?: VpnFamily }[] = [];
  /** Families of which End-of-RIB was said. */
  readonly #ended = new Set<VpnFamily>();

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#reader = parts.rib.reader(parts.codec.addPathSend.length > 0 ? 'all' : 'best');
    this.#told = new Told(parts.codec.addPathSend);
  }

  /** Routes that the peer was told of. */
  get routes(): number {
    return this.#told.size;
  }

  /** End-of-RIB of these families, behind all that there is to say now. */
  endOfRib(families: readonly VpnFamily[]): void {
    for (const family of families) this.#last.push({ message: encodeEndOfRib(family), ends: family });
  }

  /** The peer's interest, or what else decides what it is told, changed for these destinations. Read little by little. */
  look(dests: Iterable<number>): void {
    this.#remembered.clear();
    this.#again.push(dests[Symbol.iterator]());
  }

  /**
   * The whole RIB again (RFC 2918).
   * @param marks what comes before and behind it. Not before End-of-RIB, which all peers would pass over (RFC 7313 section 4): what is said until then is
   * what was asked for.
   */
  refresh(
    family: VpnFamily,
    marks: { readonly begin: Uint8Array; readonly end: Uint8Array } | undefined,
  ): void {
    this.#reader.restart();
    if (marks === undefined || !this.#ended.has(family)) return;
    this.#first.push(marks.begin);
    this.#last.push({ message: marks.end });
  }

  close(): void {
    this.#reader.close();
  }

  next(): Next {
    const message = this.#messages.next();
    if (!message.done) return message.value;
    const first = this.#first.shift();
    if (first !== undefined) return first;
    const again = this.#fillAgain();
    const count = again > 0 ? again : this.#reader.next(batch, this.#dests);
    if (count > 0) {
      this.#look(count, again === 0);
      return 'again';
    }
    const last = this.#last.shift();
    if (last?.ends !== undefined) this.#ended.add(last.ends);
    return last?.message;
  }

  /** The next destinations of those to look at again. @returns how many */
  #fillAgain(): number {
    for (let [again] = this.#again; again !== undefined; [again] = this.#again) {
      let count = 0;
      while (count < batch) {
        const dest = again.next();
        if (dest.done) break;
        this.#dests[count] = dest.value;
        count += 1;
      }
      if (count > 0) return count;
      this.#again.shift();
    }
    return 0;
  }

  /** @param isChanged what the peer was told already is not as it was */
  #look(count: number, isChanged: boolean): void {
    const used: Exported[] = [];
    const withdrawn: Routes = { vpnv4: [], vpnv6: [] };
    for (let at = 0; at < count; at++) this.#lookAt(this.#dests[at] as number, isChanged, used, withdrawn);
    const groups: Group[] = [];
    for (const known of used) {
      const { set, attributes, routes } = known;
      if (attributes !== undefined && routes !== undefined) groups.push({ set, attributes, routes });
      known.routes = undefined;
    }
    this.#messages = this.#pack(groups, withdrawn);
  }

  #lookAt(dest: number, isChanged: boolean, used: Exported[], withdrawn: Routes): void {
    const { rib, families, codec } = this.#parts;
    const family = rib.family(dest);
    if (!families.includes(family)) return;
    // Its turn is still to come.
    if (!isChanged && !this.#reader.hasRead(dest)) return;
    const isAddPath = codec.addPathSend.includes(family);
    const best = rib.best(dest);
    const paths = isAddPath ? rib.pathsOf(dest) : best < 0 ? [] : [best];
    const said: number[] = [];
    let nlri: Omit<VpnNlri, 'label' | 'pathId'> | undefined;
    for (const path of paths) {
      const known = this.#exported(path);
      if (known?.attributes === undefined) continue;
      said.push(isAddPath ? path + 1 : 0);
      if (!isChanged && this.#told.has(dest, isAddPath ? path + 1 : 0)) continue;
      nlri ??= { rd: rib.rd(dest), prefix: rib.prefix(dest) };
      if (known.routes === undefined) {
        known.routes = { vpnv4: [], vpnv6: [] };
        used.push(known);
      }
      const pathId = isAddPath ? path + 1 : undefined;
      known.routes[family].push({ ...nlri, label: rib.label(path), pathId });
    }
    for (const pathId of this.#told.replace(dest, family, said)) {
      nlri ??= { rd: rib.rd(dest), prefix: rib.prefix(dest) };
      withdrawn[family].push({ ...nlri, label: noLabel, pathId: isAddPath ? pathId : undefined });
    }
  }

  #exported(path: number): Exported | undefined {
    const { rib, source: own, wants, exported } = this.#parts;
    const source = rib.source(path);
    if (source === own) return undefined;
    const number = rib.attributeSet(path);
    const set = rib.set(number);
    const facts = rib.sourceFacts(source);
    const key = number * 0x1_0000 + source;
    const known = this.#remembered.get(key);
    if (known !== undefined && known.set === set && known.facts === facts) return known;
    const attributes = wants(set.attributes.routeTargets) ? exported(set, facts) : undefined;
    const made = { set, facts, attributes, routes: undefined };
    if (this.#remembered.size >= mostRemembered) this.#remembered = new Map();
    this.#remembered.set(key, made);
    return made;
  }

  *#pack(groups: readonly Group[], withdrawn: Routes): Generator<Uint8Array> {
    const { codec } = this.#parts;
    for (const family of ['vpnv4', 'vpnv6'] as const) {
      const gone: Withdrawn = { family, routes: withdrawn[family] };
      yield* packWithdrawals(gone, codec);
    }
    for (const { set, attributes, routes } of groups)
      for (const family of ['vpnv4', 'vpnv6'] as const) {
        if (routes[family].length === 0) continue;
        yield* this.#announce(set, attributes, family, routes[family]);
      }
  }

  /** What cannot be said is withdrawn: the peer may have an earlier path of it. */
  *#announce(
    set: AttributeSet,
    attributes: PathAttributes,
    family: VpnFamily,
    routes: readonly VpnNlri[],
  ): Generator<Uint8Array> {
    const { codec, unsendable } = this.#parts;
    try {
      yield* packUpdates(attributes, { family, nexthop: set.nexthop, routes }, codec);
    } catch (error) {
      if (!(error instanceof BgpError) || error.code !== 'unsendable') throw error;
      unsendable(`${family} ${routes[0]?.rd} ${routes[0]?.prefix}: ${error.message}`);
      yield* packWithdrawals({ family, routes }, codec);
    }
  }
}

const noLabel = 0 as VpnNlri['label'];
