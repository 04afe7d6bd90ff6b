// What the reconciler tells the forwarder after each pass. Pure.
import type { Label } from '@hostpe/net';
import type { Devices } from './actual.ts';
import { attachmentKey, interfaceState } from './attachments.ts';
import type { DesiredAttachment, DesiredState, DesiredVpn } from './desired.ts';
import { labelKey } from './keys.ts';
import { machineMtu, underlayMtu } from './mtu.ts';
import type { Failure, Progress } from './step.ts';
import { vrfKey } from './vrfs.ts';

export interface AttachmentReport {
  /**
   * - `ready`: VRF membership, gateway and label route are in the kernel; only then may its routes be published.
   * - `down`: not up, or without carrier.
   * - `absent`: there is no such interface.
   * - `failed`: see `reason`; tried again.
   */
  readonly state: 'ready' | 'down' | 'absent' | 'failed';
  readonly reason?: string;
  /** The largest packet of the machine that the underlay carries whole: what its own interface should be told. Bytes. */
  readonly mtu?: number;
}

export interface Report {
  /** What `attachments` were brought to: the very object that was handed in, perhaps not the latest. Undefined before the first whole pass. */
  readonly desired: DesiredState | undefined;
  /** Objects that are not in the kernel as they should be; 0 when the kernel is as desired. */
  readonly pending: number;
  /** Those that failed by themselves; the others wait for them. */
  readonly failures: readonly Failure[];
  /** By interface. */
  readonly attachments: ReadonlyMap<string, AttachmentReport>;
}

/** The key of the guard, which everything waits for. */
export const GUARD_KEY = 'guard';

/** @param labels the label routes that are in the kernel as they should be */
export function attachmentReports(
  desired: DesiredState,
  devices: Devices,
  labels: ReadonlySet<Label>,
  progress: Progress,
): ReadonlyMap<string, AttachmentReport> {
  const attachments = new Map<string, AttachmentReport>();
  const underlay = underlayMtu(desired.underlay, devices);
  for (const vpn of desired.vpns) {
    for (const attachment of vpn.attachments) {
      attachments.set(attachment.interface, {
        ...attachmentReport(attachment, vpn, devices, labels, progress),
        mtu: machineMtu(desired.underlay, underlay, vpn.encapsulations),
      });
    }
  }
  return attachments;
}

function attachmentReport(
  attachment: DesiredAttachment,
  vpn: DesiredVpn,
  devices: Devices,
  labels: ReadonlySet<Label>,
  progress: Progress,
): AttachmentReport {
  const state = interfaceState(attachment, vpn, devices);
  if (state === 'absent' || state === 'down') return { state };
  const own = progress.trouble(attachmentKey(attachment.interface));
  if (own === undefined && state === 'up' && labels.has(attachment.label)) return { state: 'ready' };
  const reason =
    own ??
    progress.trouble(vrfKey(vpn.name)) ??
    progress.trouble(labelKey(attachment.label)) ??
    progress.trouble(GUARD_KEY) ??
    'it is not attached yet';
  return { state: 'failed', reason };
}
