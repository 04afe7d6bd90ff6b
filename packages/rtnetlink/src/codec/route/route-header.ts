// What IP routes and label routes share: struct rtmsg and the names of RTA_* of linux/rtnetlink.h.
import type { RouteFamily } from '../../objects.ts';
import type { Entries } from '../wire/attributes.ts';
import { familyNumber } from '../wire/family.ts';
import { ignored, keptUnlessZero } from '../wire/formats.ts';
import { inRange } from '../wire/in-range.ts';
import type { MessageWriter } from '../wire/writer.ts';

export const routeHeaderLength = 12;

/** RTPROT_BOOT: what iproute2 says for a route whose maker says nothing. */
export const protocolBoot = 3;

/** Every attribute; the tables give a form to those of which they make use. */
export const routeAttributeNames = {
  RTA_DST: [1, ignored],
  RTA_SRC: [2, ignored],
  RTA_IIF: [3, ignored],
  RTA_OIF: [4, ignored],
  RTA_GATEWAY: [5, ignored],
  RTA_PRIORITY: [6, ignored],
  RTA_PREFSRC: [7, ignored],
  RTA_METRICS: [8, ignored],
  RTA_MULTIPATH: [9, ignored],
  RTA_PROTOINFO: [10, ignored],
  RTA_FLOW: [11, keptUnlessZero],
  RTA_CACHEINFO: [12, ignored],
  RTA_SESSION: [13, ignored],
  RTA_MP_ALGO: [14, ignored],
  RTA_TABLE: [15, ignored],
  RTA_MARK: [16, ignored],
  RTA_MFC_STATS: [17, ignored],
  RTA_VIA: [18, ignored],
  RTA_NEWDST: [19, ignored],
  RTA_PREF: [20, keptUnlessZero],
  RTA_ENCAP_TYPE: [21, ignored],
  RTA_ENCAP: [22, ignored],
  RTA_EXPIRES: [23, ignored],
  RTA_PAD: [24, ignored],
  RTA_UID: [25, ignored],
  RTA_TTL_PROPAGATE: [26, ignored],
  RTA_IP_PROTO: [27, ignored],
  RTA_SPORT: [28, ignored],
  RTA_DPORT: [29, ignored],
  RTA_NH_ID: [30, ignored],
  RTA_FLOWLABEL: [31, ignored],
} satisfies Entries;

export interface RouteHeader {
  readonly family: RouteFamily;
  /** rtm_dst_len, bits. */
  readonly length: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
  /** RTNH_F_*; absent: none. */
  readonly flags?: number;
}

/** @throws RtnetlinkError `invalid` */
export function writeRouteHeader(writer: MessageWriter, header: RouteHeader): void {
  writer.u8(familyNumber[header.family]);
  writer.u8(header.length);
  writer.u8(0);
  writer.u8(0);
  writer.u8(header.table);
  writer.u8(inRange(header.protocol, 0, 0xff, 'rtm_protocol'));
  writer.u8(header.scope);
  writer.u8(header.type);
  writer.u32(header.flags ?? 0);
}
