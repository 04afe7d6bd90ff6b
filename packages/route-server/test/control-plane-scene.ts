// A control plane with three forwarders and two VPNs, on a clock that a test moves, and what it delivers as lines.
import { ManualClock } from '@hostpe/daemon/testing';
import { parseIpAddress } from '@hostpe/net';
import type { VpnEvent } from '@hostpe/signaling';
import { apiRoutes } from '../src/api.ts';
import { ControlPlane } from '../src/control-plane.ts';
import type { Authorisation } from '../src/forwarder-changes.ts';
import { Sessions } from '../src/session.ts';
import { Readers } from './readers.ts';
import { nexthopsOf, type RouteParts, route, silent, vpnsOf } from './values.ts';

export const p1 = '10.1.0.1/32';
export const p2 = '10.1.0.2/32';
export const h1 = (prefix: string, more: Partial<RouteParts> = {}) =>
  route({ prefix, nexthop: '10.255.0.1', label: 1000, ...more });
export const h2 = (prefix: string, more: Partial<RouteParts> = {}) =>
  route({ prefix, nexthop: '10.255.0.2', label: 2000, ...more });

export function authorisation(address: string, ...vpns: readonly string[]): Authorisation {
  return { addresses: new Set([parseIpAddress(address)]), vpns: new Set(vpns) };
}

/** Withdraw-delay is 60 s; restart-delay 0 unless said, so that End-of-RIB is not held back. */
export function setUp({ restartDelay = 0, lowerStale = false } = {}) {
  const clock = new ManualClock();
  const log: string[] = [];
  const infos: string[] = [];
  const warnings: string[] = [];
  const vpns = vpnsOf({ red: [['64512:1'], ['64512:1']], blue: [['64512:2'], ['64512:2']] });
  const forwarders = new Map([
    ['h1', authorisation('10.255.0.1', 'red', 'blue')],
    ['h2', authorisation('10.255.0.2', 'red', 'blue')],
    ['h3', authorisation('10.255.0.3', 'blue')],
  ]);
  const readers = new Readers({
    rib: () => controlPlane.rib,
    take: (account, event) => log.push(`${account} ${event.vpn} ${lineOf(event)}`),
    atOnce: true,
  });
  const controlPlane: ControlPlane = new ControlPlane({
    vpns,
    forwarders,
    withdrawDelay: 60_000,
    restartDelay,
    lowerStale,
    clock,
    log: {
      ...silent,
      info: (_facts, message) => infos.push(message),
      warn: (_facts, message) => warnings.push(message),
    },
    ...readers.calls,
  });
  const closed = controlPlane.closed.bind(controlPlane);
  controlPlane.closed = (account) => {
    readers.close(account);
    closed(account);
  };
  const api = apiRoutes({
    domain: 'dc1.example',
    listening: [],
    startedAt: 0,
    clock,
    vpns,
    forwarderVpns: (account) => forwarders.get(account)?.vpns ?? [],
    commands: { isCommanded: () => false, setVpn: async () => {}, deleteVpn: async () => {} },
    controlPlane,
    sessions: new Sessions({ log: silent, dialect: () => 'end-system-06', defer: () => {} }),
    exchange: undefined,
  });
  return {
    clock,
    controlPlane,
    infos,
    warnings,
    /** As `/status` shows it. */
    heldBack: async () => (await api['GET /status']()).endOfRibHeldBack,
    /** What was delivered since the last call. */
    heard: () => log.splice(0),
    join(account: string, vpn: string) {
      controlPlane.subscribe(account, vpn, undefined);
      controlPlane.inform(account, vpn);
    },
  };
}

function lineOf(event: VpnEvent): string {
  if (event.kind === 'end-of-rib') return 'end-of-rib';
  const lines = [
    ...event.retractedIds.map((id) => `-${id}`),
    ...event.routes.map((announced) => `+${announced.prefix} ${nexthopsOf(announced)}`),
  ];
  return lines.join(' ');
}
