// Path attributes of an UPDATE from bytes to values, each error answered as RFC 7606 says. MP_REACH_NLRI and MP_UNREACH_NLRI are handed out as bytes.
import { addressFromBytes, routeTargetFromWords } from '@hostpe/net';
import { malformed } from '../error.ts';
import type { AsPathSegment, PathAttributes, UpdateProblem } from '../messages.ts';
import { decodeAsPath, mergeAsPaths } from './as-path.ts';
import {
  extendedLength,
  known,
  mpReach,
  mpUnreach,
  optional,
  partial,
  transitive,
} from './attribute-codes.ts';
import { read16, read32 } from './bytes.ts';
import { asTrans } from './open.ts';
import type { CodecOptions } from './options.ts';
import { decodeTunnels } from './tunnels.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface AttributesRead {
  readonly attributes: PathAttributes;
  /** Codes that were there, also those that were discarded. */
  readonly seen: ReadonlySet<number>;
  readonly mpReach: Uint8Array | undefined;
  readonly mpUnreach: Uint8Array | undefined;
  readonly problems: readonly UpdateProblem[];
}

interface Draft {
  readonly attributes: Writable<PathAttributes>;
  as4Path: readonly AsPathSegment[] | undefined;
  as4Aggregator: PathAttributes['aggregator'];
}

const withdraw = 'treat-as-withdraw';
const discard = 'attribute-discard';
/** What is wrong with an attribute; undefined: nothing. */
type Verdict = typeof withdraw | typeof discard | undefined;

const origins = ['igp', 'egp', 'incomplete'] as const;

/** @throws BgpError `malformed` where RFC 7606 leaves nothing but to end the session. */
export function decodeAttributes(bytes: Uint8Array, options: CodecOptions): AttributesRead {
  const draft: Draft = { attributes: emptyAttributes(), as4Path: undefined, as4Aggregator: undefined };
  const seen = new Set<number>();
  const problems: UpdateProblem[] = [];
  const multiprotocol = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const flags = bytes[at] ?? 0;
    const code = bytes[at + 1] ?? 0;
    const start = at + ((flags & extendedLength) !== 0 ? 4 : 3);
    const end = start + ((flags & extendedLength) !== 0 ? read16(bytes, at + 2) : (bytes[at + 2] ?? 0));
    if (start > bytes.length || end > bytes.length) {
      // RFC 7606 section 4: the total length is relied upon, and what was announced is withdrawn.
      problems.push({
        reaction: withdraw,
        reason: `attribute ${nameOf(code)} is longer than all attributes together`,
      });
      break;
    }
    const value = bytes.subarray(start, end);
    if (seen.has(code)) {
      if (code === mpReach || code === mpUnreach)
        throw malformed(3, 1, `${nameOf(code)} twice in one UPDATE`);
      problems.push({ reaction: discard, reason: `${nameOf(code)} a second time` });
    } else if (code === mpReach || code === mpUnreach) {
      multiprotocol.set(code, value);
      if (wrongFlags(code, flags)) problems.push({ reaction: withdraw, reason: `flags of ${nameOf(code)}` });
    } else {
      const verdict = decodeAttribute(draft, code, flags, value, options, bytes.subarray(at, end));
      if (verdict)
        problems.push({ reaction: verdict, reason: `attribute ${nameOf(code)} of ${value.length} octets` });
    }
    seen.add(code);
    at = end;
  }
  if (!options.as4) mergeAs4(draft);
  return {
    attributes: draft.attributes,
    seen,
    mpReach: multiprotocol.get(mpReach),
    mpUnreach: multiprotocol.get(mpUnreach),
    problems,
  };
}

function nameOf(code: number): string {
  return known[code]?.name ?? String(code);
}

function wrongFlags(code: number, flags: number): boolean {
  return ((known[code]?.flags ?? flags) ^ flags) >>> 6 !== 0;
}

