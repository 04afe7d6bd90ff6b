// Links that are no tunnels: vrf, vlan and bridge (IFLA_VRF_*, IFLA_VLAN_*, IFLA_BR_* of linux/if_link.h), veth (linux/veth.h), dummy.
import type { BridgeInfo, DummyInfo, VethInfo, VlanInfo, VrfInfo } from '../../objects.ts';
import { AttributeTable, type Format, present } from '../wire/attributes.ts';
import { be16, bool, deviceName, ignored, plainNest, ranged, u16, u32 } from '../wire/formats.ts';
import { linkForm } from './link-form.ts';

const largest = 0xffffffff;
const largestVlan = 4095;
/** ETH_P_8021Q, ETH_P_8021AD */
const tag = { customer: 0x8100, service: 0x88a8 } as const;
/** struct ifinfomsg, then attributes of the peer as of a link of its own. */
const peerHeaderLength = 16;

const vrfAttributes = new AttributeTable({ IFLA_VRF_TABLE: [1, ranged(u32, 1, largest)] });

export const vrf = linkForm(
  vrfAttributes,
  ({ IFLA_VRF_TABLE: table }) =>
    table === undefined ? undefined : { info: { kind: 'vrf', table } satisfies VrfInfo },
  ({ table }) => ({ IFLA_VRF_TABLE: table }),
);

/** It has no attributes. */
const dummyAttributes = new AttributeTable({});

export const dummy = linkForm(
  dummyAttributes,
  () => ({ info: { kind: 'dummy' } satisfies DummyInfo }),
  () => ({}),
);

const vethAttributes = new AttributeTable({
  VETH_INFO_PEER: [1, plainNest(new AttributeTable({ IFLA_IFNAME: [3, deviceName] }), peerHeaderLength)],
});

export const veth = linkForm(
  vethAttributes,
  ({ VETH_INFO_PEER: peer }): { info: VethInfo } => ({
    info: { kind: 'veth', ...present<VethInfo>({ peer: peer?.IFLA_IFNAME }) },
  }),
  ({ peer }) => ({ VETH_INFO_PEER: peer === undefined ? undefined : { IFLA_IFNAME: peer } }),
);

const vlanAttributes = new AttributeTable({
  IFLA_VLAN_ID: [1, ranged(u16, 0, largestVlan)],
  IFLA_VLAN_FLAGS: [2, ignored],
  IFLA_VLAN_EGRESS_QOS: [3, ignored],
  IFLA_VLAN_INGRESS_QOS: [4, ignored],
  IFLA_VLAN_PROTOCOL: [5, be16],
});

export const vlan = linkForm(
  vlanAttributes,
  ({ IFLA_VLAN_ID: id, IFLA_VLAN_PROTOCOL: protocol = tag.customer }) => {
    if (id === undefined || (protocol !== tag.customer && protocol !== tag.service)) return undefined;
    const isService = protocol === tag.service;
    return { info: { kind: 'vlan', id, ...(isService ? { protocol: '802.1ad' } : {}) } satisfies VlanInfo };
  },
  ({ id, protocol }) => ({
    IFLA_VLAN_PROTOCOL: protocol === undefined ? undefined : tag.service,
    IFLA_VLAN_ID: id,
  }),
);

/** BR_KERNEL_STP, or BR_USER_STP. */
const stp: Format<boolean> = {
  read: (payload, values) => u32.read(payload, values) !== 0,
  write: (writer, value) => writer.u32(value ? 1 : 0),
};

