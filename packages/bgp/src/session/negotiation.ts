// What two OPENs agree on (RFC 4271 sections 4.2 and 6.2). Owns the content of our OPEN and the checks of the peer's; keeps nothing.
// Times are seconds.
import { ByteWriter } from '../codec/bytes.ts';
import { encodeCapability } from '../codec/capabilities.ts';
import type { CodecOptions, VpnFamily } from '../codec/options.ts';
import { type BgpError, malformed } from '../error.ts';
import type { Capability, Family, OpenMessage, OtherFamily } from '../messages.ts';
import type { SessionConfiguration } from './configuration.ts';

/** What holds for a session from OpenConfirm on. */
export interface Negotiated {
  readonly codec: CodecOptions;
  /** The lesser of the two; 0: neither KEEPALIVE nor an end of silence. */
  readonly holdTime: number;
  /** A third of it. */
  readonly keepaliveTime: number;
  readonly peer: OpenMessage;
  readonly families: readonly Family[];
  /** What the peer answers: requests (RFC 2918), and with begin and end (RFC 7313). */
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** What the peer says of its restart; undefined where not both speak RFC 4724. */
  readonly gracefulRestart: PeerGracefulRestart | undefined;
  /** Empty where not both speak RFC 9494. */
  readonly longLived: readonly {
    readonly family: Family;
    readonly forwarding: boolean;
    readonly time: number;
  }[];
}

export interface PeerGracefulRestart {
  /** The peer has restarted: it waits for our End-of-RIB. */
  readonly restarting: boolean;
  /** Both keep routes over a NOTIFICATION too, unless it is a hard reset (RFC 8538). */
  readonly notification: boolean;
  readonly time: number;
  /** Families whose routes are to be kept while it is away; `forwarding`: it kept its own forwarding state. */
  readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[];
}

/** Our OPEN. */
export function localOpen(configuration: SessionConfiguration): OpenMessage {
  const { localAs, holdTime, identifier, families, gracefulRestart, longLived } = configuration;
  const paths = families.flatMap((family) => {
    const mode = addPathMode(configuration, family);
    return mode === undefined ? [] : [{ family, mode }];
  });
  const capabilities: Capability[] = [
    ...families.map((family): Capability => ({ kind: 'multiprotocol', family })),
    { kind: 'route-refresh' },
    { kind: 'enhanced-route-refresh' },
    { kind: 'extended-message' },
    { kind: 'as4', as: localAs },
  ];
  if (configuration.extendedNexthop && families.includes('vpnv4'))
    capabilities.push({ kind: 'extended-nexthop', entries: [{ family: 'vpnv4', nexthop: 'ipv6' }] });
  if (paths.length > 0) capabilities.push({ kind: 'add-path', families: paths });
  if (gracefulRestart !== undefined)
    capabilities.push({ kind: 'graceful-restart', notification: true, ...gracefulRestart });
  // RFC 9494 section 4.2: it means nothing without the capability of RFC 4724.
  if (gracefulRestart !== undefined && longLived.length > 0)
    capabilities.push({ kind: 'long-lived-graceful-restart', families: longLived });
  return { type: 'open', as: localAs, holdTime, identifier, capabilities };
}

function addPathMode(
  { addPathReceive, addPathSend }: SessionConfiguration,
  family: Family,
): 'both' | 'receive' | 'send' | undefined {
  const receive = addPathReceive.some((one) => one === family);
  const send = addPathSend.some((one) => one === family);
  return receive && send ? 'both' : receive ? 'receive' : send ? 'send' : undefined;
}

/** @returns what holds from now on, or why the peer is refused, with the NOTIFICATION that tells it. */
export function negotiate(configuration: SessionConfiguration, open: OpenMessage): Negotiated | BgpError {
  const { localAs, peerAs, identifier, families, requiredFamilies } = configuration;
  if (open.as !== peerAs) return malformed(2, 2, `AS ${open.as}; ${peerAs} is configured`);
  const internal = peerAs === localAs;
  // RFC 6286 section 2.2: identifiers are unique in an AS, no further.
  if (internal && open.identifier === identifier)
    return malformed(2, 3, `BGP identifier ${identifier}, which is our own`);
  const offered = open.capabilities.flatMap((one) => (one.kind === 'multiprotocol' ? [one.family] : []));
  const lacking = requiredFamilies.filter((family) => !offered.includes(family));
  if (lacking.length > 0)
    return malformed(2, 7, `no ${lacking.join(', ')}, which is required`, multiprotocol(lacking));

  const common = families.filter((family) => offered.includes(family));
  const has = (kind: Capability['kind']) => open.capabilities.some((one) => one.kind === kind);
  const holdTime = Math.min(configuration.holdTime, open.holdTime);
  return {
    codec: {
      as4: has('as4'),
      internal,
      extendedMessage: has('extended-message'),
      families: common,
      addPathReceive: paths(open, common, configuration.addPathReceive, 'send'),
      addPathSend: paths(open, common, configuration.addPathSend, 'receive'),
      extendedNexthop:
        configuration.extendedNexthop &&
        open.capabilities.some(
          (one) =>
            one.kind === 'extended-nexthop' &&
            one.entries.some(({ family, nexthop }) => family === 'vpnv4' && nexthop === 'ipv6'),
        ),
    },
    holdTime,
    keepaliveTime: holdTime / 3,
    peer: open,
    families: common,
    routeRefresh: has('route-refresh'),
    enhancedRouteRefresh: has('route-refresh') && has('enhanced-route-refresh'),
    ...restart(configuration, open, common),
  };
}

function multiprotocol(families: readonly Family[]): Uint8Array {
  const writer = new ByteWriter(6 * families.length);
  for (const family of families) encodeCapability(writer, { kind: 'multiprotocol', family });
  return writer.take();
}

/** Families that the peer does `other` of what we do with them. */
function paths(
  open: OpenMessage,
  common: readonly Family[],
  ours: readonly VpnFamily[],
  other: 'send' | 'receive',
): VpnFamily[] {
  const theirs = open.capabilities.flatMap((one) => (one.kind === 'add-path' ? one.families : []));
  return ours.filter(
    (name) =>
      common.includes(name) &&
      theirs.some(({ family, mode }) => family === name && (mode === other || mode === 'both')),
  );
}

function restart(
  { gracefulRestart: ours, longLived: lives }: SessionConfiguration,
  open: OpenMessage,
  common: readonly Family[],
): Pick<Negotiated, 'gracefulRestart' | 'longLived'> {
  const theirs = open.capabilities.find((one) => one.kind === 'graceful-restart');
  const long = open.capabilities.find((one) => one.kind === 'long-lived-graceful-restart');
  if (ours === undefined || theirs === undefined) return { gracefulRestart: undefined, longLived: [] };
  return {
    gracefulRestart: {
      restarting: theirs.restarting,
      notification: theirs.notification,
      time: theirs.time,
      families: spoken(theirs.families, common),
    },
    longLived: lives.length === 0 || long === undefined ? [] : spoken(long.families, common),
  };
}

function spoken<T extends { readonly family: Family | OtherFamily }>(
  families: readonly T[],
  common: readonly Family[],
): (T & { readonly family: Family })[] {
  return families.filter((one): one is T & { readonly family: Family } =>
    common.some((family) => family === one.family),
  );
}
