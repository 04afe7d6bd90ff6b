// The actions of the one filter that VPN traffic needs: tunnel_key names the tunnel's ends, mirred redirects (TCA_ACT_* of
// linux/pkt_cls.h, tc_act/tc_tunnel_key.h, tc_act/tc_mirred.h).
import type { IpAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import { AttributeTable, type Format } from '../wire/attributes.ts';
import { be32, ignored, ip, kept, keptUnlessZero, nest, text, u8 } from '../wire/formats.ts';
import type { Payload } from '../wire/reader.ts';
import type { MessageWriter } from '../wire/writer.ts';

/** struct tc_gen: index, capab, action, refcnt, bindcnt. */
const genericLength = 20;
const verdictAt = 8;
/** TC_ACT_* */
const verdict = { pipe: 3, stolen: 4 } as const;
/** TCA_TUNNEL_KEY_ACT_SET */
const tunnelKeySet = 1;
/** TCA_EGRESS_REDIR */
const egressRedirect = 1;
const longestKind = 15;
/** TCA_ACT_MAX_PRIO */
const mostActions = 32;

interface TunnelEnds {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly csum: boolean;
  readonly keyless?: true;
}

/** tunnel_key set and pass on; mirred egress redirect to a device and stop; anything else. */
export type FilterAction =
  | { readonly kind: 'tunnel_key'; readonly tunnel: TunnelEnds }
  | { readonly kind: 'mirred'; readonly redirect: number }
  | { readonly kind: 'other' };

/** struct tc_tunnel_key. True: sets, and the next action follows. */
const tunnelKeyParameters: Format<boolean> = {
  read: (payload) => payload.u32(verdictAt) === verdict.pipe && payload.u32(genericLength) === tunnelKeySet,
  write: (writer) => {
    writeGeneric(writer, verdict.pipe);
    writer.u32(tunnelKeySet);
  },
};

const tunnelKeyAttributes = new AttributeTable({
  TCA_TUNNEL_KEY_TM: [1, ignored],
  TCA_TUNNEL_KEY_PARMS: [2, tunnelKeyParameters],
  TCA_TUNNEL_KEY_ENC_IPV4_SRC: [3, ip],
  TCA_TUNNEL_KEY_ENC_IPV4_DST: [4, ip],
  TCA_TUNNEL_KEY_ENC_IPV6_SRC: [5, ip],
  TCA_TUNNEL_KEY_ENC_IPV6_DST: [6, ip],
  TCA_TUNNEL_KEY_ENC_KEY_ID: [7, be32],
  TCA_TUNNEL_KEY_PAD: [8, ignored],
  TCA_TUNNEL_KEY_ENC_DST_PORT: [9, keptUnlessZero],
  TCA_TUNNEL_KEY_NO_CSUM: [10, u8],
  TCA_TUNNEL_KEY_ENC_OPTS: [11, kept],
  TCA_TUNNEL_KEY_ENC_TOS: [12, keptUnlessZero],
  TCA_TUNNEL_KEY_ENC_TTL: [13, keptUnlessZero],
  TCA_TUNNEL_KEY_NO_FRAG: [14, kept],
});

/** struct tc_mirred. Index of the device; undefined: another direction, a copy, or more actions. */
const mirredParameters: Format<number | undefined> = {
  read: (payload) => {
    const redirects =
      payload.u32(verdictAt) === verdict.stolen && payload.u32(genericLength) === egressRedirect;
    return redirects ? payload.u32(genericLength + 4) : undefined;
  },
  write: (writer, index) => {
    if (index === undefined) return;
    writeGeneric(writer, verdict.stolen);
    writer.u32(egressRedirect);
    writer.u32(index);
  },
};

const mirredAttributes = new AttributeTable({
  TCA_MIRRED_TM: [1, ignored],
  TCA_MIRRED_PARMS: [2, mirredParameters],
  TCA_MIRRED_PAD: [3, ignored],
  TCA_MIRRED_BLOCKID: [4, keptUnlessZero],
});

/** Index 0: the kernel makes a new action. */
function writeGeneric(writer: MessageWriter, verdictNumber: number): void {
  writer.u32(0);
  writer.u32(0);
  writer.u32(verdictNumber);
  writer.u32(0);
  writer.u32(0);
}

const actionOptions: Format<FilterAction> = {
  isNested: true,
  isDependent: true,
  inside: ({ TCA_ACT_KIND: kind }) => {
    if (kind === 'tunnel_key') return tunnelKeyAttributes;
    return kind === 'mirred' ? mirredAttributes : undefined;
  },
  read: (payload, { TCA_ACT_KIND: kind }) => {
    if (kind === 'tunnel_key') return readTunnelKey(payload);
    return kind === 'mirred' ? readMirred(payload) : { kind: 'other' };
  },
  write: (writer, action) => {
    if (action.kind === 'tunnel_key') writeTunnelKey(writer, action.tunnel);
    else if (action.kind === 'mirred') mirredAttributes.write(writer, { TCA_MIRRED_PARMS: action.redirect });
  },
};

function readTunnelKey(payload: Payload): FilterAction {
  const values = tunnelKeyAttributes.read(payload);
  const source = values.TCA_TUNNEL_KEY_ENC_IPV4_SRC ?? values.TCA_TUNNEL_KEY_ENC_IPV6_SRC;
  const destination = values.TCA_TUNNEL_KEY_ENC_IPV4_DST ?? values.TCA_TUNNEL_KEY_ENC_IPV6_DST;
  const isPlain =
    values.TCA_TUNNEL_KEY_PARMS === true &&
    (values.TCA_TUNNEL_KEY_ENC_KEY_ID ?? 0) === 0 &&
    values.kept === undefined;
  if (!isPlain || source === undefined || destination === undefined) return { kind: 'other' };
  const csum = (values.TCA_TUNNEL_KEY_NO_CSUM ?? 0) === 0;
  const keyless = values.TCA_TUNNEL_KEY_ENC_KEY_ID === undefined;
  return { kind: 'tunnel_key', tunnel: { source, destination, csum, ...(keyless ? { keyless } : {}) } };
}

function writeTunnelKey(writer: MessageWriter, { source, destination, csum, keyless }: TunnelEnds): void {
  const family = addressFamily(source);
  if (family !== addressFamily(destination))
    throw new RtnetlinkError('invalid', `a tunnel from ${source} to ${destination} has two families`);
  tunnelKeyAttributes.write(writer, {
    TCA_TUNNEL_KEY_PARMS: true,
    ...(family === 'ipv4'
      ? { TCA_TUNNEL_KEY_ENC_IPV4_SRC: source, TCA_TUNNEL_KEY_ENC_IPV4_DST: destination }
      : { TCA_TUNNEL_KEY_ENC_IPV6_SRC: source, TCA_TUNNEL_KEY_ENC_IPV6_DST: destination }),
    TCA_TUNNEL_KEY_ENC_KEY_ID: keyless === true ? undefined : 0,
    TCA_TUNNEL_KEY_NO_CSUM: csum ? 0 : 1,
  });
}

function readMirred(payload: Payload): FilterAction {
  const { TCA_MIRRED_PARMS: redirect, kept: foreign } = mirredAttributes.read(payload);
  return redirect === undefined || foreign !== undefined ? { kind: 'other' } : { kind: 'mirred', redirect };
}

const actionAttributes = new AttributeTable({
  TCA_ACT_KIND: [1, text(longestKind)],
  TCA_ACT_OPTIONS: [2, actionOptions],
  TCA_ACT_INDEX: [3, ignored],
  TCA_ACT_STATS: [4, ignored],
  TCA_ACT_PAD: [5, ignored],
  TCA_ACT_COOKIE: [6, ignored],
  TCA_ACT_FLAGS: [7, ignored],
  TCA_ACT_HW_STATS: [8, ignored],
  TCA_ACT_USED_HW_STATS: [9, ignored],
  TCA_ACT_IN_HW_COUNT: [10, ignored],
});

/** Names for errors: an action's number is its order, from 1. */
const orders = new AttributeTable(
  Object.fromEntries(
    Array.from({ length: mostActions }, (_, at) => [`${at + 1}`, [at + 1, nest(actionAttributes)] as const]),
  ),
);

/** TCA_FLOWER_ACT and the like: actions in their order. */
export const actions: Format<readonly FilterAction[]> = {
  isNested: true,
  inside: () => orders,
  read: (payload) => {
    const all: FilterAction[] = [];
    payload.attributes(0, (_order, value) => {
      all.push(actionAttributes.read(value).TCA_ACT_OPTIONS ?? { kind: 'other' });
    });
    return all;
  },
  write: (writer, all) => {
    for (const [at, action] of all.entries()) {
      const mark = writer.openNest(at + 1);
      actionAttributes.write(writer, { TCA_ACT_KIND: action.kind, TCA_ACT_OPTIONS: action });
      writer.closeAttribute(mark);
    }
  },
};
