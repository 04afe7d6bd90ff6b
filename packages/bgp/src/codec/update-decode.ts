// UPDATE from bytes (RFC 4271 section 4.3, RFC 4760), with the errors of RFC 7606: what the session survives is a value in `problems`.
import { addressFromBytes, type IpAddress, type Label } from '@hostpe/net';
import { malformed } from '../error.ts';
import type {
  Announced,
  Family,
  OtherFamily,
  RtcNlri,
  UpdateMessage,
  UpdateProblem,
  VpnNlri,
  Withdrawn,
} from '../messages.ts';
import { decodeAttributes } from './attributes-decode.ts';
import { read16 } from './bytes.ts';
import { familyFromNumbers, familyText, ipv4Unicast } from './families.ts';
import { decodeRtcNlri, decodeVpnNlri } from './nlri.ts';
import type { CodecOptions } from './options.ts';

interface Reached {
  readonly announced: Announced | undefined;
  readonly withdrawn: Withdrawn | undefined;
  /** All that is announced has a nexthop that was not agreed on. */
  readonly nexthopRefused: boolean;
}

const nothing: Reached = { announced: undefined, withdrawn: undefined, nexthopRefused: false };

/** @param body what follows the header, at least 4 octets. @throws BgpError `malformed` */
export function decodeUpdate(body: Uint8Array, options: CodecOptions): UpdateMessage {
  const withdrawnEnd = 2 + read16(body, 0);
  const attributesStart = withdrawnEnd + 2;
  const attributesEnd = attributesStart + read16(body, withdrawnEnd);
  // RFC 7606 section 3 (a): no field can be found any more.
  if (attributesStart > body.length || attributesEnd > body.length)
    throw malformed(3, 1, 'lengths of withdrawn routes and attributes that exceed the UPDATE');
  const unicast = body.subarray(attributesEnd);
  checkUnicast(body.subarray(2, withdrawnEnd));
  checkUnicast(unicast);
  if (body.length === 4) return updateOf(nothing, undefined, ipv4Unicast, []);
  const read = decodeAttributes(body.subarray(attributesStart, attributesEnd), options);
  const problems: UpdateProblem[] = [...read.problems];
  const unreached = read.mpUnreach && decodeUnreach(read.mpUnreach, options, problems);
  if (
    unreached?.empty &&
    read.seen.size === 1 &&
    problems.length === 0 &&
    withdrawnEnd === 2 &&
    unicast.length === 0
  )
    return updateOf(nothing, undefined, unreached.family, []);
  const reached = read.mpReach ? decodeReach(read.mpReach, options, problems) : nothing;
  let allWithdrawn = reached.nexthopRefused;
  if (withdrawnEnd > 2 || unicast.length > 0)
    problems.push({ reaction: 'nlri-discard', reason: 'IPv4 unicast routes: the family is not spoken' });
  if (read.mpReach !== undefined)
    for (const [code, name] of [
      [1, 'ORIGIN'],
      [2, 'AS_PATH'],
    ] as const)
      if (!read.seen.has(code)) {
        problems.push({ reaction: 'treat-as-withdraw', reason: `no ${name}, which is mandatory` });
        allWithdrawn = true;
      }
  const attributesAtFault = read.problems.some(({ reaction }) => reaction === 'treat-as-withdraw');
  // RFC 7606 section 5.2: with attributes at fault and nothing announced it is not sure that all NLRI were seen.
  if (attributesAtFault && read.mpReach === undefined && unicast.length === 0)
    throw malformed(
      3,
      1,
      `malformed attributes without NLRI: ${read.problems.map(({ reason }) => reason).join(', ')}`,
    );
  if (attributesAtFault) allWithdrawn = true;
  return {
    ...updateOf(allWithdrawn ? withdrawAll(reached) : reached, unreached?.withdrawn, undefined, problems),
    attributes: allWithdrawn || reached.announced === undefined ? undefined : read.attributes,
  };
}

function updateOf(
  { announced, withdrawn }: Reached,
  unreached: Withdrawn | undefined,
  endOfRib: Family | OtherFamily | undefined,
  problems: readonly UpdateProblem[],
): UpdateMessage {
  return {
    type: 'update',
    attributes: undefined,
    announced,
    withdrawn: join(unreached, withdrawn),
    endOfRib,
    problems,
  };
}

function join(first: Withdrawn | undefined, second: Withdrawn | undefined): readonly Withdrawn[] {
  if (first === undefined || second === undefined) return [first ?? second ?? []].flat();
  if (first.family === 'rtc' || second.family === 'rtc') {
    if (first.family !== 'rtc' || second.family !== 'rtc') return [first, second];
    return [{ family: 'rtc', memberships: [...first.memberships, ...second.memberships] }];
  }
  if (first.family !== second.family) return [first, second];
  return [{ family: first.family, routes: [...first.routes, ...second.routes] }];
}

