// What an earlier version left in the kernel is taken over while packets go through it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseIpPrefix } from '@hostpe/net';
import type { Request } from '@hostpe/rtnetlink';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gre, redAndBlue, Scene, udp } from './scene.ts';

/** The requests by which the first layout was made, in order, with its sysctls and nftables transactions. */
const layout1: {
  readonly requests: readonly Request[];
  readonly sysctls: readonly { readonly path: string; readonly value: string }[];
  readonly nft: readonly object[];
} = JSON.parse(readFileSync(join(import.meta.dirname, 'golden/layout-1.json'), 'utf8'));

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  scene.kernel.sysctl.put('net/mpls/platform_labels', '1048575');
  scene.kernel.apply(...layout1.requests);
  for (const { path, value } of layout1.sysctls) scene.kernel.sysctl.put(path, value);
  for (const ruleset of layout1.nft) await scene.nft.apply(ruleset);
  scene.takeLog();
  scene.nft.log.length = 0;
});
afterEach(async () => {
  await scene.close();
});

function upgraded() {
  const state = redAndBlue();
  state.vpns[0]?.routes.set(parseIpPrefix('10.1.0.3'), [gre('10.255.0.3', 1000), udp('10.255.0.4', 1000)]);
  return state;
}

test('nothing that forwards packets is touched', async () => {
  const before = [scene.routes(16001), scene.routes(16002)];
  expect(Object.keys(before[0] ?? {})).toHaveLength(7);
  await scene.reconciler.start();
  const report = await scene.apply(upgraded());
  expect(report).toMatchObject({ pending: 0, failures: [] });
  expect(report.attachments.get('v-red1')).toMatchObject({ state: 'ready' });
  expect([scene.routes(16001), scene.routes(16002)]).toEqual(before);
  // What this version has beside the first one is added; nothing is replaced, set or deleted.
  expect(scene.takeLog().filter((line) => !line.startsWith('-6 rule add '))).toEqual([]);
});
