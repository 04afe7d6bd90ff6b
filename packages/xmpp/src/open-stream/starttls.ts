// STARTTLS of open streams (RFC 6120 section 5), demanded or not there at all: what both ends say of it, and how an end knows that
// nothing was slipped in between the plaintext and TLS. Pure.
import { NS_STREAM, NS_TLS } from '../namespaces.ts';

/** With its own declarations, as Contrail's control node writes it. */
export const STARTTLS_REQUIRED = `<stream:features xmlns:stream="${NS_STREAM}"><starttls xmlns="${NS_TLS}"><required/></starttls></stream:features>`;
export const STARTTLS = `<starttls xmlns="${NS_TLS}"/>`;
export const PROCEED = `<proceed xmlns="${NS_TLS}"/>`;

const LONGEST = 512;

/** The last words in plaintext, which were read as they came. */
export class PlaintextEnd {
  #end = '';

  /** The next bytes that came. */
  read(bytes: Buffer): void {
    this.#end = (this.#end + bytes.toString('latin1', Math.max(0, bytes.length - LONGEST))).slice(-LONGEST);
  }

  /** Whether nothing came behind the element. */
  isWith(name: 'starttls' | 'proceed'): boolean {
    const tag = `(?:[^\\s<>/:]+:)?${name}`;
    return new RegExp(`<${tag}(?:\\s[^<>]*)?(?:/>|></${tag}\\s*>)\\s*$`).test(this.#end);
  }
}
