// NLRI of VPN routes (RFC 8277, 4364, 4659) and of route-target constraint (RFC 4684) as values and bytes.
// Reads no multiple labels: that capability (RFC 8277 section 2.1) is never offered. Lengths on the wire are bits.
import {
  addressFromBytes,
  addressToBytes,
  type IpPrefix,
  type Label,
  prefixAddress,
  prefixLength,
  prefixOf,
  type RouteDistinguisher,
  readIpv4PrefixWords,
  readIpv6PrefixWords,
  routeDistinguisherFromWords,
  routeDistinguisherToBytes,
} from '@hostpe/net';
import { BgpError, malformed } from '../error.ts';
import type { RtcNlri, VpnNlri } from '../messages.ts';
import { type ByteWriter, read16, read32 } from './bytes.ts';
import type { VpnFamily } from './options.ts';

/** RFC 3032 section 2.1. */
const firstLabel = 16;
/** Out of the reach of Linux. */
const lastLabel = 1_048_574;
/** RFC 8277 section 2.4: what stands for the label in a withdrawal. */
const withdrawnLabel = 0x800000;
const noLabel = 0 as Label;
const rememberedDistinguishers = 65_536;

/** Text of RDs by their 8 bytes as one number (below 2^50), so that the routes of a VPN share one string. */
const distinguisherTexts = new Map<number, RouteDistinguisher>();
const distinguisherBytes = new Map<RouteDistinguisher, Uint8Array>();
const octetTexts = Array.from({ length: 256 }, (_, octet) => String(octet));
const words = new Uint32Array(4);

/** One reason and the NLRI that it is true of: 1,000 bad NLRI are not 1,000 lines. */
export interface NlriProblem {
  readonly reaction: 'treat-as-withdraw' | 'nlri-discard';
  readonly reason: string;
}

export interface VpnNlriRead {
  readonly good: VpnNlri[];
  /** To be treated as withdrawn. */
  readonly bad: VpnNlri[];
  readonly problems: readonly NlriProblem[];
}

/**
 * @param withdrawal the label field has no meaning (RFC 8277 section 2.4).
 * @throws BgpError `malformed` 3/9 where NLRI cannot be told apart (RFC 7606 section 5.3).
 */
export function decodeVpnNlri(
  bytes: Uint8Array,
  family: VpnFamily,
  addPath: boolean,
  withdrawal: boolean,
): VpnNlriRead {
  const good: VpnNlri[] = [];
  const bad: VpnNlri[] = [];
  const problems = new Map<string, { reaction: NlriProblem['reaction']; first: string; count: number }>();
  const note = (reaction: NlriProblem['reaction'], reason: string, route: string): void => {
    const problem = problems.get(reason);
    if (problem) problem.count++;
    else problems.set(reason, { reaction, first: route, count: 1 });
  };
  const longest = family === 'vpnv4' ? 32 : 128;
  const address = new Uint8Array(longest / 8);
  for (let at = 0; at < bytes.length; ) {
    const pathId = addPath ? read32(bytes, at) : undefined;
    if (addPath) at += 4;
    const bits = bytes[at] ?? 0;
    const start = at + 1;
    const end = start + ((bits + 7) >>> 3);
    if (at >= bytes.length || end > bytes.length) throw broken('ends in the middle');
    let distinguisher = start + 3;
    if (!withdrawal) {
      // The bottom-of-stack bit is to be ignored (RFC 8277 section 2.2); without it a second label is believed only where no RD can begin.
      while (
        distinguisher + 11 <= end &&
        ((bytes[distinguisher - 1] ?? 0) & 1) === 0 &&
        read16(bytes, distinguisher) > 2
      )
        distinguisher += 3;
    }
    const prefixBits = bits - (distinguisher - start) * 8 - 64;
    if (prefixBits < 0 || prefixBits > longest) throw broken(`has ${bits} bits`);
    at = end;
    const rd = readDistinguisher(bytes, distinguisher);
    const prefix = readPrefix(bytes, distinguisher + 8, prefixBits, address);
    if (rd === undefined) {
      note('nlri-discard', `RD of type ${read16(bytes, distinguisher)}`, prefix);
      continue;
    }
    if (withdrawal) {
      good.push({ rd, prefix, label: noLabel, pathId });
      continue;
    }
    const label = (read16(bytes, start) << 4) | ((bytes[start + 2] ?? 0) >>> 4);
    const several = distinguisher !== start + 3;
    if (several || label < firstLabel || label > lastLabel) {
      const reason = several ? 'a stack of labels where one is spoken' : `label ${label}, which is reserved`;
      note('treat-as-withdraw', reason, `${rd} ${prefix}`);
      bad.push({ rd, prefix, label: noLabel, pathId });
    } else {
      good.push({ rd, prefix, label: label as Label, pathId });
    }
  }
  return {
    good,
    bad,
    problems: [...problems].map(([reason, { reaction, first, count }]) => ({
      reaction,
      reason: `${family} ${first}${count > 1 ? ` and ${count - 1} more` : ''}: ${reason}`,
    })),
  };

  function broken(what: string): BgpError {
    return malformed(3, 9, `${family} NLRI ${what}`);
  }
}

