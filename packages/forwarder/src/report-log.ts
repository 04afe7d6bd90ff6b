// Tells in the log what became of attachments from one report of the reconciler to the next, and which routes cannot be used. Only changes: a report
// without news is silent. What the kernel refuses is the reconciler's to tell.
import type { IpPrefix } from '@hostpe/net';
import type { AttachmentReport, Report } from '@hostpe/reconciler';
import type { Log } from '@hostpe/xmpp';
import type { Attachment } from './attachments.ts';
import type { Retention, Swept } from './stale-routes.ts';
import type { ForwardingRoutes } from './vpn-routes.ts';

/** Lines about unusable routes of one VPN until it has none any more: a peer must not be able to fill the log. */
const routeLines = 10;

const consequences: Readonly<Record<AttachmentReport['state'], string>> = {
  ready: 'is ready; its addresses are published',
  down: 'is down; its addresses are not published until it is up',
  absent: 'does not exist; it will be attached when it appears',
  failed: 'cannot be attached; tried again',
};

export class ReportLog {
  readonly #log: Log;
  #attachments: Report['attachments'] = new Map();
  /** By VPN: lines about routes that cannot be used. */
  readonly #routeLines = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  report(report: Report, attachmentOf: (name: string) => Attachment | undefined): void {
    for (const [name, now] of report.attachments) {
      const before = this.#attachments.get(name);
      if (before?.state === now.state && before.reason === now.reason) continue;
      const attachment = attachmentOf(name);
      const facts = {
        interface: name,
        vpn: attachment?.vpn,
        addresses: attachment?.addresses,
        state: now.state,
      };
      const because = now.reason === undefined ? '' : `: ${now.reason}`;
      this.#log[now.state === 'failed' ? 'warn' : 'info'](
        facts,
        `VPN ${attachment?.vpn ?? '?'}: ${name} ${consequences[now.state]}${because}`,
      );
    }
    this.#attachments = report.attachments;
  }

  /** Stale routes that went by time. */
  swept({ vpn, reason, servers, routes }: Swept, retention: Retention): void {
    const seconds = (retention[reason] ?? 0) / 1000;
    const message =
      reason === 'stale'
        ? `${routes} stale routes of route server ${servers.join(', ')} are given up: its session is lost, and no other has said them for ${seconds} s`
        : `no route server for ${seconds} s: all routes are given up, ${routes} of this run and what the kernel had from before`;
    this.#log.warn({ vpn, reason, servers, routes }, `VPN ${vpn}: ${message}`);
  }

  /** @param news prefixes of the VPN whose routes have a problem that was not told yet. */
  routes(vpn: string, news: readonly IpPrefix[], { routes, problems }: ForwardingRoutes): void {
    if (problems.size === 0) this.#routeLines.delete(vpn);
    for (const prefix of news) {
      const said = this.#routeLines.get(vpn) ?? 0;
      this.#routeLines.set(vpn, said + 1);
      if (said === routeLines)
        this.#log.warn({ vpn }, `VPN ${vpn}: and more routes that cannot be used: see hostpe show routes`);
      if (said >= routeLines) return;
      const fate = routes.get(prefix)?.length ? 'its other nexthops are used' : 'it is not used';
      this.#log.warn({ vpn, prefix }, `VPN ${vpn}: route ${prefix}: ${problems.get(prefix)}; ${fate}`);
    }
  }
}
