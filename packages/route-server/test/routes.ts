// Routes of two forwarders, and how they are published.
import type { VpnRequest } from '@hostpe/signaling';
import { route } from './values.ts';

export const p1 = '10.1.0.1/32';
export const p2 = '10.1.0.2/32';
export const ofH1 = (prefix: string) => route({ prefix, nexthop: '10.255.0.1', label: 1000 });
export const ofH2 = (prefix: string) => route({ prefix, nexthop: '10.255.0.2', label: 2000 });
export const publish = (vpn: string, ...routes: readonly ReturnType<typeof route>[]): VpnRequest => ({
  kind: 'publish',
  vpn,
  routes,
  rejected: [],
});
