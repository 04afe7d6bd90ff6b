// Message types of rtnetlink (RTM_* of linux/rtnetlink.h): of each kind NEW, then DEL and GET.

export const newMessage = {
  link: 16,
  address: 20,
  route: 24,
  neighbour: 28,
  rule: 32,
  qdisc: 36,
  filter: 44,
  netconf: 80,
  nexthop: 104,
} as const;

export type RtnetlinkKind = keyof typeof newMessage;

export function deleteMessage(kind: RtnetlinkKind): number {
  return newMessage[kind] + 1;
}

export function getMessage(kind: RtnetlinkKind): number {
  return newMessage[kind] + 2;
}
