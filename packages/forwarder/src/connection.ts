// The client that a session with a route server is held over: an open stream in the dialect contrail, XMPP with authentication in all
// others. Composition; no algorithm.
import { ContrailStanzas, controlNodeJid, EntryReader } from '@hostpe/signaling';
import { type Log, OpenStreamClient, XmppClient } from '@hostpe/xmpp';
import type { RouteServerSettings } from './config.ts';
import type { Credentials } from './files.ts';

/** What a session needs of its client. `request` resolves with the answer, or, where the dialect has none, when it is sent. */
export type Connection = Pick<XmppClient, 'jid' | 'on' | 'online' | 'request' | 'start' | 'stop'>;

export function connectionTo(settings: RouteServerSettings, secrets: Credentials, log: Log): Connection {
  const { host, port, domain, account, dialect, transport, tls, plain } = settings;
  const common = { host, port, readers: () => [new EntryReader()], log };
  if (dialect === 'contrail') {
    const { ca, certificate, key } = secrets;
    return new OpenStreamClient({
      ...common,
      name: account,
      server: controlNodeJid,
      stanzas: () => {
        const stanzas = new ContrailStanzas(account, controlNodeJid);
        return (payload) => stanzas.stanza(payload);
      },
      ...(tls === 'starttls' ? { tls: { domain, ca, certificate, key } } : {}),
    });
  }
  return new XmppClient({
    ...common,
    domain,
    account,
    resource: 'hostpe',
    transport,
    tls: tls === 'starttls' ? 'starttls' : 'direct',
    plain,
    ...secrets,
  });
}
