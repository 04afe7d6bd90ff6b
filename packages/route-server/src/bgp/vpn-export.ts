// The routes of forwarders as this speaker's own in BGP. Owns their RDs; never chooses among paths.
import type { Rib as BgpRib, PathAttributes, VpnFamily } from '@hostpe/bgp';
import type { IpAddress, IpPrefix, Label, RouteDistinguisher, RouteTarget } from '@hostpe/net';
import type { RibPath } from '../adj-rib-in.ts';
import { attributesOf } from './route-attributes.ts';

export interface VpnExportParts {
  readonly rib: Pick<BgpRib, 'announce' | 'withdraw'>;
  /** Our own routes' source in it. */
  readonly source: number;
  readonly distinguisher: (account: string, vpn: string) => RouteDistinguisher;
  readonly exportTargets: (vpn: string) => readonly RouteTarget[];
}

const noLabel = 0 as Label;

export class VpnExport {
  readonly #parts: VpnExportParts;
  /** By account and VPN: the RD under which its routes are announced. */
  readonly #distinguishers = new Map<string, RouteDistinguisher>();

  constructor(parts: VpnExportParts) {
    this.#parts = parts;
  }

  /** A forwarder's routes in a VPN have this RD from now on. @param paths those that it has, to be announced with it in place of the former one */
  renumber(
    account: string,
    vpn: string,
    rd: RouteDistinguisher,
    paths: () => ReadonlyMap<IpPrefix, RibPath>,
  ): void {
    const key = `${account} ${vpn}`;
    const known = this.#distinguishers.get(key);
    if (known === rd) return;
    const published = known === undefined ? undefined : paths();
    if (published === undefined || published.size === 0) {
      this.#distinguishers.set(key, rd);
      return;
    }
    this.changed(account, vpn, new Map([...published.keys()].map((prefix) => [prefix, undefined])));
    this.#distinguishers.set(key, rd);
    this.changed(account, vpn, published);
  }

  /**
   * What a forwarder has in a VPN changed.
   * @param paths by prefix; undefined: it has none any more.
   */
  changed(account: string, vpn: string, paths: ReadonlyMap<IpPrefix, RibPath | undefined>): void {
    const { rib, source, distinguisher, exportTargets } = this.#parts;
    const key = `${account} ${vpn}`;
    const rd = this.#distinguishers.get(key) ?? distinguisher(account, vpn);
    this.#distinguishers.set(key, rd);
    const routeTargets = exportTargets(vpn);
    const groups = new Map<string, { attributes: PathAttributes; nexthop: IpAddress; path: RibPath[] }>();
    const gone: IpPrefix[] = [];
    for (const [prefix, path] of paths) {
      const nexthop = path?.route.nexthops[0];
      if (path === undefined || nexthop === undefined) {
        gone.push(prefix);
        continue;
      }
      const { localPreference = '', sequenceNumber = '' } = path.route;
      const said = `${nexthop.address} ${localPreference} ${sequenceNumber} ${path.isLowered} ${nexthop.encapsulations.join()}`;
      const group = groups.get(said);
      if (group !== undefined) group.path.push(path);
      else
        groups.set(said, {
          attributes: attributesOf(path.route, routeTargets, path.isLowered),
          nexthop: nexthop.address,
          path: [path],
        });
    }
    for (const [family, prefixes] of byFamily(gone, (prefix) => prefix))
      rib.withdraw(
        source,
        family,
        prefixes.map((prefix) => ({ rd, prefix, label: noLabel, pathId: undefined })),
      );
    for (const { attributes, nexthop, path } of groups.values())
      for (const [family, same] of byFamily(path, ({ route }) => route.prefix))
        rib.announce(
          source,
          family,
          attributes,
          nexthop,
          same.map(({ route: { prefix, nexthops } }) => ({
            rd,
            prefix,
            label: nexthops[0]?.label ?? noLabel,
            pathId: undefined,
          })),
        );
  }
}

function byFamily<Item>(items: readonly Item[], prefixOf: (item: Item) => IpPrefix): Map<VpnFamily, Item[]> {
  const families = new Map<VpnFamily, Item[]>();
  for (const item of items) {
    const family = prefixOf(item).includes(':') ? 'vpnv6' : 'vpnv4';
    const same = families.get(family);
    if (same !== undefined) same.push(item);
    else families.set(family, [item]);
  }
  return families;
}
