// Links: struct ifinfomsg and IFLA_* of linux/if_link.h.
import type { Operation } from '../../kernel.ts';
import type { Link } from '../../objects.ts';
import { AttributeTable, present } from '../wire/attributes.ts';
import { deviceName, ignored, text, u32 } from '../wire/formats.ts';
import { inRange } from '../wire/in-range.ts';
import { linkMac } from '../wire/link-layer-address.ts';
import type { Payload } from '../wire/reader.ts';
import type { MessageWriter } from '../wire/writer.ts';
import { linkInfo } from './link-info.ts';

export const linkHeaderLength = 16;
/** IFF_* */
const flag = { up: 0x1, lowerUp: 0x10000 } as const;
/** RTEXT_FILTER_SKIP_STATS: counters are most of a link's bytes. */
const skipStatistics = 8;
/** IFALIASZ, without the terminating zero. */
const longestAlias = 255;
const largestIndex = 0x7fffffff;

export const linkAttributes = new AttributeTable({
  IFLA_ADDRESS: [1, linkMac],
  IFLA_BROADCAST: [2, ignored],
  IFLA_IFNAME: [3, deviceName],
  IFLA_MTU: [4, u32],
  IFLA_LINK: [5, u32],
  IFLA_QDISC: [6, ignored],
  IFLA_STATS: [7, ignored],
  IFLA_COST: [8, ignored],
  IFLA_PRIORITY: [9, ignored],
  IFLA_MASTER: [10, u32],
  IFLA_WIRELESS: [11, ignored],
  IFLA_PROTINFO: [12, ignored],
  IFLA_TXQLEN: [13, ignored],
  IFLA_MAP: [14, ignored],
  IFLA_WEIGHT: [15, ignored],
  IFLA_OPERSTATE: [16, ignored],
  IFLA_LINKMODE: [17, ignored],
  IFLA_LINKINFO: [18, linkInfo],
  IFLA_NET_NS_PID: [19, ignored],
  IFLA_IFALIAS: [20, text(longestAlias)],
  IFLA_NUM_VF: [21, ignored],
  IFLA_VFINFO_LIST: [22, ignored],
  IFLA_STATS64: [23, ignored],
  IFLA_VF_PORTS: [24, ignored],
  IFLA_PORT_SELF: [25, ignored],
  IFLA_AF_SPEC: [26, ignored],
  IFLA_GROUP: [27, ignored],
  IFLA_NET_NS_FD: [28, ignored],
  IFLA_EXT_MASK: [29, u32],
  IFLA_PROMISCUITY: [30, ignored],
  IFLA_NUM_TX_QUEUES: [31, ignored],
  IFLA_NUM_RX_QUEUES: [32, ignored],
  IFLA_CARRIER: [33, ignored],
  IFLA_PHYS_PORT_ID: [34, ignored],
  IFLA_CARRIER_CHANGES: [35, ignored],
  IFLA_PHYS_SWITCH_ID: [36, ignored],
  IFLA_LINK_NETNSID: [37, ignored],
  IFLA_PHYS_PORT_NAME: [38, ignored],
  IFLA_PROTO_DOWN: [39, ignored],
  IFLA_GSO_MAX_SEGS: [40, ignored],
  IFLA_GSO_MAX_SIZE: [41, ignored],
  IFLA_PAD: [42, ignored],
  IFLA_XDP: [43, ignored],
  IFLA_EVENT: [44, ignored],
  IFLA_NEW_NETNSID: [45, ignored],
  IFLA_TARGET_NETNSID: [46, ignored],
  IFLA_CARRIER_UP_COUNT: [47, ignored],
  IFLA_CARRIER_DOWN_COUNT: [48, ignored],
  IFLA_NEW_IFINDEX: [49, ignored],
  IFLA_MIN_MTU: [50, ignored],
  IFLA_MAX_MTU: [51, ignored],
  IFLA_PROP_LIST: [52, ignored],
  IFLA_ALT_IFNAME: [53, ignored],
  IFLA_PERM_ADDRESS: [54, ignored],
  IFLA_PROTO_DOWN_REASON: [55, ignored],
  IFLA_PARENT_DEV_NAME: [56, ignored],
  IFLA_PARENT_DEV_BUS_NAME: [57, ignored],
  IFLA_GRO_MAX_SIZE: [58, ignored],
  IFLA_TSO_MAX_SIZE: [59, ignored],
  IFLA_TSO_MAX_SEGS: [60, ignored],
  IFLA_ALLMULTI: [61, ignored],
  IFLA_DEVLINK_PORT: [62, ignored],
  IFLA_GSO_IPV4_MAX_SIZE: [63, ignored],
  IFLA_GRO_IPV4_MAX_SIZE: [64, ignored],
  IFLA_DPLL_PIN: [65, ignored],
  IFLA_MAX_PACING_OFFLOAD_HORIZON: [66, ignored],
  IFLA_NETNS_IMMUTABLE: [67, ignored],
  IFLA_HEADROOM: [68, ignored],
  IFLA_TAILROOM: [69, ignored],
});

