// BGP for VPN routes: messages and sessions. Knows no XMPP and no VPN configuration.
export { decodeMessage, encodeMessage } from './codec/message.ts';
export { MessageReader } from './codec/message-reader.ts';
export { type CodecOptions, initialOptions, type VpnFamily } from './codec/options.ts';
export { encodeEndOfRib, packUpdates, packWithdrawals } from './codec/pack.ts';
export { BgpError, type BgpErrorCode } from './error.ts';
export type { AttributeSet } from './loc-rib/attribute-sets.ts';
export type { RibSource } from './loc-rib/best-path.ts';
export type { ReaderKind, Rib, RibReader } from './loc-rib/rib.ts';
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
export {
  encapsulationCommunity,
  mobilityCommunity,
  mobilityOf,
  tunnelTypeOf,
} from './rules/extended-communities.ts';
export type { SessionClock } from './session/clock.ts';
export {
  defaultTimes,
  type LocalGracefulRestart,
  type SessionConfiguration,
  type SessionTimes,
} from './session/configuration.ts';
export type { SessionState } from './session/machine.ts';
export type { CeaseReason, ConnectionEnd, Retention } from './session/machine-types.ts';
export type { Negotiated, PeerGracefulRestart } from './session/negotiation.ts';
export { Session, type SessionListener, type SessionParts } from './session/session.ts';
export type { Dialer, Wire, WireEvents } from './session/wire.ts';
export type { PeerConfiguration, SpeakerConfiguration } from './speaker/configuration.ts';
export type { PeerView } from './speaker/peer.ts';
export { Speaker, type SpeakerParts } from './speaker/speaker.ts';
export { type PeerAddress, type PeerProtection, TcpDialer } from './transport/dialer.ts';
export { type AcceptedPeer, BgpListener, type BgpListenerEvents } from './transport/listener.ts';