function readDistinguisher(bytes: Uint8Array, at: number): RouteDistinguisher | undefined {
  const high = read32(bytes, at);
  const low = read32(bytes, at + 4);
  if (high >= 0x30000) return undefined;
  const key = high * 0x1_0000_0000 + low;
  const known = distinguisherTexts.get(key);
  if (known !== undefined) return known;
  const text = routeDistinguisherFromWords(high, low);
  if (distinguisherTexts.size >= rememberedDistinguishers) distinguisherTexts.clear();
  if (text !== undefined) distinguisherTexts.set(key, text);
  return text;
}

/** @param address room for an address of the family. Bits behind the prefix are ignored (RFC 4271 section 4.3). */
function readPrefix(bytes: Uint8Array, at: number, bits: number, address: Uint8Array): IpPrefix {
  const octets = (bits + 7) >>> 3;
  const mask = (0xff00 >>> (bits & 7)) & 0xff;
  address.fill(0);
  for (let octet = 0; octet < octets; octet++) address[octet] = bytes[at + octet] ?? 0;
  if ((bits & 7) !== 0) address[octets - 1] = (address[octets - 1] ?? 0) & mask;
  if (address.length === 16) return prefixOf(addressFromBytes(address), bits);
  const text = (octet: number): string => octetTexts[address[octet] ?? 0] ?? '';
  return `${text(0)}.${text(1)}.${text(2)}.${text(3)}/${bits}` as IpPrefix;
}

/** @param withdrawal the label is written as RFC 8277 section 2.4 has it. @throws BgpError `unsendable` */
export function encodeVpnNlri(
  writer: ByteWriter,
  route: VpnNlri,
  family: VpnFamily,
  addPath: boolean,
  withdrawal: boolean,
): void {
  if (addPath) writer.u32(route.pathId ?? 0);
  let bits =
    family === 'vpnv4' ? readIpv4PrefixWords(route.prefix, words) : readIpv6PrefixWords(route.prefix, words);
  if (bits < 0) bits = slowWords(route.prefix, family);
  writer.u8(88 + bits);
  writer.u24(withdrawal ? withdrawnLabel : (route.label << 4) | 1);
  writer.bytes(bytesOfDistinguisher(route.rd));
  for (let octet = 0; octet * 8 < bits; octet++)
    writer.u8((words[octet >>> 2] ?? 0) >>> (24 - (octet & 3) * 8));
}

/** Prefixes with an embedded IPv4 address. */
function slowWords(prefix: IpPrefix, family: VpnFamily): number {
  const address = addressToBytes(prefixAddress(prefix));
  if (address.length !== (family === 'vpnv4' ? 4 : 16))
    throw new BgpError('unsendable', `${prefix} is not of the family ${family}`);
  for (let word = 0; word < address.length / 4; word++) words[word] = read32(address, word * 4);
  return prefixLength(prefix);
}

function bytesOfDistinguisher(rd: RouteDistinguisher): Uint8Array {
  const known = distinguisherBytes.get(rd);
  if (known) return known;
  if (distinguisherBytes.size >= rememberedDistinguishers) distinguisherBytes.clear();
  const bytes = routeDistinguisherToBytes(rd);
  distinguisherBytes.set(rd, bytes);
  return bytes;
}

/** @throws BgpError `malformed` 3/9 */
export function decodeRtcNlri(bytes: Uint8Array): { good: RtcNlri[]; problems: readonly NlriProblem[] } {
  const good: RtcNlri[] = [];
  const problems: NlriProblem[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] ?? 0;
    const start = at + 1;
    at = start + ((length + 7) >>> 3);
    if (length > 96 || at > bytes.length) throw malformed(3, 9, `route-target NLRI of ${length} bits`);
    if (length > 0 && length < 32) {
      if (problems.length === 0)
        problems.push({
          reaction: 'nlri-discard',
          reason: `route-target NLRI of ${length} bits: part of an AS number`,
        });
      continue;
    }
    const target = new Uint8Array(8);
    if (length > 32) target.set(bytes.subarray(start + 4, at));
    const last = (length - 33) >>> 3;
    if (length > 32 && (length & 7) !== 0) target[last] = (target[last] ?? 0) & (0xff00 >>> (length & 7));
    good.push({ originAs: length === 0 ? undefined : read32(bytes, start), target, length });
  }
  return { good, problems };
}

export function encodeRtcNlri(writer: ByteWriter, { originAs, target, length }: RtcNlri): void {
  writer.u8(length);
  if (length === 0) return;
  writer.u32(originAs ?? 0);
  writer.bytes(target.subarray(0, (length - 32 + 7) >>> 3));
}
