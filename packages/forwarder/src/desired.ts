// From attachments and routes to what the kernel and the route servers should hold. Pure.
import type { IpAddress, Label } from '@hostpe/net';
import type { DesiredState, Report } from '@hostpe/reconciler';
import type { Attachment } from './attachments.ts';
import type { Underlay } from './config.ts';
import type { Publications, VpnPublications } from './publications.ts';
import { publishedRoutes } from './publications.ts';
import type { ForwardingRoutes } from './vpn-routes.ts';
import type { Vpn } from './vpns.ts';

export interface LabelledAttachment {
  readonly attachment: Attachment;
  readonly label: Label;
  /** `retracting`: on its way out, still forwarding. `removing`: has left the route servers, and the kernel is to let go of it. */
  readonly detaching: 'retracting' | 'removing' | undefined;
}

export interface HostVpn {
  readonly vpn: Vpn;
  /** At least one. */
  readonly attachments: readonly LabelledAttachment[];
  readonly forwarding: ForwardingRoutes;
  readonly complete: boolean;
}

export function desiredState(underlay: Underlay, vpns: readonly HostVpn[]): DesiredState {
  return {
    underlay,
    vpns: vpns.flatMap(({ vpn, attachments, forwarding, complete }) => {
      const desired = attachments
        .filter(({ detaching }) => detaching !== 'removing')
        .map(({ attachment, label }) => ({
          interface: attachment.interface,
          addresses: attachment.addresses,
          label,
          ...(attachment.mac === undefined ? {} : { mac: attachment.mac }),
          ...(attachment.vlan === undefined ? {} : { vlan: attachment.vlan }),
          ...(attachment.model === 'multipoint' ? { multipoint: true } : {}),
          ...(attachment.mtu === undefined ? {} : { mtu: attachment.mtu }),
        }));
      // A VPN that is left without attachments leaves the kernel with its routes.
      if (desired.length === 0) return [];
      return [
        {
          name: vpn.name,
          device: vpn.device,
          table: vpn.table,
          encapsulations: vpn.encapsulations,
          attachments: desired,
          routes: forwarding.routes,
          complete,
        },
      ];
    }),
  };
}

/**
 * @param report the reconciler's last; `ready`: VRF, gateway and label route are in the kernel. What it says of an interface counts only where it
 * is of the same VPN and label: it may be of what the interface was before a detach.
 * @param isOver whether the time to wait for failed attachments after the start is over.
 */
export function publications(
  pe: IpAddress,
  vpns: readonly HostVpn[],
  report: Report | undefined,
  isOver: boolean,
): Publications {
  const reported = new Map(
    report?.desired?.vpns.flatMap(({ name, attachments }) =>
      attachments.map((one) => [one.interface, { vpn: name, label: one.label }]),
    ),
  );
  return new Map(
    vpns.flatMap(({ vpn, attachments }): [string, VpnPublications][] => {
      const staying = attachments.filter(({ detaching }) => detaching === undefined);
      if (staying.length === 0) return [];
      const stateOf = ({ attachment, label }: LabelledAttachment) => {
        const former = reported.get(attachment.interface);
        return former?.vpn === vpn.name && former.label === label
          ? report?.attachments.get(attachment.interface)?.state
          : undefined;
      };
      const ready = staying.filter((candidate) => stateOf(candidate) === 'ready');
      // A failed one is tried again and may be ready soon. One of which there is no report yet may forward since before our start: an
      // End-of-RIB without it would make the route server withdraw it, however long the first pass takes.
      const isKnown = (state: ReturnType<typeof stateOf>) =>
        state !== undefined && (isOver || state !== 'failed');
      const settled = staying.every((one) => isKnown(stateOf(one)));
      const routes = publishedRoutes(pe, vpn.instanceId, vpn.encapsulations, ready);
      return [[vpn.name, { instanceId: vpn.instanceId, routes, settled }]];
    }),
  );
}
