// Keeps the host's own IPv6 default route when forwarding goes on: a host that forwards ignores router advertisements (accept_ra = 1), and
// the kernel drops at once the default routes that it has from them (linux net/ipv6/addrconf.c). Pure but for the reads.
import type { Rtnetlink, Sysctl } from '@hostpe/rtnetlink';
import { sysctlKeys } from '@hostpe/rtnetlink';

/** RTPROT_RA of linux/rtnetlink.h. */
const ROUTER_ADVERTISEMENT = 9;
/** RT_TABLE_MAIN. */
const MAIN_TABLE = 254;

/** Why accept_ra is set. */
export const acceptRaReason =
  'the host has its IPv6 default route by router advertisement, which it would ignore once it forwards';

/**
 * @param links by name
 * @returns names of the interfaces over which the host has an IPv6 default route by router advertisement, and whose accept_ra is 1; none where the
 * host forwards already: how it comes to its routes then is the operator's choice
 */
export async function readAdvertised(
  rtnetlink: Rtnetlink,
  sysctl: Sysctl,
  links: ReadonlyMap<string, { readonly index?: number }>,
): Promise<ReadonlySet<string>> {
  if ((await sysctl.get(sysctlKeys.ipv6Forwarding('all'))) !== false) return new Set();
  const routes = await rtnetlink.dump({
    object: 'route',
    family: 'ipv6',
    table: MAIN_TABLE,
    protocol: ROUTER_ADVERTISEMENT,
  });
  const devices = new Set(
    routes
      .filter(({ prefix }) => prefix === '::/0')
      .flatMap(({ device, multipath = [] }) => [device, ...multipath.map((leg) => leg.device)]),
  );
  const names = new Set<string>();
  for (const [name, { index }] of links) {
    if (devices.has(index) && (await sysctl.get(sysctlKeys.acceptRa(name))) === 1) names.add(name);
  }
  return names;
}
