// What an attempt goes over, as it is configured: its wire with the certificates of now, and the framing on it.
import { type Credential, present } from './credential.ts';
import { documentFraming, type Framing } from './framing.ts';
import { TcpWire } from './tcp-wire.ts';
import { websocketFraming } from './websocket-framing.ts';
import { WebSocketWire } from './websocket-wire.ts';
import { tlsParameters, type Wire } from './wire.ts';

export interface TransportOptions {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly transport?: 'tcp' | 'websocket';
  /** Over TCP; a WebSocket has TLS from the first byte. */
  readonly tls?: 'direct' | 'starttls';
  readonly ca?: Credential | undefined;
  readonly certificate?: Credential | undefined;
  readonly key?: Credential | undefined;
}

/** A wire that is not connected yet. @throws XmppError 'tls' where certificate, key or CA cannot be had or used. */
export async function openTransport(
  options: TransportOptions,
): Promise<{ readonly wire: Wire; readonly framing: Framing }> {
  const { host, port, domain, transport = 'tcp', tls: mode = 'direct' } = options;
  const tls = tlsParameters({
    domain,
    ca: await present(options.ca, 'CA certificates', 'tls'),
    certificate: await present(options.certificate, 'certificate', 'tls'),
    key: await present(options.key, 'key', 'tls'),
  });
  if (transport === 'websocket')
    return { wire: new WebSocketWire({ host, port, domain, tls }), framing: websocketFraming };
  return { wire: new TcpWire({ host, port, domain, mode, tls }), framing: documentFraming };
}
