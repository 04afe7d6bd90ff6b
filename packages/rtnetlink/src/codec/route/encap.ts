// Lightweight tunnels of routes and nexthops: LWTUNNEL_ENCAP_* of linux/lwtunnel.h, MPLS_IPTUNNEL_* of linux/mpls_iptunnel.h. MPLS has a
// form; the others are carried as they are.
import type { Label } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import type { OtherEncap } from '../../objects.ts';
import { type AttributeNames, AttributeTable, type Format, present } from '../wire/attributes.ts';
import { ignored, labels } from '../wire/formats.ts';

const encapNone = 0;
const encapMpls = 1;
const encapIp = 2;
const encapIp6 = 4;

const mplsAttributes = new AttributeTable({
  MPLS_IPTUNNEL_DST: [1, labels],
  MPLS_IPTUNNEL_TTL: [2, ignored],
});

/** Of a lightweight tunnel whose attributes have no names here. */
const namelessAttributes = new AttributeTable({});

/** By type: names for errors. What is in them is not read. */
const otherAttributes: Readonly<Record<number, AttributeNames>> = {
  [encapIp]: new AttributeTable({
    LWTUNNEL_IP_ID: [1, ignored],
    LWTUNNEL_IP_DST: [2, ignored],
    LWTUNNEL_IP_SRC: [3, ignored],
    LWTUNNEL_IP_TTL: [4, ignored],
    LWTUNNEL_IP_TOS: [5, ignored],
    LWTUNNEL_IP_FLAGS: [6, ignored],
    LWTUNNEL_IP_PAD: [7, ignored],
    LWTUNNEL_IP_OPTS: [8, ignored],
  }),
  [encapIp6]: new AttributeTable({
    LWTUNNEL_IP6_ID: [1, ignored],
    LWTUNNEL_IP6_DST: [2, ignored],
    LWTUNNEL_IP6_SRC: [3, ignored],
    LWTUNNEL_IP6_HOPLIMIT: [4, ignored],
    LWTUNNEL_IP6_TC: [5, ignored],
    LWTUNNEL_IP6_FLAGS: [6, ignored],
    LWTUNNEL_IP6_PAD: [7, ignored],
    LWTUNNEL_IP6_OPTS: [8, ignored],
  }),
};

/** What an encap attribute holds: labels, or the attributes of another type. */
export type EncapValue = readonly Label[] | Uint8Array;

/** @param typeName the attribute beside it that holds the type. */
export function encap(typeName: string): Format<EncapValue> {
  return {
    isNested: true,
    isDependent: true,
    inside: (values) => {
      const type = Number(values[typeName]);
      return type === encapMpls ? mplsAttributes : (otherAttributes[type] ?? namelessAttributes);
    },
    read: (payload, values) => {
      if (values[typeName] !== encapMpls) return payload.bytes().slice();
      return mplsAttributes.read(payload).MPLS_IPTUNNEL_DST ?? [];
    },
    write: (writer, value) => {
      if (value instanceof Uint8Array) writer.bytes(value);
      else mplsAttributes.write(writer, { MPLS_IPTUNNEL_DST: value });
    },
  };
}

interface EncapFacts {
  readonly encapLabels?: readonly Label[];
  readonly otherEncap?: OtherEncap;
}

/** @returns the values of the type attribute and of the encap attribute. @throws RtnetlinkError `invalid` */
export function encapValues({ encapLabels, otherEncap }: EncapFacts): {
  readonly type: number | undefined;
  readonly encap: EncapValue | undefined;
} {
  if (encapLabels !== undefined && otherEncap !== undefined)
    throw new RtnetlinkError('invalid', 'encapLabels and otherEncap: there can be one encapsulation');
  if (otherEncap !== undefined && (otherEncap.type === encapNone || otherEncap.type === encapMpls))
    throw new RtnetlinkError('invalid', `otherEncap of type ${otherEncap.type}, which is none or MPLS`);
  if (encapLabels !== undefined) return { type: encapMpls, encap: encapLabels };
  return { type: otherEncap?.type, encap: otherEncap?.attributes };
}

/** The reverse of `encapValues`. */
export function encapFacts(type: number | undefined, value: EncapValue | undefined): EncapFacts {
  if (type === undefined || value === undefined) return {};
  const isOther = value instanceof Uint8Array;
  return present<EncapFacts>({
    encapLabels: isOther ? undefined : value,
    otherEncap: isOther ? { type, attributes: value } : undefined,
  });
}
