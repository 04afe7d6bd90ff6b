// Typed rtnetlink messages and the socket behind them; knows no VPNs.

export { newRouteColumns, routeAt } from './codec/route/route-columns.ts';
export { describe } from './describe.ts';
export type { RtnetlinkErrorCode } from './errors.ts';
export { RtnetlinkError } from './errors.ts';
export type {
  Dumped,
  DumpFilter,
  Notification,
  NotificationGroup,
  Operation,
  Request,
  RouteColumns,
  RouteFilter,
  RouteOperation,
  Rtnetlink,
  Sysctl,
} from './kernel.ts';
export { etherTypeMpls, ipProtocolMpls, localTable, mainTable } from './numbers.ts';
export type {
  Address,
  BridgeInfo,
  DummyInfo,
  Filter,
  FouPort,
  GreInfo,
  Ip6GreInfo,
  Ip6TunnelInfo,
  IpipInfo,
  IpRoute,
  KernelObject,
  Link,
  LinkInfo,
  MplsNexthop,
  MplsRoute,
  Neighbour,
  NeighbourState,
  Netconf,
  Nexthop,
  OtherEncap,
  OtherLinkInfo,
  Qdisc,
  Route,
  RouteFamily,
  RouteMetrics,
  RouteNexthop,
  RouteType,
  Rule,
  TunnelEncap,
  UnknownAttribute,
  VethInfo,
  VlanInfo,
  VrfInfo,
} from './objects.ts';
export { openRtnetlink } from './open.ts';
export { openSysctl } from './sysctl.ts';
export type { SysctlKey, SysctlValue } from './sysctl-keys.ts';
export { formatSysctl, sysctlKeys } from './sysctl-keys.ts';
