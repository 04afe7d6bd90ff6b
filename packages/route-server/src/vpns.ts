// The VPNs that there are and which of them takes routes from which. Owns the index from route target to importing VPNs; never holds a
// route.
import type { RouteTarget } from '@hostpe/net';

/** RFC 4364 section 4.3.1: a route is exported with the one list and imported where the other intersects it. */
export interface VpnPolicy {
  readonly import: readonly RouteTarget[];
  readonly export: readonly RouteTarget[];
  /** The most prefixes that it may have a route to, of its own and imported; undefined: as many as there are. */
  readonly maxRoutes?: number | undefined;
}

/** What other policies than before come to. Of what stays as it was there is nothing here. */
export interface VpnChanges {
  /** By VPN; undefined: it was not there before, or is no more. */
  readonly policies: ReadonlyMap<
    string,
    { readonly before: VpnPolicy | undefined; readonly after: VpnPolicy | undefined }
  >;
  /** By importing VPN: VPNs whose exports it has from now on. */
  readonly gained: ReadonlyMap<string, readonly string[]>;
  /** VPNs that export with other route targets than before. */
  readonly exports: readonly string[];
  /** Importing VPNs that have the exports of some VPN no more. */
  readonly lost: ReadonlySet<string>;
}

/** What follows from the policies. */
interface Index {
  readonly policies: ReadonlyMap<string, VpnPolicy>;
  readonly importersByTarget: ReadonlyMap<RouteTarget, ReadonlySet<string>>;
  readonly importers: ReadonlyMap<string, readonly string[]>;
  readonly sources: ReadonlyMap<string, readonly string[]>;
}

export class Vpns {
  #index: Index;

  constructor(policies: ReadonlyMap<string, VpnPolicy>) {
    this.#index = indexOf(policies);
  }

  /** Other policies in place of all that there are. */
  replace(policies: ReadonlyMap<string, VpnPolicy>): VpnChanges {
    const before = this.#index;
    this.#index = indexOf(policies);
    return changesBetween(before, this.#index);
  }

  /** Names in the order of the configuration. */
  names(): Iterable<string> {
    return this.#index.policies.keys();
  }

  policy(vpn: string): VpnPolicy | undefined {
    return this.#index.policies.get(vpn);
  }

  /** VPNs that import what `vpn` exports, each once; `vpn` itself only if its own targets say so. */
  importers(vpn: string): readonly string[] {
    return this.#index.importers.get(vpn) ?? [];
  }

  /** VPNs that import one of these route targets, each once. */
  importersOf(targets: readonly RouteTarget[]): readonly string[] {
    const { importersByTarget } = this.#index;
    return [...new Set(targets.flatMap((target) => [...(importersByTarget.get(target) ?? [])]))];
  }

  /** VPNs whose exports `vpn` imports, each once. */
  sources(vpn: string): readonly string[] {
    return this.#index.sources.get(vpn) ?? [];
  }
}

function indexOf(policies: ReadonlyMap<string, VpnPolicy>): Index {
  const importersByTarget = new Map<RouteTarget, Set<string>>();
  const sources = new Map<string, string[]>();
  for (const [vpn, policy] of policies) {
    sources.set(vpn, []);
    for (const target of policy.import) {
      const importers = importersByTarget.get(target) ?? new Set();
      importersByTarget.set(target, importers.add(vpn));
    }
  }
  const importers = new Map<string, readonly string[]>();
  for (const [vpn, policy] of policies) {
    const ofVpn = new Set(policy.export.flatMap((target) => [...(importersByTarget.get(target) ?? [])]));
    importers.set(vpn, [...ofVpn]);
    for (const importer of ofVpn) sources.get(importer)?.push(vpn);
  }
  return { policies, importersByTarget, importers, sources };
}

function changesBetween(former: Index, next: Index): VpnChanges {
  const policies = new Map<string, { before: VpnPolicy | undefined; after: VpnPolicy | undefined }>();
  const gained = new Map<string, readonly string[]>();
  const lost = new Set<string>();
  const exports: string[] = [];
  for (const vpn of new Set([...former.policies.keys(), ...next.policies.keys()])) {
    const before = former.policies.get(vpn);
    const after = next.policies.get(vpn);
    if (!samePolicy(before, after)) policies.set(vpn, { before, after });
    if (before && after && !sameTargets(before.export, after.export)) exports.push(vpn);
    const had = new Set(former.sources.get(vpn));
    const has = new Set(next.sources.get(vpn));
    const news = [...has.difference(had)];
    if (news.length > 0) gained.set(vpn, news);
    if (after !== undefined && had.difference(has).size > 0) lost.add(vpn);
  }
  return { policies, gained, lost, exports };
}

function samePolicy(a: VpnPolicy | undefined, b: VpnPolicy | undefined): boolean {
  return (
    a === b ||
    (a !== undefined && b !== undefined && sameTargets(a.import, b.import) && sameTargets(a.export, b.export))
  );
}

function sameTargets(a: readonly RouteTarget[], b: readonly RouteTarget[]): boolean {
  return new Set(a).symmetricDifference(new Set(b)).size === 0;
}
