// The VPNs of the configuration and which of them takes routes from which. Owns the index from route target to
// importing VPNs; never holds a route.
import type { RouteTarget } from '@hostpe/net';

/** RFC 4364 section 4.3.1: a route is exported with the one list and imported where the other intersects it. */
export interface VpnPolicy {
  readonly import: readonly RouteTarget[];
  readonly export: readonly RouteTarget[];
}

export class Vpns {
  readonly #policies: ReadonlyMap<string, VpnPolicy>;
  readonly #importers = new Map<string, readonly string[]>();
  readonly #importersByTarget: ReadonlyMap<RouteTarget, ReadonlySet<string>>;
  readonly #sources = new Map<string, string[]>();

  constructor(policies: ReadonlyMap<string, VpnPolicy>) {
    this.#policies = policies;
    const importersByTarget = new Map<RouteTarget, Set<string>>();
    for (const [vpn, policy] of policies) {
      this.#sources.set(vpn, []);
      for (const target of policy.import) {
        const importers = importersByTarget.get(target) ?? new Set();
        importersByTarget.set(target, importers.add(vpn));
      }
    }
    this.#importersByTarget = importersByTarget;
    for (const [vpn, policy] of policies) {
      const importers = new Set(
        policy.export.flatMap((target) => [...(importersByTarget.get(target) ?? [])]),
      );
      this.#importers.set(vpn, [...importers]);
      for (const importer of importers) this.#sources.get(importer)?.push(vpn);
    }
  }

  /** Names in the order of the configuration. */
  names(): Iterable<string> {
    return this.#policies.keys();
  }

  policy(vpn: string): VpnPolicy | undefined {
    return this.#policies.get(vpn);
  }

  /** VPNs that import what `vpn` exports, each once; `vpn` itself only if its own targets say so. */
  importers(vpn: string): readonly string[] {
    return this.#importers.get(vpn) ?? [];
  }

  /** VPNs that import one of these route targets, each once. */
  importersOf(targets: readonly RouteTarget[]): readonly string[] {
    return [...new Set(targets.flatMap((target) => [...(this.#importersByTarget.get(target) ?? [])]))];
  }

  /** VPNs whose exports `vpn` imports, each once. */
  sources(vpn: string): readonly string[] {
    return this.#sources.get(vpn) ?? [];
  }
}
