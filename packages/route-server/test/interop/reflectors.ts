// BIRD, FRR and GoBGP as route reflectors on an address of loopback, and route servers as their clients.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningDaemon, runDaemon } from '@hostpe/bgp/testing';
import { type Running, routeServer } from '../bgp-scene.ts';
import { startGobgp } from './gobgp.ts';

export const address = '127.0.1.9';

export interface Reflector {
  readonly name: string;
  /** @param graceful whether it asks that its routes be kept while it is away */
  start(port: number, graceful: boolean): RunningDaemon | Promise<RunningDaemon>;
}

const bird: Reflector = {
  name: 'BIRD',
  start(port, graceful) {
    const folder = mkdtempSync(join(tmpdir(), 'hostpe-bird-'));
    const file = join(folder, 'bird.conf');
    const client = (name: string, peer: string) => `
protocol bgp ${name} {
  local ${address} port ${port} as 65000;
  strict bind yes;
  neighbor ${peer} as 65000;
  multihop;
  passive yes;
  error wait time 1, 2;
  graceful restart ${graceful ? 'on' : 'aware'};
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
  start(port, graceful) {
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
 bgp graceful-restart${graceful ? '' : '-disable'}
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

const gobgp: Reflector = {
  name: 'GoBGP',
  start: (port, graceful) =>
    startGobgp({ address, port, peers: ['127.0.1.1', '127.0.1.2'], reflects: true, graceful }),
};

export const reflectors: readonly Reflector[] = [bird, frr, gobgp];

/** The nth route server, from 1, as a client of the reflector on a port. @param more keys of the peer */
export const client = (number: number, port: number, more = ''): Promise<Running> =>
  routeServer(`as: 65000
identifier: 192.0.2.${number}
peers:
  reflector: { address: ${address}, port: ${port}, local-address: 127.0.1.${number}, as: 65000, no-password: true${more} }
`);
