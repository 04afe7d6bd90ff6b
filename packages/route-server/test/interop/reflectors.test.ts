// BIRD and FRR as route reflectors between two route servers: what a forwarder of one publishes, a forwarder of the other hears, with next-hop, label,
// encapsulations and preference as they were.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type RunningDaemon, runDaemon } from '@hostpe/bgp/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { routeServer } from '../bgp-scene.ts';
import { ofH1, ofH2, publish } from '../routes.ts';

const address = '127.0.1.9';

interface Reflector {
  readonly name: string;
  start(port: number): RunningDaemon;
}

const bird: Reflector = {
  name: 'BIRD',
  start(port) {
    const folder = mkdtempSync(join(tmpdir(), 'hostpe-bird-'));
    const file = join(folder, 'bird.conf');
    const client = (name: string, peer: string) => `
protocol bgp ${name} {
  local ${address} port ${port} as 65000;
  strict bind yes;
  neighbor ${peer} as 65000;
  multihop;
  passive yes;
  rr client;
  vpn4 mpls { table routes4; import all; export all; next hop keep; };
  vpn6 mpls { table routes6; import all; export all; next hop keep; extended next hop on; };
}
`;
    writeFileSync(
      file,
      `router id 192.0.2.9;
log stderr all;
vpn4 table routes4;
vpn6 table routes6;
protocol device {}
${client('rs1', '127.0.1.1')}${client('rs2', '127.0.1.2')}`,
    );
    const options = ['-f', '-c', file, '-s', join(folder, 'control'), '-P', join(folder, 'pid')];
    return runDaemon('usr/sbin/bird', options, folder);
  },
};

const frr: Reflector = {
  name: 'FRR bgpd',
  start(port) {
    const folder = mkdtempSync(join(tmpdir(), 'hostpe-bgpd-'));
    const file = join(folder, 'bgpd.conf');
    const peers = ['127.0.1.1', '127.0.1.2'];
    const each = (line: (peer: string) => string) => peers.map(line).join('\n');
    writeFileSync(
      file,
      `log stdout
router bgp 65000
 bgp router-id 192.0.2.9
 no bgp default ipv4-unicast
${each(
  (peer) => ` neighbor ${peer} remote-as 65000
 neighbor ${peer} passive
 neighbor ${peer} update-source ${address}`,
)}
 address-family ipv4 vpn
${each(
  (peer) => `  neighbor ${peer} activate
  neighbor ${peer} route-reflector-client`,
)}
 exit-address-family
 address-family ipv6 vpn
${each(
  (peer) => `  neighbor ${peer} activate
  neighbor ${peer} route-reflector-client`,
)}
 exit-address-family
`,
    );
    const options = ['-Z', '-S', '-P', '0', '-l', address, '-p', String(port), '-f', file];
    return runDaemon(
      'usr/lib/frr/bgpd',
      [...options, '-i', join(folder, 'pid'), '--vty_socket', folder],
      folder,
    );
  },
};

let running: RunningDaemon | undefined;
afterEach(async () => {
  await running?.end();
  running = undefined;
});

const server = (number: number, port: number) =>
  routeServer(`as: 65000
identifier: 192.0.2.${number}
peers:
  reflector: { address: ${address}, port: ${port}, local-address: 127.0.1.${number}, as: 65000, no-password: true }
`);

describe.each([bird, frr])('$name', (reflector) => {
  test('routes of both families go through, and are taken back', async () => {
    const port = await freePort(address);
    running = reflector.start(port);
    const rs1 = await server(1, port);
    const rs2 = await server(2, port);
    const h1 = await rs1.forwarder('h1');
    const h2 = await rs2.forwarder('h2');
    await h1.join('red');
    await h2.join('red');
    await h1.request(publish('red', ofH1('10.1.0.1/32'), ofH1('2001:db8::1/128')));
    await h2.request(publish('red', ofH2('10.1.0.2/32'), ofH2('10.1.0.1/32')));
    for (const forwarder of [h1, h2]) await forwarder.until(() => forwarder.routes.size === 3);
    for (const forwarder of [h1, h2])
      await forwarder.until(
        () => forwarder.routes.get('red 10.1.0.1/32') === '10.255.0.1/1000,10.255.0.2/2000',
      );
    expect(h1.routes.get('red 10.1.0.2/32')).toBe('10.255.0.2/2000');
    expect(h2.routes.get('red 2001:db8::1/128')).toBe('10.255.0.1/1000');
    await h1.request({ kind: 'unsubscribe', vpn: 'red' });
    await h2.until(() => h2.routes.size === 2);
    expect(h2.routes.get('red 10.1.0.1/32')).toBe('10.255.0.2/2000');
  });
});
