// Desired kernel state of VPN routes and attachments, and the loop that brings the kernel to it.
export type {
  Adopted,
  DesiredAttachment,
  DesiredNexthop,
  DesiredState,
  DesiredUnderlay,
  DesiredVpn,
} from './desired.ts';
export type { Log, Nft, PacketSteering, WatchNft } from './doors.ts';
export type { Difference } from './dry-run.ts';
export type { ReconcilerErrorCode } from './errors.ts';
export { ReconcilerError } from './errors.ts';
export type { Drop } from './guard-drops.ts';
export { FORWARDER_PROTOCOL, LAST_INSTANCE_ID, VRF_TABLE_BASE } from './layout.ts';
export { openNft } from './nft.ts';
export { openNftWatch } from './nft-watch.ts';
export type { MissingFeature } from './probe.ts';
export { probeForwarder } from './probe.ts';
export type { ReconcilerOptions } from './reconciler.ts';
export { Reconciler } from './reconciler.ts';
export type { AttachmentReport, Report } from './report.ts';
export { VpnRoutes } from './routes/vpn-routes.ts';
export type { Failure } from './step.ts';