function withdrawAll(reached: Reached): Reached {
  const { announced, withdrawn } = reached;
  if (announced === undefined) return reached;
  if (announced.family === 'rtc') return withdrawnOf('rtc', [], announced.memberships);
  const routes = announced.routes.map((route) => ({ ...route, label: 0 as Label }));
  const before = withdrawn !== undefined && withdrawn.family !== 'rtc' ? withdrawn.routes : [];
  return withdrawnOf(announced.family, [...routes, ...before], []);
}

function withdrawnOf(family: Family, routes: readonly VpnNlri[], memberships: readonly RtcNlri[]): Reached {
  return { ...nothing, withdrawn: family === 'rtc' ? { family, memberships } : { family, routes } };
}

function decodeUnreach(
  value: Uint8Array,
  options: CodecOptions,
  problems: UpdateProblem[],
): { family: Family | OtherFamily; empty: boolean; withdrawn: Withdrawn | undefined } {
  // RFC 7606 section 7.12.
  if (value.length < 3) throw malformed(3, 9, `MP_UNREACH_NLRI of ${value.length} octets`);
  const family = familyFromNumbers(read16(value, 0), value[2] ?? 0);
  if (value.length === 3) return { family, empty: true, withdrawn: undefined };
  if (!spoken(family, options, problems)) return { family, empty: false, withdrawn: undefined };
  const nlri = value.subarray(3);
  const addPath = family !== 'rtc' && options.addPathReceive.includes(family);
  if (family === 'rtc') {
    const read = decodeRtcNlri(nlri);
    problems.push(...read.problems);
    return {
      family,
      empty: false,
      withdrawn: read.good.length > 0 ? { family, memberships: read.good } : undefined,
    };
  }
  const read = decodeVpnNlri(nlri, family, addPath, true);
  problems.push(...read.problems);
  return {
    family,
    empty: false,
    withdrawn: read.good.length > 0 ? { family, routes: read.good } : undefined,
  };
}

function decodeReach(value: Uint8Array, options: CodecOptions, problems: UpdateProblem[]): Reached {
  const nexthopLength = value[3] ?? 0;
  const start = 4 + nexthopLength + 1;
  // RFC 7606 section 7.11: without the nexthop's length the NLRI cannot be found.
  if (start > value.length) throw malformed(3, 9, `MP_REACH_NLRI of ${value.length} octets`);
  const family = familyFromNumbers(read16(value, 0), value[2] ?? 0);
  if (!spoken(family, options, problems)) return nothing;
  const nexthop = decodeNexthop(family, value.subarray(4, 4 + nexthopLength));
  if (nexthop === undefined) throw malformed(3, 9, `a nexthop of ${nexthopLength} octets in ${family}`);
  const nexthopRefused = family === 'vpnv4' && nexthopLength !== 12 && !options.extendedNexthop;
  if (nexthopRefused)
    problems.push({
      reaction: 'treat-as-withdraw',
      reason: `nexthop ${nexthop}: IPv6 was not agreed on for vpnv4 (RFC 8950)`,
    });
  const nlri = value.subarray(start);
  if (family === 'rtc') {
    const read = decodeRtcNlri(nlri);
    problems.push(...read.problems);
    return read.good.length > 0
      ? { ...nothing, announced: { family, nexthop, memberships: read.good } }
      : nothing;
  }
  const read = decodeVpnNlri(nlri, family, options.addPathReceive.includes(family), false);
  problems.push(...read.problems);
  return {
    announced: read.good.length > 0 ? { family, nexthop, routes: read.good } : undefined,
    withdrawn: read.bad.length > 0 ? { family, routes: read.bad } : undefined,
    nexthopRefused,
  };
}

/**
 * With an RD of 0 in front in the VPN families (RFC 4364 section 4.3.2, RFC 4659 section 3.2.1, RFC 8950 section 3); a link-local address behind is left out.
 * @returns undefined for a length that the family does not have.
 */
function decodeNexthop(family: Family, bytes: Uint8Array): IpAddress | undefined {
  const lengths = family === 'rtc' ? [4, 16, 32] : family === 'vpnv4' ? [12, 24, 48] : [24, 48];
  if (!lengths.includes(bytes.length)) return undefined;
  const start = family === 'rtc' ? 0 : 8;
  const address = bytes.subarray(start, start + (bytes.length === 4 || bytes.length === 12 ? 4 : 16));
  const mapped =
    address.length === 16 &&
    address.subarray(0, 10).every((octet) => octet === 0) &&
    read16(address, 10) === 0xffff;
  return addressFromBytes(mapped ? address.subarray(12) : address);
}

function spoken(
  family: Family | OtherFamily,
  options: CodecOptions,
  problems: UpdateProblem[],
): family is Family {
  if (typeof family === 'string' && options.families.includes(family)) return true;
  problems.push({
    reaction: 'nlri-discard',
    reason: `routes of ${familyText(family)}: the family is not spoken`,
  });
  return false;
}

/** IPv4 unicast is read only to know that it could be (RFC 7606 section 5.3). */
function checkUnicast(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const bits = bytes[at] ?? 0;
    at += 1 + ((bits + 7) >>> 3);
    if (bits > 32 || at > bytes.length) throw malformed(3, 10, `an IPv4 prefix of ${bits} bits`);
  }
}