/** The kinds that say the device below them among their own attributes, and to which IFLA_LINK says nothing. */
const tunnels: ReadonlySet<string> = new Set(['gre', 'ip6gre', 'ipip', 'ip6tnl']);

/** A delete sends the index, or the name where there is none. @throws RtnetlinkError `invalid` */
export function encodeLink(writer: MessageWriter, op: Operation, link: Link): void {
  const { index, name, info } = link;
  writeHeader(writer, index ?? 0, op === 'delete' ? undefined : link.up);
  if (op === 'delete') {
    linkAttributes.write(writer, { IFLA_IFNAME: index === undefined ? name : undefined });
    return;
  }
  const isTunnel = info !== undefined && tunnels.has(info.kind);
  linkAttributes.write(writer, {
    IFLA_IFNAME: name,
    IFLA_MTU: link.mtu,
    IFLA_LINK: isTunnel ? undefined : link.link,
    IFLA_MASTER: link.master,
    IFLA_ADDRESS: link.address,
    IFLA_IFALIAS: link.alias,
    IFLA_LINKINFO: info && { info, below: isTunnel ? link.link : undefined },
    unknown: link.unknown,
  });
}

export function encodeLinkDump(writer: MessageWriter): void {
  writeHeader(writer, 0, undefined);
  linkAttributes.write(writer, { IFLA_EXT_MASK: skipStatistics });
}

function writeHeader(writer: MessageWriter, index: number, up: boolean | undefined): void {
  writer.u8(0);
  writer.u8(0);
  writer.u16(0);
  writer.u32(inRange(index, 0, largestIndex, 'ifi_index'));
  writer.u32(up === true ? flag.up : 0);
  writer.u32(up === undefined ? 0 : flag.up);
}

/**
 * @returns undefined for messages about a bridge port or an address family of a link, which have the same type.
 * @throws RtnetlinkError `decode`
 */
export function decodeLink(payload: Payload): Link | undefined {
  if (payload.u8(0) !== 0) return undefined;
  const flags = payload.u32(8);
  const values = linkAttributes.read(payload, linkHeaderLength);
  return {
    object: 'link',
    index: payload.i32(4),
    up: (flags & flag.up) !== 0,
    carrier: (flags & flag.lowerUp) !== 0,
    ...present<Link>({
      name: values.IFLA_IFNAME,
      mtu: values.IFLA_MTU,
      master: values.IFLA_MASTER,
      // 0 is none, such as of a tunnel that may use every device.
      link: values.IFLA_LINK || values.IFLA_LINKINFO?.below,
      address: values.IFLA_ADDRESS,
      alias: values.IFLA_IFALIAS,
      info: values.IFLA_LINKINFO?.info,
      unknown: values.unknown,
    }),
  };
}
