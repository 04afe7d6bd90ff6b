// The first look at the kernel after a start: which VRFs and labels are ours, so that they stay what they were. Reads only.
import type { Link, Rtnetlink } from '@hostpe/rtnetlink';
import type { Adopted, AdoptedLabel } from './desired.ts';
import { FORWARDER_PROTOCOL, vpnOfAlias } from './layout.ts';

/** @throws RtnetlinkError */
export async function adopt(rtnetlink: Rtnetlink): Promise<Adopted> {
  const links = await rtnetlink.dump({ object: 'link' });
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const vrfs = new Map(links.flatMap(vpnOf));
  const labels = new Map<string, AdoptedLabel>();
  for (const route of await rtnetlink.dump({
    object: 'route',
    family: 'mpls',
    protocol: FORWARDER_PROTOCOL,
  })) {
    if (route.family !== 'mpls') continue;
    const { name, master } = byIndex.get(route.device) ?? {};
    if (name === undefined) continue;
    const vrf = master === undefined ? undefined : byIndex.get(master)?.name;
    const vpn = vrf === undefined ? undefined : vrfs.get(vrf)?.name;
    labels.set(name, { label: route.label, vpn: labels.has(name) ? undefined : vpn });
  }
  return { vpns: vrfs, labels };
}

function vpnOf({
  name: device,
  alias,
  info,
}: Link): [string, { readonly name: string; readonly table: number }][] {
  const name = vpnOfAlias(alias);
  if (name === undefined || device === undefined || info?.kind !== 'vrf') return [];
  return [[device, { name, table: info.table }]];
}
