// What the suites need to know of an XMPP server of others that runs.
import type { Setting } from '../support/setting.ts';
import type { PeerProcess } from './peer-process.ts';

export interface Broker {
  /** Its own: see ownAddress. */
  readonly address: string;
  readonly process: PeerProcess;
}

/** With accounts h1 and h2, of the setting's domain, certificate and password; a client certificate is asked for. */
export type StartBroker = (setting: Setting) => Promise<Broker>;

/** Direct TLS. */
export const DIRECT_PORT = 15_223;
export const STARTTLS_PORT = 15_222;
/** Served, too, with the certificate of the setting's domain. */
export const OTHER_DOMAIN = 'dc2.example';
export const ACCOUNTS = ['h1', 'h2'];