const bridgeAttributes = new AttributeTable({
  IFLA_BR_FORWARD_DELAY: [1, u32],
  IFLA_BR_HELLO_TIME: [2, ignored],
  IFLA_BR_MAX_AGE: [3, ignored],
  IFLA_BR_AGEING_TIME: [4, u32],
  IFLA_BR_STP_STATE: [5, stp],
  IFLA_BR_PRIORITY: [6, ignored],
  IFLA_BR_VLAN_FILTERING: [7, bool],
  IFLA_BR_VLAN_PROTOCOL: [8, ignored],
  IFLA_BR_GROUP_FWD_MASK: [9, ignored],
  IFLA_BR_ROOT_ID: [10, ignored],
  IFLA_BR_BRIDGE_ID: [11, ignored],
  IFLA_BR_ROOT_PORT: [12, ignored],
  IFLA_BR_ROOT_PATH_COST: [13, ignored],
  IFLA_BR_TOPOLOGY_CHANGE: [14, ignored],
  IFLA_BR_TOPOLOGY_CHANGE_DETECTED: [15, ignored],
  IFLA_BR_HELLO_TIMER: [16, ignored],
  IFLA_BR_TCN_TIMER: [17, ignored],
  IFLA_BR_TOPOLOGY_CHANGE_TIMER: [18, ignored],
  IFLA_BR_GC_TIMER: [19, ignored],
  IFLA_BR_GROUP_ADDR: [20, ignored],
  IFLA_BR_FDB_FLUSH: [21, ignored],
  IFLA_BR_MCAST_ROUTER: [22, ignored],
  IFLA_BR_MCAST_SNOOPING: [23, ignored],
  IFLA_BR_MCAST_QUERY_USE_IFADDR: [24, ignored],
  IFLA_BR_MCAST_QUERIER: [25, ignored],
  IFLA_BR_MCAST_HASH_ELASTICITY: [26, ignored],
  IFLA_BR_MCAST_HASH_MAX: [27, ignored],
  IFLA_BR_MCAST_LAST_MEMBER_CNT: [28, ignored],
  IFLA_BR_MCAST_STARTUP_QUERY_CNT: [29, ignored],
  IFLA_BR_MCAST_LAST_MEMBER_INTVL: [30, ignored],
  IFLA_BR_MCAST_MEMBERSHIP_INTVL: [31, ignored],
  IFLA_BR_MCAST_QUERIER_INTVL: [32, ignored],
  IFLA_BR_MCAST_QUERY_INTVL: [33, ignored],
  IFLA_BR_MCAST_QUERY_RESPONSE_INTVL: [34, ignored],
  IFLA_BR_MCAST_STARTUP_QUERY_INTVL: [35, ignored],
  IFLA_BR_NF_CALL_IPTABLES: [36, ignored],
  IFLA_BR_NF_CALL_IP6TABLES: [37, ignored],
  IFLA_BR_NF_CALL_ARPTABLES: [38, ignored],
  IFLA_BR_VLAN_DEFAULT_PVID: [39, ignored],
  IFLA_BR_PAD: [40, ignored],
  IFLA_BR_VLAN_STATS_ENABLED: [41, ignored],
  IFLA_BR_MCAST_STATS_ENABLED: [42, ignored],
  IFLA_BR_MCAST_IGMP_VERSION: [43, ignored],
  IFLA_BR_MCAST_MLD_VERSION: [44, ignored],
  IFLA_BR_VLAN_STATS_PER_PORT: [45, ignored],
  IFLA_BR_MULTI_BOOLOPT: [46, ignored],
  IFLA_BR_MCAST_QUERIER_STATE: [47, ignored],
  IFLA_BR_FDB_N_LEARNED: [48, ignored],
  IFLA_BR_FDB_MAX_LEARNED: [49, ignored],
  IFLA_BR_STP_MODE: [50, ignored],
});

export const bridge = linkForm(
  bridgeAttributes,
  (values): { info: BridgeInfo } => ({
    info: {
      kind: 'bridge',
      ...present<BridgeInfo>({
        vlanFiltering: values.IFLA_BR_VLAN_FILTERING,
        stp: values.IFLA_BR_STP_STATE,
        forwardDelay: values.IFLA_BR_FORWARD_DELAY,
        ageingTime: values.IFLA_BR_AGEING_TIME,
      }),
    },
  }),
  (info) => ({
    IFLA_BR_FORWARD_DELAY: info.forwardDelay,
    IFLA_BR_AGEING_TIME: info.ageingTime,
    IFLA_BR_STP_STATE: info.stp,
    IFLA_BR_VLAN_FILTERING: info.vlanFiltering,
  }),
);
