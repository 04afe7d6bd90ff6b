// Messages that iproute2 6.1 sends, as seen by strace, with the request or the object that each means.
// Devices of those that came first: d0 3, hostpe-gre 2, v0 5, red 4, v1 7, hostpe-fou 6.
import type { KernelObject, Request } from '../../src/index.ts';

/** Our message is the same. */
export type Same = readonly (readonly [command: string, hex: string, request: Request])[];

/** Defaults spelled out that we leave to the kernel, another order inside of a nest, or a field in the header instead of an attribute. */
export type Alike = readonly (readonly [command: string, hex: string, object: KernelObject])[];

/**
 * Our message is the same but for these attributes: `theirs NAME HEX` that ours has not, `ours NAME HEX` that theirs has not. Zeros that
 * theirs spells out and that are the kernel's defaults are not listed, nor is the zero at the end of a kind's name.
 */
export type Near = readonly (readonly [
  command: string,
  hex: string,
  request: Request,
  differences: readonly string[],
])[];

/** Whole datagrams. */
export type Answers = readonly (readonly [what: string, hex: string, objects: readonly KernelObject[]])[];

/** No object says it. */
export type Unsaid = readonly (readonly [command: string, hex: string])[];

export function request(op: Request['op'], object: KernelObject): Request {
  return { op, object };
}

/** @param hex what no codec of ours reads: the attributes of another tunnel, for example. */
export function octets(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}
