// Attachments: which interface belongs to which VPN with which addresses. From the configuration and by command; one interface, one VPN
// (draft-ietf-l3vpn-end-system-06 section 5). Pure; knows no kernel and no sessions.
import type { IpPrefix, MacAddress } from '@hostpe/net';
import { z } from 'zod';
import { ForwarderError } from './errors.ts';
import { hostPrefixSchema, interfaceSchema, macSchema, unsigned32Schema, vpnNameSchema } from './values.ts';

export interface Attachment {
  readonly interface: string;
  readonly vpn: string;
  /** Host prefixes of the machine behind the interface; at least one. */
  readonly addresses: readonly IpPrefix[];
  readonly mac?: MacAddress | undefined;
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
