/** Topologies of network namespaces: what tests and demos use. The lab kernel is behind the program `netns-lab`. */
export type { Capture } from './capture.ts';
export { LabError, type LabErrorCode } from './error.ts';
export type { Packet } from './pcap.ts';
export type { Daemon, Exit, RunOptions, RunResult, StartOptions } from './process.ts';
export type {
  HostSpec,
  LinkEnd,
  LinkSpec,
  MachineSpec,
  RouteSpec,
  Topology,
} from './topology/description.ts';
export { type Host, Lab } from './topology/lab.ts';
export { type WaitOptions, waitFor } from './wait.ts';
