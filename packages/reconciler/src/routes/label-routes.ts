// The label routes that lead to attachments: what is wanted beside what the kernel is known to have. Pure: state in, steps out.
import type { Label } from '@hostpe/net';
import type { MplsRoute } from '@hostpe/rtnetlink';
import type { Devices } from '../actual.ts';
import { attachmentKey, machineAddress } from '../attachments.ts';
import type { DesiredState } from '../desired.ts';
import { isSameLabelRoute } from '../forwarding-compare.ts';
import { labelKey } from '../keys.ts';
import { FORWARDER_PROTOCOL } from '../layout.ts';
import type { Step } from '../step.ts';
import { kernelStep } from '../step.ts';
import { readyVrf } from '../vrfs.ts';

interface TargetLabel {
  readonly route: MplsRoute;
  readonly name: string;
  readonly needs: readonly string[];
}

/** What each label of ours should lead to now. */
export function targetLabels(desired: DesiredState, devices: Devices): ReadonlyMap<Label, TargetLabel> {
  const labels = new Map<Label, TargetLabel>();
  for (const vpn of desired.vpns) {
    for (const attachment of vpn.attachments) {
      const device = devices.links.get(attachment.interface)?.index;
      const via = machineAddress(attachment);
      const vrf = readyVrf(vpn, devices)?.index;
      // Only of a member of the VRF: else the label would lead past the interface's own VPN.
      if (device === undefined || via === undefined || vrf === undefined) continue;
      if (devices.byIndex.get(device)?.master !== vrf) continue;
      labels.set(attachment.label, {
        route: {
          object: 'route',
          family: 'mpls',
          label: attachment.label,
          protocol: FORWARDER_PROTOCOL,
          device,
          via,
        },
        name: `label ${attachment.label} of attachment ${attachment.interface} of VPN ${vpn.name}`,
        needs: [attachmentKey(attachment.interface)],
      });
    }
  }
  return labels;
}

/** Labels whose routes are right already. */
export function labelsInPlace(
  wanted: ReadonlyMap<Label, TargetLabel>,
  actual: readonly MplsRoute[],
): Set<Label> {
  return new Set(
    actual.flatMap((route) => {
      const target = wanted.get(route.label)?.route;
      return target !== undefined && isSameLabelRoute(route, target) ? [route.label] : [];
    }),
  );
}

export function planLabels(wanted: ReadonlyMap<Label, TargetLabel>, actual: readonly MplsRoute[]): Step[] {
  const existing = new Map(actual.map((route) => [route.label, route]));
  return [...wanted]
    .filter(([label, { route }]) => !isSameLabelRoute(existing.get(label), route))
    .map(([label, { route, name, needs }]) => {
      // Not `replace` for a new one: a label that a routing daemon uses is not ours to take.
      const op = existing.has(label) ? 'replace' : 'add';
      return kernelStep(labelKey(label), name, { op, object: route }, { needs });
    });
}

export function planLabelRemovals(
  wanted: ReadonlyMap<Label, TargetLabel>,
  actual: readonly MplsRoute[],
): Step[] {
  return actual
    .filter((route) => !wanted.has(route.label))
    .map((object) =>
      kernelStep(`remove ${labelKey(object.label)}`, `label ${object.label}`, { op: 'delete', object }),
    );
}
