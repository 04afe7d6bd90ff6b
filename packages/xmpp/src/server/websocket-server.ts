// The HTTPS side of a WebSocket listener (RFC 6455, RFC 7395 section 3.1): one path, one subprotocol, no compression; all other requests
// are refused. Never listens itself; knows no XMPP. Times in milliseconds, sizes in bytes.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import type { SecureOptions } from './secure.ts';

const PATH = '/xmpp-websocket';
const SUBPROTOCOL = 'xmpp';

export interface WebSocketListenerOptions {
  readonly secure: SecureOptions;
  readonly maxMessageBytes: number;
  /** From the end of the TLS handshake to that of HTTP's. */
  readonly timeout: number;
  readonly accept: (socket: WebSocket, tls: TLSSocket) => void;
}

export function createWebSocketServer(options: WebSocketListenerOptions): Server {
  const { secure, timeout, maxMessageBytes, accept } = options;
  const server = createServer({ ...secure, ALPNProtocols: ['http/1.1'], maxHeaderSize: 8192 }, refuse);
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  const timers = new WeakMap<Duplex, NodeJS.Timeout>();
  server.on('secureConnection', (socket) => {
    const timer = setTimeout(() => socket.destroy(), timeout);
    timers.set(socket, timer);
    socket.once('close', () => clearTimeout(timer));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const problem = problemOf(request);
    if (problem !== undefined || !(socket instanceof TLSSocket)) {
      socket.on('error', () => socket.destroy());
      socket.end(`HTTP/1.1 ${problem}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (websocket) => {
      clearTimeout(timers.get(socket));
      accept(websocket, socket);
    });
  });
  return server;
}

/**
 * Cuts a connection that sends more than `limit` bytes: of a message that is not whole nobody else knows how much there is.
 * @returns what ends that.
 */
export function boundBytes(socket: Duplex, limit: number): () => void {
  let left = limit;
  const count = (bytes: Buffer): void => {
    left -= bytes.length;
    if (left < 0) socket.destroy();
  };
  socket.on('data', count);
  return () => void socket.off('data', count);
}

function problemOf({ url, headers }: IncomingMessage): string | undefined {
  if (url !== PATH) return '404 Not Found';
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.includes(SUBPROTOCOL) ? undefined : '400 Bad Request';
}

function refuse({ url }: IncomingMessage, response: ServerResponse): void {
  const upgrade = url === PATH ? { upgrade: 'websocket' } : {};
  response.writeHead(url === PATH ? 426 : 404, { connection: 'close', ...upgrade }).end();
}