function emptyAttributes(): Writable<PathAttributes> {
  return {
    origin: 'incomplete',
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
}

/** @param whole the attribute with its header, for the NOTIFICATION. */
function decodeAttribute(
  draft: Draft,
  code: number,
  flags: number,
  value: Uint8Array,
  options: CodecOptions,
  whole: Uint8Array,
): Verdict {
  const { attributes } = draft;
  const { length } = value;
  if (known[code] === undefined) {
    if ((flags & optional) === 0)
      throw malformed(3, 2, `well-known attribute ${code}, which is not known`, whole);
    if ((flags & transitive) !== 0)
      attributes.unknown = [
        ...attributes.unknown,
        { flags: (flags & 0xc0) | partial, code, value: value.slice() },
      ];
    return undefined;
  }
  // RFC 7606 sections 7.5, 7.9, 7.10: from an external neighbour they are discarded, whatever they hold.
  if (!options.internal && (code === 5 || code === 9 || code === 10)) return discard;
  // RFC 6793 section 4.1: who speaks four octets sends neither.
  if (options.as4 && (code === 17 || code === 18)) return discard;
  if (wrongFlags(code, flags)) return code === 23 ? discard : withdraw;
  switch (code) {
    case 1: {
      const origin = origins[value[0] ?? 255];
      if (length !== 1 || origin === undefined) return withdraw;
      attributes.origin = origin;
      return undefined;
    }
    case 2: {
      const path = decodeAsPath(value, options.as4);
      if (path === undefined || (!options.internal && path.some(({ kind }) => kind.startsWith('confed'))))
        return withdraw;
      attributes.asPath = path;
      return undefined;
    }
    case 3:
      // It means nothing beside MP_REACH_NLRI (RFC 4760 section 3), and yet it has to be well formed.
      return length === 4 ? undefined : withdraw;
    case 4:
      attributes.med = read32(value, 0);
      return length === 4 ? undefined : withdraw;
    case 5:
      attributes.localPreference = read32(value, 0);
      return length === 4 ? undefined : withdraw;
    case 6:
      if (length !== 0) return discard;
      attributes.atomicAggregate = true;
      return undefined;
    case 7:
      return setAggregator(value, options.as4, (aggregator) => {
        attributes.aggregator = aggregator;
      });
    case 8:
      attributes.communities = every(value, 4).map((at) => read32(value, at));
      return multiple(length, 4);
    case 9:
      if (length !== 4) return withdraw;
      attributes.originatorId = addressFromBytes(value);
      return undefined;
    case 10:
      attributes.clusterList = every(value, 4).map((at) => addressFromBytes(value.subarray(at, at + 4)));
      return multiple(length, 4);
    case 16:
      for (const at of every(value, 8)) {
        const target = routeTargetFromWords(read32(value, at), read32(value, at + 4));
        if (target !== undefined) attributes.routeTargets = [...attributes.routeTargets, target];
      }
      attributes.extendedCommunities = [
        ...every(value, 8)
          .filter((at) => routeTargetFromWords(read32(value, at), read32(value, at + 4)) === undefined)
          .map((at) => hex(value, at, 8)),
        ...attributes.extendedCommunities,
      ];
      return multiple(length, 8);
    case 17:
      draft.as4Path = decodeAsPath(value, true);
      return draft.as4Path === undefined ? discard : undefined;
    case 18:
      return setAggregator(value, true, (aggregator) => {
        draft.as4Aggregator = aggregator;
      });
    case 23: {
      const tunnels = decodeTunnels(value);
      if (tunnels === undefined) return withdraw;
      attributes.tunnels = tunnels;
      return tunnels.length === 0 ? discard : undefined;
    }
    case 25:
      attributes.extendedCommunities = [
        ...attributes.extendedCommunities,
        ...every(value, 20).map((at) => hex(value, at, 20)),
      ];
      return multiple(length, 20);
    default:
      attributes.largeCommunities = every(value, 12).map(
        (at) => [read32(value, at), read32(value, at + 4), read32(value, at + 8)] as const,
      );
      return multiple(length, 12);
  }
}

function setAggregator(
  value: Uint8Array,
  as4: boolean,
  set: (aggregator: PathAttributes['aggregator']) => void,
): Verdict {
  const as = as4 ? read32(value, 0) : read16(value, 0);
  // AS 0: RFC 7607 section 2.
  if (value.length !== (as4 ? 8 : 6) || as === 0) return discard;
  set({ as, identifier: addressFromBytes(value.subarray(-4)) });
  return undefined;
}

/** RFC 6793 section 4.2.3. */
function mergeAs4({ attributes, as4Path, as4Aggregator }: Draft): void {
  if (as4Aggregator !== undefined && attributes.aggregator !== undefined) {
    // Somebody aggregated who speaks two octets only: what AS4_PATH tells is older than that.
    if (attributes.aggregator.as !== asTrans) return;
    attributes.aggregator = as4Aggregator;
  }
  if (as4Path !== undefined) attributes.asPath = mergeAsPaths(attributes.asPath, as4Path);
}

function multiple(length: number, octets: number): Verdict {
  return length > 0 && length % octets === 0 ? undefined : withdraw;
}

function every(bytes: Uint8Array, octets: number): number[] {
  return Array.from({ length: Math.floor(bytes.length / octets) }, (_, index) => index * octets);
}

function hex(bytes: Uint8Array, at: number, octets: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, octets).toString('hex');
}
