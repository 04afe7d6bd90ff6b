// Settings of the host that are not of one VPN.
import { parseIpAddress, parseIpPrefix } from '@hostpe/net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { redAndBlue, Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

describe('router advertisements', () => {
  /** As a router's advertisement makes the kernel have it. */
  function advertise(device: string): void {
    scene.kernel.apply({
      op: 'add',
      object: {
        object: 'route',
        family: 'ipv6',
        table: 254,
        prefix: parseIpPrefix('::/0'),
        metric: 1024,
        protocol: 9,
        device: scene.index(device),
        gateway: parseIpAddress('fe80::99'),
      },
    });
  }

  const acceptRa = () =>
    scene.kernel.sysctl.log
      .filter(({ path }) => path.endsWith('/accept_ra'))
      .map(({ path, value }) => `${path}=${value}`);

  test('go on to count where the host has its default route by them, from before it forwards', async () => {
    scene.plugIn('uplink');
    scene.plugIn('other');
    advertise('uplink');
    await scene.apply(redAndBlue());
    expect(acceptRa()).toEqual(['net/ipv6/conf/uplink/accept_ra=2']);
    const paths = scene.kernel.sysctl.log.map(({ path }) => path);
    expect(paths.indexOf('net/ipv6/conf/uplink/accept_ra')).toBeLessThan(
      paths.indexOf('net/ipv6/conf/all/forwarding'),
    );
    expect(scene.said).toContainEqual(expect.stringContaining('by router advertisement'));
  });

  test('of a machine never count', async () => {
    advertise('v-red1');
    await scene.apply(redAndBlue());
    expect(acceptRa()).toEqual([]);
  });

  test.each(['0', '2'])('are the choice of the operator: accept_ra=%s stays', async (value) => {
    scene.plugIn('uplink');
    advertise('uplink');
    scene.kernel.sysctl.put('net/ipv6/conf/uplink/accept_ra', value);
    await scene.apply(redAndBlue());
    expect(acceptRa()).toEqual([]);
  });

  test('are the choice of the operator where the host forwards already', async () => {
    scene.plugIn('uplink');
    advertise('uplink');
    scene.kernel.sysctl.put('net/ipv6/conf/all/forwarding', '1');
    await scene.apply(redAndBlue());
    expect(acceptRa()).toEqual([]);
  });
});

test('an attachment takes no labels, whoever allowed it', async () => {
  scene.kernel.sysctl.put('net/mpls/conf/v-red1/input', '1');
  await scene.apply(redAndBlue());
  expect(scene.kernel.sysctl.isOn('net/mpls/conf/v-red1/input')).toBe(false);
  expect(scene.kernel.sysctl.isOn('net/mpls/conf/hostpe-gre/input')).toBe(true);
});
