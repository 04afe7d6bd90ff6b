// Path attributes from values to bytes, without MP_REACH_NLRI and MP_UNREACH_NLRI. In order of their codes (RFC 4271 section 5), the unknown last.
import { addressToBytes, routeTargetToBytes } from '@hostpe/net';
import type { PathAttributes } from '../messages.ts';
import { encodeAsPath, needsFourOctets, withoutConfederation } from './as-path.ts';
import { extendedLength, known, optional, partial, transitive } from './attribute-codes.ts';
import { ByteWriter } from './bytes.ts';
import { asTrans } from './open.ts';
import { type CodecOptions, longestMessage } from './options.ts';
import { encodeTunnels } from './tunnels.ts';

const origins = { igp: 0, egp: 1, incomplete: 2 } as const;

/** To an external neighbour LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST are not sent. @throws BgpError `unsendable` where they fit in no message. */
export function encodeAttributes(attributes: PathAttributes, options: CodecOptions): Uint8Array {
  const writer = new ByteWriter(longestMessage(options));
  const { asPath, aggregator } = attributes;
  const numbers = (values: readonly number[]): Uint8Array => {
    const bytes = new ByteWriter(values.length * 4);
    for (const value of values) bytes.u32(value);
    return bytes.take();
  };
  put(writer, 1, Uint8Array.of(origins[attributes.origin]));
  put(writer, 2, encodeAsPath(asPath, options.as4));
  if (attributes.med !== undefined) put(writer, 4, numbers([attributes.med]));
  if (attributes.localPreference !== undefined && options.internal)
    put(writer, 5, numbers([attributes.localPreference]));
  if (attributes.atomicAggregate) put(writer, 6, new Uint8Array(0));
  if (aggregator) put(writer, 7, encodeAggregator(aggregator, options.as4));
  if (attributes.communities.length > 0) put(writer, 8, numbers(attributes.communities));
  if (options.internal) {
    if (attributes.originatorId !== undefined) put(writer, 9, addressToBytes(attributes.originatorId));
    if (attributes.clusterList.length > 0)
      put(writer, 10, Buffer.concat(attributes.clusterList.map(addressToBytes)));
  }
  const communities = attributes.extendedCommunities.map((community) => Buffer.from(community, 'hex'));
  const extended = [
    ...attributes.routeTargets.map(routeTargetToBytes),
    ...communities.filter(({ length }) => length === 8),
  ];
  if (extended.length > 0) put(writer, 16, Buffer.concat(extended));
  if (!options.as4) {
    if (needsFourOctets(asPath)) put(writer, 17, encodeAsPath(withoutConfederation(asPath), true));
    if (aggregator && aggregator.as > 0xffff) put(writer, 18, encodeAggregator(aggregator, true));
  }
  if (attributes.tunnels.length > 0) put(writer, 23, encodeTunnels(attributes.tunnels));
  const ipv6 = communities.filter(({ length }) => length === 20);
  if (ipv6.length > 0) put(writer, 25, Buffer.concat(ipv6));
  if (attributes.largeCommunities.length > 0) put(writer, 32, numbers(attributes.largeCommunities.flat()));
  for (const { code, value } of attributes.unknown) put(writer, code, value, optional | transitive | partial);
  return writer.take();
}

function put(writer: ByteWriter, code: number, value: Uint8Array, flags = known[code]?.flags ?? 0): void {
  const long = value.length > 255;
  writer.u8(flags | (long ? extendedLength : 0));
  writer.u8(code);
  if (long) writer.u16(value.length);
  else writer.u8(value.length);
  writer.bytes(value);
}

function encodeAggregator(
  { as, identifier }: NonNullable<PathAttributes['aggregator']>,
  as4: boolean,
): Uint8Array {
  const writer = new ByteWriter(8);
  if (as4) writer.u32(as);
  else writer.u16(as > 0xffff ? asTrans : as);
  writer.bytes(addressToBytes(identifier));
  return writer.take();
}
