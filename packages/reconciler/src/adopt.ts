// The first look at the kernel after a start: which VRFs and labels are ours, so that they stay what they were. Reads only.
import type { Label } from '@hostpe/net';
import type { Link, Rtnetlink } from '@hostpe/rtnetlink';
import type { Adopted } from './desired.ts';
import { FORWARDER_PROTOCOL, vpnOfAlias } from './layout.ts';

/** @throws RtnetlinkError */
export async function adopt(rtnetlink: Rtnetlink): Promise<Adopted> {
  const links = await rtnetlink.dump({ object: 'link' });
  const names = new Map<number, string>();
  for (const { index, name } of links) {
    if (index !== undefined && name !== undefined) names.set(index, name);
  }
  const labels = new Map<string, Label>();
  for (const route of await rtnetlink.dump({
    object: 'route',
    family: 'mpls',
    protocol: FORWARDER_PROTOCOL,
  })) {
    const name = route.family === 'mpls' ? names.get(route.device) : undefined;
    if (route.family === 'mpls' && name !== undefined) labels.set(name, route.label);
  }
  return { vpns: new Map(links.flatMap(vpnOf)), labels };
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
