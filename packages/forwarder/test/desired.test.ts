import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { Report } from '@hostpe/reconciler';
import { expect, test } from 'vitest';
import { type HostVpn, publications } from '../src/desired.ts';

const vpn: HostVpn = {
  vpn: { name: 'red', device: 'red', table: 16001, instanceId: 1, encapsulations: ['gre'] },
  attachments: ['v-a', 'v-b'].map((name, at) => ({
    attachment: { interface: name, vpn: 'red', addresses: [parseIpPrefix(`10.1.0.${at + 1}/32`)] },
    label: parseLabel(1000 + at),
    detaching: undefined,
  })),
  forwarding: { routes: new Map(), problems: new Map() },
  complete: false,
};

type State = 'ready' | 'down' | 'absent' | 'failed';

function isSettled(states: Record<string, State>, isOver: boolean): boolean | undefined {
  const reports: Report['attachments'] = new Map(
    Object.entries(states).map(([name, state]) => [name, { state }]),
  );
  return publications(parseIpAddress('10.255.0.1'), [vpn], reports, isOver).get('red')?.settled;
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
