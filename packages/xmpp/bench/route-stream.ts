// What a route server sends a forwarder that subscribes: VPN routes as the draft dialect writes them, in chunks as a socket gives them.
import type { VpnRoute } from '@hostpe/signaling';
import { encodeEvent } from '@hostpe/signaling';

const CHUNK = 64 * 1024;

/** The chunks of a stream with so many routes, and so many in a stanza. */
export function routeStream(count: number, perStanza: number): readonly Buffer[] {
  const stanzas = [
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
  ];
  for (let first = 0; first < count; first += perStanza) {
    const event = eventText(first, Math.min(perStanza, count - first));
    stanzas.push(`<message from="rs.example.org" to="hv17@example.org/forwarder">${event}</message>`);
  }
  const bytes = Buffer.from(stanzas.join(''));
  return Array.from({ length: Math.ceil(bytes.length / CHUNK) }, (_, at) =>
    bytes.subarray(at * CHUNK, (at + 1) * CHUNK),
  );
}

/** The payload of a message with so many routes, from that of a number on. */
export function eventText(first: number, count: number): string {
  const routes = Array.from({ length: count }, (_, at) => route(first + at));
  return encodeEvent({ kind: 'items', vpn: 'blue', routes, retractedIds: [], rejected: [] }).toString();
}

/** Host routes behind 200 forwarders, each with a label of its own. */
function route(number: number): VpnRoute {
  const address = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  const forwarder = `192.0.2.${number % 200}`;
  return {
    // As our own route server names them.
    id: `${address}/32`,
    prefix: `${address}/32` as VpnRoute['prefix'],
    nexthops: [
      {
        address: forwarder as VpnRoute['nexthops'][number]['address'],
        label: (16 + (number % 1_000_000)) as VpnRoute['nexthops'][number]['label'],
        encapsulations: ['gre'],
      },
    ],
    sequenceNumber: number % 7,
    localPreference: 100,
  };
}
