import { describe, expect, test } from 'vitest';
import type { VpnSettings } from '../src/config.ts';
import { VpnNumbering } from '../src/vpns.ts';

function settings(some: Partial<VpnSettings>): VpnSettings {
  return { encapsulations: undefined, device: undefined, instanceId: undefined, ...some };
}

describe('VPN numbers', () => {
  test('are the lowest free instance-ids, configured ones set aside, with their tables', () => {
    const vpns = new VpnNumbering(
      new Map([['blue', settings({ instanceId: 1, encapsulations: ['udp'] })]]),
      'ipv4',
    );
    expect(vpns.vpn('red')).toEqual({
      name: 'red',
      device: 'red',
      instanceId: 2,
      table: 16002,
      encapsulations: ['gre', 'udp'],
    });
    expect(vpns.vpn('blue')).toMatchObject({ instanceId: 1, table: 16001, encapsulations: ['udp'] });
    expect(vpns.vpn('green').instanceId).toBe(3);
    expect(vpns.vpn('red').instanceId).toBe(2);
  });

  test('of VRFs in the kernel stay', () => {
    const vpns = new VpnNumbering(new Map(), 'ipv4');
    vpns.adopt(new Map([['red', { name: 'red', table: 16009 }]]));
    vpns.adopt(new Map([['gone', { name: 'gone', table: 16001 }]]));
    expect(vpns.vpn('red').table).toBe(16009);
    // The VRF of the other is still to be swept, with its table.
    expect(vpns.vpn('blue').table).toBe(16002);
  });

  test('of a VRF under another device name are not taken over: two VRFs cannot share a table', () => {
    const vpns = new VpnNumbering(new Map([['red', settings({ device: 'vrf-red' })]]), 'ipv4');
    vpns.adopt(new Map([['red', { name: 'red', table: 16001 }]]));
    expect(vpns.vpn('red')).toMatchObject({ device: 'vrf-red', table: 16002 });
  });

  test('configured anew win over the kernel', () => {
    const vpns = new VpnNumbering(new Map([['red', settings({ instanceId: 7 })]]), 'ipv4');
    vpns.adopt(new Map([['red', { name: 'red', table: 16001 }]]));
    expect(vpns.vpn('red').table).toBe(16007);
  });

  test('need a device name that the kernel takes', () => {
    const vpns = new VpnNumbering(new Map([['blue', settings({ device: 'violet' })]]), 'ipv4');
    expect(() => vpns.vpn('customer-4711-production')).toThrow(
      'VPN customer-4711-production needs a name for its VRF device: its own is longer than 15 bytes; set vpns.customer-4711-production.device in the configuration',
    );
    expect(() => vpns.vpn('a/b')).toThrow('its own holds "/": use letters, digits');
    expect(() => vpns.vpn('default')).toThrow('is reserved');
    expect(() => vpns.vpn('violet')).toThrow(
      'VPN violet cannot have the VRF device violet: VPN blue is configured with it',
    );
    expect([vpns.hasDevice('violet'), vpns.hasDevice('blue')]).toEqual([true, false]);
  });
});

test('over an IPv6 underlay a VPN takes GRE alone where nothing else is configured', () => {
  expect(new VpnNumbering(new Map(), 'ipv6').vpn('red').encapsulations).toEqual(['gre']);
  expect(new VpnNumbering(new Map(), 'ipv4').vpn('red').encapsulations).toEqual(['gre', 'udp']);
});
