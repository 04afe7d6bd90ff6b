// Attachments: which interface belongs to which VPN with which addresses. From the configuration and by command; one interface, one VPN
// (draft-ietf-l3vpn-end-system-06 section 5). Pure; knows no kernel and no sessions.

import { join } from 'node:path';
import { StateFile } from '@hostpe/daemon';
import type { IpPrefix, MacAddress } from '@hostpe/net';
import { z } from 'zod';
import { ForwarderError } from './errors.ts';
import {
  hostPrefixSchema,
  interfaceSchema,
  machineMtuSchema,
  macSchema,
  unsigned32Schema,
  vlanSchema,
  vpnNameSchema,
} from './values.ts';

export interface Attachment {
  readonly interface: string;
  readonly vpn: string;
  /** Host prefixes of the machine behind the interface; at least one. */
  readonly addresses: readonly IpPrefix[];
  readonly mac?: MacAddress | undefined;
  /** The interface is this VLAN of another one, and made where it is not there: the machine is not on this host. */
  readonly vlan?: { readonly parent: string; readonly id: number } | undefined;
  /** `multipoint`: the machine takes a subnet for on-link, and asks by ARP for each of its neighbours. Absent: point to point. */
  readonly model?: 'point-to-point' | 'multipoint' | undefined;
  /** That the interface is given, bytes; `underlay`: what the underlay carries whole. Absent: it keeps its own. */
  readonly mtu?: number | 'underlay' | undefined;
  /** 32 bits; higher is newer: which host has a machine that several announce (a move). */
  readonly sequenceNumber?: number | undefined;
  /** 32 bits. */
  readonly localPreference?: number | undefined;
}

export type AttachmentOrigin = 'configuration' | 'command';

const shared = {
  interface: interfaceSchema,
  vpn: vpnNameSchema,
  addresses: z
    .array(hostPrefixSchema)
    .min(1)
    .refine((list) => new Set(list).size === list.length, 'names an address twice'),
  mac: macSchema.optional(),
  vlan: vlanSchema.optional(),
  mtu: machineMtuSchema.optional(),
  model: z.enum(['point-to-point', 'multipoint']).optional(),
};

/** An attachment in JSON: in the API and in the state file. */
export const attachmentSchema: z.ZodType<Attachment> = z.strictObject({
  ...shared,
  sequenceNumber: unsigned32Schema.optional(),
  localPreference: unsigned32Schema.optional(),
});

/** An attachment as the configuration file writes it. */
export const configuredAttachmentSchema = z
  .strictObject({
    ...shared,
    'sequence-number': unsigned32Schema.optional(),
    'local-preference': unsigned32Schema.optional(),
  })
  .transform(
    ({ 'sequence-number': sequenceNumber, 'local-preference': localPreference, ...written }): Attachment => ({
      ...written,
      sequenceNumber,
      localPreference,
    }),
  );

export interface AttachmentEntry {
  readonly attachment: Attachment;
  readonly origin: AttachmentOrigin;
}

/**
 * @param others those that are there already
 * @returns what keeps the attachment's VLAN from being made beside theirs
 */
export function vlanProblem(
  { interface: name, vlan }: Attachment,
  others: readonly Attachment[],
): string | undefined {
  const below = others.find((other) => other.vlan?.parent === name);
  if (below !== undefined) return `${name} carries the VLAN of ${below.interface}`;
  if (vlan === undefined) return undefined;
  if (vlan.parent === name) return `${name} cannot be a VLAN of itself`;
  if (others.some((other) => other.interface === vlan.parent))
    return `${vlan.parent} is attached itself: its VLANs cannot be`;
  const same = others.find((other) => other.vlan?.parent === vlan.parent && other.vlan.id === vlan.id);
  return same === undefined
    ? undefined
    : `VLAN ${vlan.id} of ${vlan.parent} is that of ${same.interface} already`;
}

export class AttachmentTable {
  readonly #entries = new Map<string, AttachmentEntry>();

  /** @throws ForwarderError `attachment-exists` */
  add(attachment: Attachment, origin: AttachmentOrigin): void {
    const present = this.#entries.get(attachment.interface);
    if (present !== undefined)
      throw new ForwarderError(
        'attachment-exists',
        `${attachment.interface} is already attached to VPN ${present.attachment.vpn} by ${present.origin === 'command' ? 'command: detach it first' : 'the configuration file'}`,
      );
    this.#entries.set(attachment.interface, { attachment, origin });
  }

  /** @throws ForwarderError `attachment-unknown`, or `attachment-configured` as a command cannot undo the configuration. */
  removable(name: string): Attachment {
    const present = this.#entries.get(name);
    if (present === undefined) throw new ForwarderError('attachment-unknown', `${name} is not attached`);
    if (present.origin === 'configuration')
      throw new ForwarderError(
        'attachment-configured',
        `${name} is attached to VPN ${present.attachment.vpn} by the configuration file: remove it there and restart`,
      );
    return present.attachment;
  }

  remove(name: string): void {
    this.#entries.delete(name);
  }

  get(name: string): AttachmentEntry | undefined {
    return this.#entries.get(name);
  }

  /** In the order in which they were added. */
  all(): readonly AttachmentEntry[] {
    return [...this.#entries.values()];
  }

  /** What a restart must find again: the ones by command. */
  commanded(): readonly Attachment[] {
    return this.all().flatMap(({ attachment, origin }) => (origin === 'command' ? [attachment] : []));
  }
}

/** Where attachments made by command are kept: STATE-DIRECTORY/attachments.json. */
export function attachmentFile(directory: string): StateFile<Attachment> {
  return new StateFile({
    path: join(directory, 'attachments.json'),
    key: 'attachments',
    what: 'the attachments made by command',
    schema: attachmentSchema,
  });
}
