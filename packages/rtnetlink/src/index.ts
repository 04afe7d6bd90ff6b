// Typed rtnetlink messages and the socket behind them; knows no VPNs.
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
  Rtnetlink,
  Sysctl,
} from './kernel.ts';
export { etherTypeMpls, ipProtocolMpls, localTable, mainTable } from './numbers.ts';
export type {
  Address,
  Filter,
  FouPort,
  IpRoute,
  KernelObject,
  Link,
  LinkInfo,
  MplsRoute,
  Neighbour,
  Nexthop,
  Qdisc,
  Route,
  RouteFamily,
  Rule,
} from './objects.ts';
export { openRtnetlink } from './open.ts';
export { openSysctl } from './sysctl.ts';
