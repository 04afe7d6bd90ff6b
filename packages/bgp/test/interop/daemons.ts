// BGP daemons of others as processes on loopback addresses, each with its configuration and sockets in a folder of its own. They touch no kernel
// state: no interface, no route, no namespace is needed.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningDaemon, runDaemon } from '../../src/testing/index.ts';

interface DaemonSetting {
  readonly address: string;
  readonly port: number;
  readonly peer: string;
  readonly peerPort: number;
  /** Of the daemon: waits for us. */
  readonly passive: boolean;
  readonly key: string | undefined;
}

export interface Daemon {
  readonly name: string;
  start(setting: DaemonSetting): RunningDaemon;
}

export const bird: Daemon = {
  name: 'BIRD',
  start(setting) {
    const folder = mkdtempSync(join(tmpdir(), 'hostpe-bird-'));
    const file = join(folder, 'bird.conf');
    writeFileSync(
      file,
      `router id 192.0.2.9;
log stderr all;
vpn4 table vpnroutes;
protocol device {}
protocol bgp peer {
  local ${setting.address} port ${setting.port} as 65000;
  strict bind yes;
  neighbor ${setting.peer} port ${setting.peerPort} as 65000;
  multihop;
  passive ${setting.passive ? 'yes' : 'no'};
  connect delay time 1;
  connect retry time 1;
  ${setting.key === undefined ? '' : `password "${setting.key}";`}
  vpn4 mpls { table vpnroutes; import all; export all; };
}
`,
    );
    const options = ['-f', '-c', file, '-s', join(folder, 'control'), '-P', join(folder, 'pid')];
    return runDaemon('usr/sbin/bird', options, folder);
  },
};

export const frr: Daemon = {
  name: 'FRR bgpd',
  start(setting) {
    const folder = mkdtempSync(join(tmpdir(), 'hostpe-bgpd-'));
    const file = join(folder, 'bgpd.conf');
    const { peer } = setting;
    writeFileSync(
      file,
      `log stdout
router bgp 65000
 bgp router-id 192.0.2.9
 bgp graceful-restart
 neighbor ${peer} remote-as 65000
 neighbor ${peer} port ${setting.peerPort}
 neighbor ${peer} update-source ${setting.address}
 neighbor ${peer} timers connect 1
 ${setting.passive ? `neighbor ${peer} passive` : ''}
 ${setting.key === undefined ? '' : `neighbor ${peer} password ${setting.key}`}
 address-family ipv4 vpn
  neighbor ${peer} activate
 exit-address-family
`,
    );
    // Without zebra, without a terminal, and as whoever runs the test.
    const options = ['-Z', '-S', '-P', '0', '-l', setting.address, '-p', String(setting.port), '-f', file];
    const own = ['-i', join(folder, 'pid'), '--vty_socket', folder];
    return runDaemon('usr/lib/frr/bgpd', [...options, ...own], folder);
  },
};
