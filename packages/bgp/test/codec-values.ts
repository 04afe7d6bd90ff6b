// What the codec's tests share: options, attributes and bytes written down as people read them.
import { parseIpAddress, parseIpPrefix, parseLabel, parseRouteDistinguisher } from '@hostpe/net';
import { type CodecOptions, initialOptions, type PathAttributes, type VpnNlri } from '../src/index.ts';

export const internal: CodecOptions = {
  ...initialOptions,
  as4: true,
  internal: true,
  families: ['vpnv4', 'vpnv6', 'rtc'],
};
export const external: CodecOptions = { ...internal, internal: false };

export const plain: PathAttributes = {
  origin: 'igp',
  asPath: [],
  med: undefined,
  localPreference: undefined,
  atomicAggregate: false,
  aggregator: undefined,
  communities: [],
  originatorId: undefined,
  clusterList: [],
  routeTargets: [],
  extendedCommunities: [],
  largeCommunities: [],
  tunnels: [],
  unknown: [],
};

export function route(rd: string, prefix: string, label: number, pathId?: number): VpnNlri {
  return {
    rd: parseRouteDistinguisher(rd),
    prefix: parseIpPrefix(prefix),
    label: label === 0 ? (0 as VpnNlri['label']) : parseLabel(label),
    pathId,
  };
}

export const address = parseIpAddress;

export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
}

export function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

/** A message with its header. */
export function message(type: number, body: string): Uint8Array {
  const content = bytes(body);
  const length = (19 + content.length).toString(16).padStart(4, '0');
  return bytes(`${'ff'.repeat(16)}${length}${type.toString(16).padStart(2, '0')}${hex(content)}`);
}

/** An UPDATE of nothing but attributes. */
export function update(attributes: string, withdrawn = '', unicast = ''): Uint8Array {
  const size = (text: string) => bytes(text).length.toString(16).padStart(4, '0');
  return message(2, `${size(withdrawn)}${withdrawn}${size(attributes)}${attributes}${unicast}`);
}

/** 10.1.0.0/16 of RD 65000:1 with label 1001 by 192.0.2.1. */
export const reach = '90 0e 001f 0001 80 0c 0000000000000000 c0000201 00 68 003e91 0000fde800000001 0a01';
export const origin = '40 01 01 00';
export const asPath = '40 02 00';
