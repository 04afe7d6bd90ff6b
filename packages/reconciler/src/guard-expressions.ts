// What rules of nftables are written with: matches and statements of libnftables-json(5), in the form in which nft 1.0.6 lists them. Pure.
// Knows no tables.

/** A value of nft's JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export const accept: Json = { accept: null };
/** Connection tracking does not see the packet. */
export const notrack: Json = { notrack: null };
export const interfaceName: Json = { meta: { key: 'iifname' } };
export const outgoingName: Json = { meta: { key: 'oifname' } };
/** Where a VRF has become the packet's interface: which of its interfaces the packet came in by. */
export const slaveName: Json = { meta: { key: 'sdifname' } };
export const ipProtocol: Json = { meta: { key: 'l4proto' } };
export const isIpv6: Json = equal({ meta: { key: 'nfproto' } }, 'ipv6');
/** True of an IPv6 packet with a fragment header. */
export const isIpv6Fragment: Json = equal({ exthdr: { name: 'frag' } }, true);
/** True of an IPv4 packet that is not whole: an offset, or more to come (RFC 791 section 3.1). */
export const isIpv4Fragment: Json = unequal({ '&': [field('ip', 'frag-off'), 0x3fff] }, 0);

export function field(protocol: string, name: string): Json {
  return { payload: { protocol, field: name } };
}

export function prefix(addr: string, len: number): Json {
  return { prefix: { addr, len } };
}

export function equal(left: Json, right: Json): Json {
  return { match: { op: '==', left, right } };
}

export function unequal(left: Json, right: Json): Json {
  return { match: { op: '!=', left, right } };
}

/** The interface together with a field. */
export function withInterface(value: Json): Json {
  return { concat: [interfaceName, value] };
}

export function drop(counter: string): readonly Json[] {
  return [{ counter }, { drop: null }];
}

export function jump(chain: string): Json {
  return { jump: { target: chain } };
}

/** The packet gets no further than the chain and what the hook does by default. */
export function goTo(chain: string): Json {
  return { goto: { target: chain } };
}

interface Rate {
  /** Packets. */
  readonly rate: number;
  readonly per: 'second' | 'minute';
  readonly burst: number;
}

/** True where packets of the same key come faster than that. @param set dynamic; a bucket for each key */
export function exceeds({ rate, per, burst }: Rate, key: Json, set: string): Json {
  return {
    set: { op: 'update', elem: key, set: `@${set}`, stmt: [{ limit: { rate, burst, per, inv: true } }] },
  };
}

/** Puts a key into a dynamic set. */
export function note(key: Json, set: string): Json {
  return { set: { op: 'add', elem: key, set: `@${set}` } };
}

/** Overwrites a field with what a map has for `key`; a key that it has not leaves the packet as it is. */
export function rewrite(what: Json, key: Json, map: string): Json {
  return { mangle: { key: what, value: { map: { key, data: `@${map}` } } } };
}
