// Which connections that have not authenticated yet may stay: so many of one address, so many in all. Where all places are taken,
// the address that has most of them gives its oldest, so that no single address keeps others out. Owns no sockets and no timers.
import { isIPv6 } from 'node:net';
import type { Log } from '../log.ts';

/** Of connections that have not authenticated yet. */
export interface AdmissionLimits {
  /** All together; where there are more, the oldest of the address that has most is dropped. Default 1000. */
  readonly maxUnauthenticated: number;
  /** Of one IPv4 address, or one IPv6 network of 64 bits; more are refused. Default 20. */
  readonly maxUnauthenticatedPerAddress: number;
}

interface Guest {
  readonly drop: () => void;
}

interface Source {
  /** Oldest first. */
  readonly guests: Set<Guest>;
  /** The log has it: a flood of connections is none of lines. */
  told: boolean;
}

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #log: Log;
  readonly #sources = new Map<string, Source>();
  #count = 0;

  constructor(limits: AdmissionLimits, log: Log) {
    this.#limits = limits;
    this.#log = log;
  }

  /**
   * Asks for a place. `drop` is called where the place is needed for another; nothing has to be released then.
   * @returns what gives the place back, once the connection has authenticated or is gone; undefined where the address has too many.
   */
  admit(remoteAddress: string, drop: () => void): (() => void) | undefined {
    const name = sourceOf(remoteAddress);
    const { maxUnauthenticated, maxUnauthenticatedPerAddress } = this.#limits;
    const former = this.#sources.get(name);
    if (former !== undefined && former.guests.size >= maxUnauthenticatedPerAddress) {
      this.#tell(name, former, 'others of it are refused until some have authenticated or are gone');
      return undefined;
    }
    if (this.#count >= maxUnauthenticated) this.#makeRoom();
    const source = this.#sources.get(name) ?? { guests: new Set(), told: false };
    const guest = { drop };
    source.guests.add(guest);
    this.#sources.set(name, source);
    this.#count += 1;
    return () => this.#remove(name, guest);
  }

  #makeRoom(): void {
    let most: [string, Source] | undefined;
    for (const entry of this.#sources)
      if (most === undefined || entry[1].guests.size > most[1].guests.size) most = entry;
    if (most === undefined) return;
    const [name, source] = most;
    const [oldest] = source.guests;
    if (oldest === undefined) return;
    this.#tell(name, source, 'its oldest are dropped to make room for others');
    this.#remove(name, oldest);
    oldest.drop();
  }

  #tell(name: string, source: Source, consequence: string): void {
    if (source.told) return;
    source.told = true;
    const facts = { remoteAddress: name, connections: source.guests.size };
    this.#log.warn(
      facts,
      `XMPP: too many connections of ${name} that have not authenticated: ${consequence}`,
    );
  }

  #remove(name: string, guest: Guest): void {
    const source = this.#sources.get(name);
    if (!source?.guests.delete(guest)) return;
    this.#count -= 1;
    if (source.guests.size === 0) this.#sources.delete(name);
  }
}

/** What counts as one address: an IPv4 address, also one in an IPv6 socket; of IPv6 the network of 64 bits, which is one host's. */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.toLowerCase().replace(/%.*$/, '').split('::');
  const [front, back] = [groups(head), groups(tail)];
  const zeros = Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  const all = address.includes('::') ? [...front, ...zeros, ...back] : front;
  return all.slice(0, 4).join(':');
}

/** An IPv4 address at the end stands for two groups. */
function groups(text: string): string[] {
  if (text === '') return [];
  return text
    .split(':')
    .flatMap((group) => (group.includes('.') ? ['v4', 'v4'] : [group.replace(/^0+(?=.)/, '')]));
}
