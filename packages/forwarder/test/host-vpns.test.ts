import { ManualClock } from '@hostpe/daemon/testing';
import { parseLabel } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import { AdjRibIn } from '../src/adj-rib-in.ts';
import { forwarderConfigSchema } from '../src/config.ts';
import { HostVpns } from '../src/host-vpns.ts';
import { LabelAllocator } from '../src/labels.ts';
import { ReportLog } from '../src/report-log.ts';

function hostVpns(attachments: Readonly<Record<string, string>>) {
  const config = forwarderConfigSchema.parse({
    name: 'h1',
    underlay: { address: '10.255.0.1' },
    'route-servers': [
      { host: '127.0.0.1', domain: 'rs.example', account: 'h1', 'password-file': '/not/read' },
    ],
    'control-socket': '/not/used',
    'state-directory': '/not/used',
    attachments: Object.entries(attachments).map(([name, vpn], at) => ({
      interface: name,
      vpn,
      addresses: [`10.1.0.${at + 1}`],
    })),
  });
  const clock = new ManualClock();
  const labels = new LabelAllocator({ first: 1000, last: 1009 }, 60_000, clock.now, () => 0);
  const vpns = new HostVpns({
    config,
    labels,
    adjRibIn: new AdjRibIn({
      servers: [],
      clock,
      patience: 1000,
      retention: config.retention,
      onChange() {},
      onSwept() {},
    }),
    reportLog: new ReportLog({ debug() {}, info() {}, warn() {}, error() {} }),
  });
  for (const attachment of config.attachments) vpns.add(attachment, 'configuration');
  return { vpns, labels };
}

describe('labels that the kernel has', () => {
  const found = (vpn: string | undefined) => new Map([['v1', { label: parseLabel(1000), vpn }]]);

  test('stay with an interface that is of the same VPN still', () => {
    const { vpns } = hostVpns({ v0: 'red', v1: 'red' });
    vpns.adoptLabels(found('red'));
    expect([vpns.labelOf('v0'), vpns.labelOf('v1')]).toEqual([1001, 1000]);
  });

  test.each([
    ['was of another VPN, whose routes may still lead here', 'red'],
    ['is in no VRF of ours', undefined],
  ])('are not published again, and rest, where the interface %s', (_, vpn) => {
    const { vpns } = hostVpns({ v1: 'blue', v2: 'blue' });
    vpns.adoptLabels(found(vpn));
    expect([vpns.labelOf('v1'), vpns.labelOf('v2')]).toEqual([1001, 1002]);
  });

  test.each(['red', undefined])('rest where the interface is attached no more (VRF of %s)', (vpn) => {
    const { vpns, labels } = hostVpns({ v2: 'red' });
    vpns.adoptLabels(found(vpn));
    expect(labels.ownerOf(parseLabel(1000))).toBeUndefined();
    expect(vpns.labelOf('v2')).toBe(1001);
  });
});
