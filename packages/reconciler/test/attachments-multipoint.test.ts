// The multipoint model: what makes the gateway answer ARP queries for every address.
import { parseIpPrefix } from '@hostpe/net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DesiredState } from '../src/index.ts';
import { attachment, desired, Scene, vpn } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

const state = (multipoint: boolean): DesiredState =>
  desired(
    vpn('red', 16001, { attachments: [{ ...attachment('v-red1', 1000, '10.1.0.1'), multipoint }] }),
    vpn('blue', 16002, { attachments: [attachment('v-blue1', 1001, '10.1.0.1')] }),
  );
const sysctl = (path: string) => scene.kernel.sysctl.number(path);
const rules = () =>
  scene.kernel
    .objects({ object: 'rule', family: 'ipv4' })
    .flatMap(({ mark, table, priority }) =>
      mark === undefined ? [] : [{ mark: mark.value, table, priority }],
    );
const routes = () =>
  scene.kernel
    .objects({ object: 'route', family: 'ipv4', table: 16000 })
    .map(({ prefix, device }) => ({ prefix, device }));

test('queries of such an interface alone are marked, and the mark leads to a route that proxy ARP answers by', async () => {
  const report = await scene.apply(state(true));
  expect(report.failures).toEqual([]);
  expect(scene.nft.elements('arp hostpe', 'multipoint')).toEqual(['v-red1']);
  expect(rules()).toEqual([{ mark: 0x68700000, table: 16000, priority: 900 }]);
  expect(routes()).toEqual([{ prefix: parseIpPrefix('0.0.0.0/0'), device: scene.index('hostpe-udp') }]);
  expect(sysctl('net/ipv4/conf/v-red1/proxy_arp')).toBe(1);
  expect(sysctl('net/ipv4/neigh/v-red1/proxy_delay')).toBe(0);
  expect(sysctl('net/ipv4/conf/v-blue1/proxy_arp')).toBe(0);
  expect(sysctl('net/ipv4/neigh/v-blue1/proxy_delay')).toBe(80);
});

test('a restart changes nothing', async () => {
  await scene.apply(state(true));
  scene.takeLog();
  expect((await scene.restart(state(true))).pending).toBe(0);
  expect(scene.takeLog()).toEqual([]);
});

test('the route is back when its device was down, which the kernel takes it away with', async () => {
  await scene.apply(state(true));
  await scene.report(() =>
    scene.kernel.apply({ op: 'set', object: { object: 'link', name: 'hostpe-udp', up: false } }),
  );
  expect(routes()).toHaveLength(1);
});

test('the route is put right where a hand led it elsewhere', async () => {
  await scene.apply(state(true));
  const [route] = scene.kernel.objects({ object: 'route', family: 'ipv4', table: 16000 });
  if (route === undefined) throw new Error('no route in table 16000');
  scene.kernel.apply({ op: 'replace', object: { ...route, device: scene.index('hostpe-gre') } });
  await scene.restart(state(true));
  expect(routes()).toEqual([{ prefix: parseIpPrefix('0.0.0.0/0'), device: scene.index('hostpe-udp') }]);
});

test('nothing of it is left when no attachment wants it', async () => {
  await scene.apply(state(true));
  await scene.apply(state(false));
  expect(scene.nft.elements('arp hostpe', 'multipoint')).toEqual([]);
  expect(rules()).toEqual([]);
  expect(routes()).toEqual([]);
  expect(sysctl('net/ipv4/conf/v-red1/proxy_arp')).toBe(0);
});
