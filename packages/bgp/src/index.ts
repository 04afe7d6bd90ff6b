// BGP for VPN routes: messages and sessions. Knows no XMPP and no VPN configuration.
export { decodeMessage, encodeMessage } from './codec/message.ts';
export { MessageReader } from './codec/message-reader.ts';
export { type CodecOptions, initialOptions, type VpnFamily } from './codec/options.ts';
export { encodeEndOfRib, packUpdates, packWithdrawals } from './codec/pack.ts';
export { BgpError, type BgpErrorCode } from './error.ts';
export type {
  Announced,
  AsPathSegment,
  Capability,
  Family,
  KeepaliveMessage,
  Message,
  NotificationMessage,
  OpenMessage,
  OtherFamily,
  PathAttributes,
  RouteRefreshMessage,
  RtcNlri,
  Tunnel,
  UpdateMessage,
  UpdateProblem,
  VpnNlri,
  Withdrawn,
} from './messages.ts';
export { notificationText, shutdownCommunication } from './notification-texts.ts';
