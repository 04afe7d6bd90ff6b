// VLAN subinterfaces of attachments whose machine is not on this host but behind one of its interfaces, by 802.1Q tag
// (draft-ietf-l3vpn-end-system-06 section 4). Pure: state in, steps out. Never touches the interface below, nor a subinterface without our mark,
// but for one that a creation was cut short on.
import type { Link } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredAttachment, DesiredState, DesiredVlan } from './desired.ts';
import { TUNNEL_DEVICES } from './layout.ts';
import type { Step } from './step.ts';
import { kernelStep } from './step.ts';

const VLAN_ALIAS = 'hostpe vlan';

/** Whether we made a subinterface, and may so remove it. */
export function isOurVlan(link: Link): boolean {
  return link.info?.kind === 'vlan' && link.alias === VLAN_ALIAS;
}

/** Unmarked, down, in no VRF: the kernel marks a device only in a second request, so one that was cut short looks like this. */
function isCutShort(link: Link): boolean {
  return link.up !== true && !link.alias && !link.master;
}

function isRight(link: Link, { id }: DesiredVlan, parent: Link): boolean {
  const { info } = link;
  return info?.kind === 'vlan' && info.id === id && info.protocol === undefined && link.link === parent.index;
}

/** The interfaces below those of attachments: what happens to them matters too. */
export function vlanParents(desired: DesiredState): string[] {
  return desired.vpns.flatMap((vpn) => vpn.attachments.flatMap(({ vlan }) => vlan?.parent ?? []));
}

/** @returns why the kernel need not be asked for the subinterface. */
export function vlanConflict(
  { interface: name, vlan }: DesiredAttachment,
  devices: Devices,
): string | undefined {
  const parent = vlan === undefined ? undefined : devices.links.get(vlan.parent);
  if (vlan === undefined || parent === undefined) return undefined;
  if (parent.info?.kind === 'vrf' || ['lo', ...TUNNEL_DEVICES].includes(vlan.parent))
    return `${vlan.parent} is no interface that has VLANs`;
  const link = devices.links.get(name);
  if (link === undefined || isOurVlan(link) || isRight(link, vlan, parent)) return undefined;
  return `${name} exists and is not VLAN ${vlan.id} of ${vlan.parent}: give the attachment another interface name, or remove it`;
}

/** Whether a subinterface can go up: not while the one below it is down, with which it goes down and up (linux net/8021q/vlan.c). */
export function isParentUp({ vlan }: DesiredAttachment, devices: Devices): boolean {
  return vlan === undefined || devices.links.get(vlan.parent)?.up === true;
}

export interface VlanPlan {
  /** To be run before `marked`. */
  readonly made: readonly Step[];
  readonly marked: readonly Step[];
}

/** What an attachment's subinterface lacks. One that is right and not ours is used as it is, and stays when the attachment goes. */
export function planVlan(
  attachment: DesiredAttachment,
  key: string,
  name: string,
  devices: Devices,
): VlanPlan {
  const { vlan, interface: interface_ } = attachment;
  const parent = vlan === undefined ? undefined : devices.links.get(vlan.parent);
  if (vlan === undefined || parent?.index === undefined) return { made: [], marked: [] };
  const below = parent.index;
  const step = (op: 'add' | 'set' | 'delete', link: Omit<Link, 'object'>) =>
    kernelStep(key, name, { op, object: { object: 'link', ...link } });
  const link = devices.links.get(interface_);
  if (link?.index !== undefined && isRight(link, vlan, parent))
    return {
      made: [],
      marked: isCutShort(link) ? [step('set', { index: link.index, alias: VLAN_ALIAS })] : [],
    };
  // One of ours that has the name with another tag, or the tag under another name, makes room.
  const inTheWay = [...devices.links.values()].filter(
    (other) => isOurVlan(other) && (other.name === interface_ || isRight(other, vlan, parent)),
  );
  const info = { kind: 'vlan', id: vlan.id } as const;
  return {
    made: [
      ...inTheWay.map(({ index, name: other }) =>
        step('delete', {
          ...(index === undefined ? {} : { index }),
          ...(other === undefined ? {} : { name: other }),
        }),
      ),
      step('add', { name: interface_, link: below, info }),
    ],
    marked: [],
  };
}

/** The subinterfaces of ours that no attachment has any more. */
export function unwantedVlans(
  wanted: ReadonlySet<string>,
  devices: Devices,
): { readonly name: string; readonly index: number }[] {
  return [...devices.links.values()].flatMap((link) => {
    const { name, index } = link;
    if (name === undefined || index === undefined || wanted.has(name) || !isOurVlan(link)) return [];
    return [{ name, index }];
  });
}
