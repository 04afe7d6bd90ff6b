// MTUs of attachments, and what makes path MTU discovery work inside a VPN.
import { parseIpAddress } from '@hostpe/net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredState, DesiredVpn } from '../src/index.ts';
import { attachment, desired, redAndBlue, Scene, vpn } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

const red = (facts: Partial<DesiredVpn> = {}): DesiredVpn => ({
  ...vpn('red', 16001, { attachments: [attachment('v-red1', 1000, '10.1.0.1')] }),
  ...facts,
});
const withUnderlay = (
  underlay: Partial<DesiredState['underlay']>,
  ...vpns: readonly DesiredVpn[]
): DesiredState => ({
  underlay: { address: parseIpAddress('10.255.0.1'), allowedPes: [], ...underlay },
  vpns,
});
const mtuOf = async (state: DesiredState) => (await scene.apply(state)).attachments.get('v-red1')?.mtu;

describe('the MTU of a machine', () => {
  test.each([
    { encapsulations: ['gre'], mtu: 1472 },
    { encapsulations: ['udp'], mtu: 1468 },
    { encapsulations: ['gre', 'udp'], mtu: 1468 },
    { encapsulations: undefined, mtu: 1468 },
  ] as const)('is that of the underlay less tunnel and label: %j', async ({ encapsulations, mtu }) => {
    const facts = encapsulations === undefined ? {} : { encapsulations };
    expect(await mtuOf(withUnderlay({ mtu: 1500 }, red(facts)))).toBe(mtu);
  });

  test('is by the interface with the PE address where the underlay has no MTU of its own', async () => {
    scene.plugIn('ul');
    const index = scene.index('ul');
    scene.kernel.apply(
      { op: 'set', object: { object: 'link', name: 'ul', mtu: 9000 } },
      {
        op: 'add',
        object: { object: 'address', index, address: parseIpAddress('10.255.0.1'), prefixLength: 24 },
      },
    );
    expect(await mtuOf(withUnderlay({}, red()))).toBe(8968);
    expect(scene.kernel.link('hostpe-gre')?.mtu).toBe(8976);
  });

  test('is by 1500 where the PE address is on no interface that has a way out', async () => {
    scene.kernel.apply({
      op: 'add',
      object: {
        object: 'address',
        index: scene.index('lo'),
        address: parseIpAddress('10.255.0.1'),
        prefixLength: 32,
      },
    });
    expect(await mtuOf(withUnderlay({}, red()))).toBe(1468);
  });

  test('is given to the interface where that is asked for, and to no other', async () => {
    const asked = { ...attachment('v-red1', 1000, '10.1.0.1'), mtu: 'underlay' as const };
    const given = { ...attachment('v-blue1', 1001, '10.1.0.2'), mtu: 1400 };
    await scene.apply(
      withUnderlay({ mtu: 1600 }, red({ attachments: [asked, given], encapsulations: ['gre'] })),
    );
    expect(scene.kernel.link('v-red1')?.mtu).toBe(1572);
    expect(scene.kernel.link('v-blue1')?.mtu).toBe(1400);
    await scene.apply(withUnderlay({ mtu: 1700 }, red()));
    expect(scene.kernel.link('v-red1')?.mtu).toBe(1572);
  });

  test('of a subinterface is no more than the interface below it has', async () => {
    scene.plugIn('trunk');
    const one = { ...attachment('red.100', 1000, '10.1.0.1'), vlan: { parent: 'trunk', id: 100 } };
    const report = await scene.apply(
      withUnderlay({ mtu: 9000 }, red({ attachments: [{ ...one, mtu: 'underlay' }] })),
    );
    expect(report.failures).toEqual([]);
    expect(scene.kernel.link('red.100')?.mtu).toBe(1500);
  });
});

describe('a packet that is too big', () => {
  const rules = () =>
    scene.kernel
      .objects({ object: 'rule', family: 'ipv6' })
      .flatMap(({ mark, table, priority }) =>
        mark === undefined ? [] : [{ mark: mark.value, table, priority }],
      );

  test('leads its error into its VPN: mark, reflected mark, rule', async () => {
    await scene.apply(redAndBlue());
    expect(rules()).toEqual([
      { mark: 0x68700001, table: 16001, priority: 900 },
      { mark: 0x68700002, table: 16002, priority: 900 },
    ]);
    expect(scene.nft.elements('inet hostpe', 'vrf_marks')).toEqual(['blue,1752170498', 'red,1752170497']);
    expect(scene.kernel.sysctl.number('net/ipv6/fwmark_reflect')).toBe(1);
  });

  test('of a VPN that is gone leaves no rule and no mark', async () => {
    await scene.apply(redAndBlue());
    await scene.apply(desired(...redAndBlue().vpns.slice(1)));
    expect(rules()).toEqual([{ mark: 0x68700002, table: 16002, priority: 900 }]);
    expect(scene.nft.elements('inet hostpe', 'vrf_marks')).toEqual(['blue,1752170498']);
  });

  test('has its rule back at once when somebody deletes it, and rules of others stay', async () => {
    await scene.apply(redAndBlue());
    const foreign = {
      object: 'rule',
      family: 'ipv6',
      priority: 900,
      table: 77,
      mark: { value: 5, mask: 0xffffffff },
    } as const;
    const masked = { ...foreign, mark: { value: 0x68700003, mask: 0x7fffffff } };
    scene.kernel.apply({ op: 'add', object: foreign }, { op: 'add', object: masked });
    const [one] = scene.kernel
      .objects({ object: 'rule', family: 'ipv6' })
      .filter(({ table }) => table === 16001);
    if (one === undefined) throw new Error('no rule of table 16001');
    await scene.report(() => scene.kernel.apply({ op: 'delete', object: one }));
    expect(rules()).toHaveLength(4);
    expect(rules()).toContainEqual({ mark: 5, table: 77, priority: 900 });
  });
});
