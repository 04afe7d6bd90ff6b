import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { Report } from '@hostpe/reconciler';
import { expect, test } from 'vitest';
import { desiredState, type HostVpn, publications } from '../src/desired.ts';
import { ForwardingRoutes } from '../src/vpn-routes.ts';

const vpn: HostVpn = {
  vpn: { name: 'red', device: 'red', table: 16001, instanceId: 1, encapsulations: ['gre'] },
  attachments: ['v-a', 'v-b'].map((name, at) => ({
    attachment: { interface: name, vpn: 'red', addresses: [parseIpPrefix(`10.1.0.${at + 1}/32`)] },
    label: parseLabel(1000 + at),
    detaching: undefined,
  })),
  forwarding: new ForwardingRoutes(),
  complete: false,
};

const pe = parseIpAddress('10.255.0.1');

type State = 'ready' | 'down' | 'absent' | 'failed';

function isSettled(states: Record<string, State>, isOver: boolean): boolean | undefined {
  return publications(pe, [vpn], reportOf([vpn], states), isOver).get('red')?.settled;
}

function reportOf(vpns: readonly HostVpn[], states: Record<string, State>): Report {
  return {
    desired: desiredState({ address: pe, mtu: 1500, allowedPes: [] }, vpns),
    pending: 0,
    failures: [],
    attachments: new Map(Object.entries(states).map(([name, state]) => [name, { state }])),
  };
}

test('End-of-RIB waits for the first report on each attachment, however long that takes', () => {
  for (const isOver of [false, true]) {
    expect(isSettled({}, isOver)).toBe(false);
    expect(isSettled({ 'v-a': 'ready' }, isOver)).toBe(false);
    expect(isSettled({ 'v-a': 'ready', 'v-b': 'down' }, isOver)).toBe(true);
    expect(isSettled({ 'v-a': 'absent', 'v-b': 'ready' }, isOver)).toBe(true);
  }
});

test('End-of-RIB waits for a failed attachment until the time for that is over', () => {
  expect(isSettled({ 'v-a': 'ready', 'v-b': 'failed' }, false)).toBe(false);
  expect(isSettled({ 'v-a': 'ready', 'v-b': 'failed' }, true)).toBe(true);
});

test('what was ready with another label or in another VPN is neither published nor settled', () => {
  const report = reportOf([vpn], { 'v-a': 'ready', 'v-b': 'ready' });
  const published = (now: HostVpn) => {
    const { routes, settled } = publications(pe, [now], report, true).get(now.vpn.name) ?? {};
    return { prefixes: [...(routes?.values() ?? [])].map(({ prefix }) => prefix), settled };
  };
  expect(published(vpn)).toEqual({ prefixes: ['10.1.0.1/32', '10.1.0.2/32'], settled: true });
  const [first, ...others] = vpn.attachments;
  if (first === undefined) return;
  const relabelled = { ...vpn, attachments: [{ ...first, label: parseLabel(1002) }, ...others] };
  expect(published(relabelled)).toEqual({ prefixes: ['10.1.0.2/32'], settled: false });
  const moved = { ...vpn, vpn: { ...vpn.vpn, name: 'blue' } };
  expect(published(moved)).toEqual({ prefixes: [], settled: false });
  expect(publications(pe, [vpn], undefined, true).get('red')).toMatchObject({ settled: false });
});
