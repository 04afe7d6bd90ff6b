// XMPP sessions of a forwarder with a route server, from both ends. Knows no routes.
export type { Backoff } from './client/backoff.ts';
export { XmppClient, type XmppClientOptions } from './client/client.ts';
export {
  type ApplicationCondition,
  StanzaError,
  type StanzaErrorType,
  XmppError,
  type XmppErrorCode,
} from './errors.ts';
export type { Log } from './log.ts';
export { OpenStreamClient, type OpenStreamClientOptions } from './open-stream/client.ts';
export {
  type OpenStreamListener,
  type OpenStreamPeer,
  OpenStreamServer,
  type OpenStreamServerOptions,
} from './open-stream/server.ts';
export { type SubtreeReader, TypedElement } from './parser/subtree-reader.ts';
export { type ScramCredentials, scramCredentials } from './scram.ts';
export type { ListenAddress } from './server/listener.ts';
export type { ServerTls } from './server/secure.ts';
export { type ServerLimits, XmppServer, type XmppServerOptions } from './server/server.ts';
export type { RequestHandler, ServerSession } from './server/server-session.ts';
export { STREAM_LIMITS, type StreamLimits, StreamParser, type StreamParserOptions } from './stream-parser.ts';
