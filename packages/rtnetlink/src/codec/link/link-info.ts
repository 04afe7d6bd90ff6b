// What kind of device a link is: IFLA_LINKINFO of linux/if_link.h. The attributes of each kind are in the file of its group.
import { AttributeTable, type Format } from '../wire/attributes.ts';
import { ignored, text } from '../wire/formats.ts';
import { Payload } from '../wire/reader.ts';
import { gre, ip6gre } from './gre.ts';
import { ip6tnl, ipip } from './ip-tunnel.ts';
import type { KindFacts, LinkForm } from './link-form.ts';
import { bridge, dummy, veth, vlan, vrf } from './link-kinds.ts';

/** MODULE_NAME_LEN, without the terminating zero. */
const longestKind = 55;
const nothing = new Payload(new DataView(new ArrayBuffer(0)), 0, 0);

const forms: ReadonlyMap<unknown, LinkForm> = new Map<unknown, LinkForm>([
  ['vrf', vrf],
  ['dummy', dummy],
  ['veth', veth],
  ['gre', gre],
  ['ip6gre', ip6gre],
  ['ipip', ipip],
  ['ip6tnl', ip6tnl],
  ['vlan', vlan],
  ['bridge', bridge],
]);

/** The attributes of the kind; left as they are in a read, until all of IFLA_LINKINFO is. */
const data: Format<Payload | KindFacts> = {
  isNested: true,
  inside: ({ IFLA_INFO_KIND: kind }) => forms.get(kind)?.names,
  read: (payload) => payload,
  write: (writer, facts) => {
    if (facts instanceof Payload) return;
    const { info, below } = facts;
    if (info.kind === 'other') writer.bytes(info.data ?? new Uint8Array());
    else forms.get(info.kind)?.write(writer, info, below);
  },
};

const infoAttributes = new AttributeTable({
  IFLA_INFO_KIND: [1, text(longestKind)],
  IFLA_INFO_DATA: [2, data],
  IFLA_INFO_XSTATS: [3, ignored],
  IFLA_INFO_SLAVE_KIND: [4, ignored],
  IFLA_INFO_SLAVE_DATA: [5, ignored],
});

/** Read as undefined where no kind is named, as of a physical device. */
export const linkInfo: Format<KindFacts | undefined> = {
  isNested: true,
  inside: () => infoAttributes,
  read: (payload) => {
    const { IFLA_INFO_KIND: kind, IFLA_INFO_DATA: value } = infoAttributes.read(payload);
    if (kind === undefined) return undefined;
    const raw = value instanceof Payload ? value : undefined;
    const facts = forms.get(kind)?.read(raw ?? nothing);
    return facts ?? { info: { kind: 'other', name: kind, ...(raw && { data: raw.bytes().slice() }) } };
  },
  write: (writer, facts) => {
    if (facts === undefined) return;
    const { kind, ...said } = facts.info;
    const isOther = facts.info.kind === 'other';
    const hasData = isOther ? facts.info.data !== undefined : Object.keys(said).length > 0;
    infoAttributes.write(writer, {
      IFLA_INFO_KIND: facts.info.kind === 'other' ? facts.info.name : kind,
      IFLA_INFO_DATA: hasData ? facts : undefined,
    });
  },
};
