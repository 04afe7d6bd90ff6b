// What the control socket tells an operator, as JSON. Reads the forwarder's facts, never changes them.
// Units: uptime and session times are seconds.
import type { Encapsulation, IpAddress, IpPrefix, Label } from '@hostpe/net';
import type { DesiredNexthop } from '@hostpe/reconciler';
import type { Attachment, AttachmentOrigin } from './attachments.ts';
import type { LabelledAttachment } from './desired.ts';
import type { Forwarder } from './forwarder.ts';
import type { SessionFacts } from './session.ts';

interface StatusView {
  readonly role: 'forwarder';
  readonly name: string;
  readonly address: IpAddress;
  readonly uptime: number;
  readonly sessions: { readonly configured: number; readonly online: number };
  readonly vpns: number;
  readonly attachments: { readonly total: number; readonly ready: number };
  readonly routes: number;
  readonly kernel: {
    /** Operations that the last pass left to do. */
    readonly pending: number | undefined;
    readonly failures: readonly { readonly object: string; readonly reason: string }[];
  };
}

interface AttachmentView extends Omit<Attachment, 'mtu'> {
  readonly label: Label;
  /** The largest packet of the machine that goes through the underlay whole, bytes: what its own interface should be told. */
  readonly mtu: number | undefined;
  /** `pending`: no report of the kernel's state yet. `detaching`: being retracted. */
  readonly state: 'pending' | 'ready' | 'down' | 'absent' | 'failed' | 'detaching';
  readonly reason: string | undefined;
  readonly origin: AttachmentOrigin | undefined;
}

interface VpnView {
  readonly vpn: string;
  readonly device: string;
  readonly table: number;
  readonly instanceId: number;
  readonly encapsulations: readonly Encapsulation[];
  readonly attachments: number;
  readonly routes: number;
  /** Whether the route servers have told all; until then the kernel keeps what it had. */
  readonly complete: boolean;
}

type NexthopView =
  | {
      readonly kind: 'remote';
      readonly address: IpAddress;
      readonly label: Label;
      readonly encapsulation: Encapsulation;
    }
  | { readonly kind: 'local'; readonly interface: string };

interface RouteView {
  readonly vpn: string;
  readonly prefix: IpPrefix;
  /** Empty where none can be used. */
  readonly nexthops: readonly NexthopView[];
  readonly sequenceNumber: number | undefined;
  readonly localPreference: number | undefined;
  /** The route server that said it. */
  readonly server: string | undefined;
  /** Its session was lost, or began anew, and it has not said the route since. */
  readonly stale: boolean;
  /** Why a nexthop is not used. */
  readonly problem: string | undefined;
}

export function statusView(forwarder: Forwarder): StatusView {
  const { config, uptime, report, sessions, vpns, best } = forwarder.facts();
  const attachments = attachmentViews(forwarder);
  return {
    role: 'forwarder',
    name: config.name,
    address: config.underlay.address,
    uptime: Math.floor(uptime / 1000),
    sessions: {
      configured: sessions.length,
      online: sessions.filter(({ state }) => state === 'online').length,
    },
    vpns: vpns.length,
    attachments: {
      total: attachments.length,
      ready: attachments.filter(({ state }) => state === 'ready').length,
    },
    routes: vpns.reduce((sum, { vpn }) => sum + best(vpn.name).size, 0),
    kernel: { pending: report?.pending, failures: report?.failures ?? [] },
  };
}

export function attachmentViews(forwarder: Forwarder): readonly AttachmentView[] {
  const { report, vpns, originOf } = forwarder.facts();
  const view = ({ attachment, label, detaching }: LabelledAttachment): AttachmentView => {
    const found = report?.attachments.get(attachment.interface);
    return {
      ...attachment,
      label,
      mtu: found?.mtu,
      state: detaching === undefined ? (found?.state ?? 'pending') : 'detaching',
      reason: found?.reason,
      origin: originOf(attachment.interface),
    };
  };
  return vpns.flatMap(({ attachments }) => attachments.map(view));
}

export function vpnViews(forwarder: Forwarder): readonly VpnView[] {
  const { vpns, best } = forwarder.facts();
  return vpns.map(({ vpn, attachments, complete }) => ({
    vpn: vpn.name,
    device: vpn.device,
    table: vpn.table,
    instanceId: vpn.instanceId,
    encapsulations: vpn.encapsulations,
    attachments: attachments.length,
    routes: best(vpn.name).size,
    complete,
  }));
}

/** @returns undefined where nothing is attached to the VPN. */
export function routeViews(forwarder: Forwarder, only: string | undefined): readonly RouteView[] | undefined {
  const { vpns, best, originOfRoute } = forwarder.facts();
  const chosen = only === undefined ? vpns : vpns.filter(({ vpn }) => vpn.name === only);
  if (only !== undefined && chosen.length === 0) return undefined;
  return chosen.flatMap(({ vpn, forwarding }) =>
    [...best(vpn.name).values()].map(({ prefix, sequenceNumber, localPreference }) => {
      const origin = originOfRoute(vpn.name, prefix);
      return {
        vpn: vpn.name,
        prefix,
        nexthops: (forwarding.routes.get(prefix) ?? []).map(nexthopView),
        sequenceNumber,
        localPreference,
        server: origin?.server,
        stale: origin?.stale ?? false,
        problem: forwarding.problems.get(prefix),
      };
    }),
  );
}

function nexthopView(nexthop: DesiredNexthop): NexthopView {
  if (nexthop.kind === 'local') return nexthop;
  const { pe: address, label, encapsulation } = nexthop;
  return { kind: 'remote', address, label, encapsulation };
}

export function sessionViews(forwarder: Forwarder): readonly SessionFacts[] {
  return forwarder.facts().sessions;
}
