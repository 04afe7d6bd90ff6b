// The kernel's numbers that whoever asks for objects has to say (linux/rtnetlink.h, if_ether.h, in.h).

/** RT_TABLE_LOCAL */
export const localTable = 255;
/** RT_TABLE_MAIN */
export const mainTable = 254;
/** ETH_P_MPLS_UC */
export const etherTypeMpls = 0x8847;
/** IPPROTO_MPLS */
export const ipProtocolMpls = 137;
