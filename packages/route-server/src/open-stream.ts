// Doors without authentication: what the configuration says of them, what it may not say, and who may come through. An identity is
// good only from the addresses that are listed for it. Opens no sockets.
import {
  type IpAddress,
  type IpPrefix,
  NetError,
  parseIpAddress,
  parseIpPrefix,
  prefixContains,
} from '@hostpe/net';
import type { Dialect } from '@hostpe/signaling';
import type { OpenStreamListener, OpenStreamPeer } from '@hostpe/xmpp';
import { z } from 'zod';
import { address, prefix } from './values.ts';

const loopback = [parseIpPrefix('127.0.0.0/8'), parseIpPrefix('::1/128')];

export interface OpenStreamDoor {
  readonly address: IpAddress;
  readonly port: number;
  readonly starttls: boolean;
  /** Where connections may come from. */
  readonly allow: readonly IpPrefix[];
}

/** Whose identity is taken from what it says of itself. */
export interface OpenStreamIdentity {
  /** What it calls itself; undefined: the account, or in the dialects of the drafts its JID. */
  readonly jid: string | undefined;
  /** Where it may come from. */
  readonly addresses: ReadonlySet<IpAddress>;
}

export const openStreamDoor = z
  .strictObject({
    address,
    port: z.int().min(0).max(65535).default(5269),
    starttls: z.boolean().default(false),
    allow: z.array(prefix.refine((written) => !written.endsWith('/0'), 'would allow everybody')).default([]),
  })
  .superRefine((written, context) => {
    if (written.allow.length === 0 && !isIn(loopback, written.address))
      context.addIssue({
        code: 'custom',
        path: ['address'],
        message: `${written.address} would take forwarders without authentication from anywhere: listen on a loopback address, or list in allow where they come from`,
      });
  })
  .transform(
    (written): OpenStreamDoor => ({
      ...written,
      allow: written.allow.length > 0 ? written.allow : loopback,
    }),
  );

export const openStreamIdentity = z
  .strictObject({
    jid: z
      .string()
      .regex(/^[^\s/\p{Cc}]{1,256}$/u, 'is not a JID without a resource')
      .optional(),
    addresses: z.array(address).min(1),
  })
  .transform(({ jid, addresses }): OpenStreamIdentity => ({ jid, addresses: new Set(addresses) }));

interface WrittenForwarder {
  readonly dialect: Dialect;
  readonly vpns: readonly string[];
  readonly 'open-stream'?: OpenStreamIdentity | undefined;
}

/** What is wrong with forwarders whose identity is what they say. */
export function* openStreamProblems(
  doors: readonly OpenStreamDoor[],
  forwarders: Readonly<Record<string, WrittenForwarder>>,
  domain: string,
): Generator<{ readonly path: (string | number)[]; readonly message: string }> {
  const owners = new Map<string, string>();
  for (const [account, { dialect, vpns, 'open-stream': openStream }] of Object.entries(forwarders)) {
    const path = ['forwarders', account];
    if (dialect === 'contrail')
      for (const [index, vpn] of vpns.entries())
        if (vpn.includes('/'))
          yield {
            path: [...path, 'vpns', index],
            message: `${vpn} has a slash, which contrail would cut it at`,
          };
    if (openStream === undefined) {
      if (dialect === 'contrail')
        yield { path: [...path, 'dialect'], message: 'contrail is spoken over an open-stream alone' };
      continue;
    }
    const name = nameOf(account, { dialect, openStream }, domain);
    const owner = owners.get(name);
    if (owner !== undefined)
      yield { path: [...path, 'open-stream'], message: `${name} is the name of ${owner} already` };
    owners.set(name, account);
    for (const from of openStream.addresses)
      if (!doors.some(({ allow }) => isIn(allow, from)))
        yield {
          path: [...path, 'open-stream', 'addresses'],
          message: `no open-stream listener takes connections from ${from}`,
        };
  }
}

/** Listeners as the server takes them. */
export function openStreamListeners(doors: readonly OpenStreamDoor[]): readonly OpenStreamListener[] {
  return doors.map(({ allow, ...door }) => ({
    ...door,
    allows: (remoteAddress) => {
      const from = parsed(remoteAddress);
      return from !== undefined && isIn(allow, from);
    },
  }));
}

interface Identified {
  readonly dialect: Dialect;
  readonly openStream: OpenStreamIdentity | undefined;
}

/** Who a peer is by what it says and where it comes from, or why it is nobody. */
export function openStreamIdentities(
  forwarders: ReadonlyMap<string, Identified>,
  domain: string,
): (name: string, remoteAddress: string) => OpenStreamPeer | string {
  const peers = new Map<
    string,
    { readonly peer: OpenStreamPeer; readonly addresses: ReadonlySet<IpAddress> }
  >();
  for (const [account, forwarder] of forwarders) {
    if (forwarder.openStream === undefined) continue;
    const { addresses } = forwarder.openStream;
    const kind = forwarder.dialect === 'contrail' ? 'contrail' : 'draft';
    peers.set(nameOf(account, forwarder, domain), { peer: { account, kind }, addresses });
  }
  return (name, remoteAddress) => {
    const known = peers.get(name);
    if (known === undefined)
      return `no forwarder is configured that calls itself ${JSON.stringify(name.slice(0, 100))}`;
    const from = parsed(remoteAddress);
    if (from !== undefined && known.addresses.has(from)) return known.peer;
    return `forwarder ${known.peer.account} may not come from this address`;
  };
}

function nameOf(account: string, { dialect, openStream }: Identified, domain: string): string {
  return openStream?.jid ?? (dialect === 'contrail' ? account : `${account}@${domain}`);
}

function isIn(prefixes: readonly IpPrefix[], one: IpAddress): boolean {
  return prefixes.some((each) => prefixContains(each, one));
}

/** Undefined where it has a zone, which no address of the configuration has. */
function parsed(text: string): IpAddress | undefined {
  try {
    return parseIpAddress(text);
  } catch (error) {
    if (error instanceof NetError) return undefined;
    throw error;
  }
}
