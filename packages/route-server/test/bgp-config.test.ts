import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '@hostpe/daemon';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { routeServerConfigSchema } from '../src/config.ts';
import { writeCertificate } from './certificate.ts';

const directory = mkdtempSync(join(tmpdir(), 'route-server-bgp-config-'));
const file = join(directory, 'rs.yaml');
beforeAll(() => {
  writeCertificate(directory, 'dc1.example');
  writeFileSync(join(directory, 'key'), 'not to be seen\n', { mode: 0o600 });
  writeFileSync(join(directory, 'long'), 'x'.repeat(81), { mode: 0o600 });
});
afterAll(() => rmSync(directory, { recursive: true }));

/** @param bgp what stands below `bgp:`, from line 7 on */
function load(bgp: string) {
  writeFileSync(
    file,
    `domain: dc1.example
listen: [{ address: 127.0.0.1 }]
tls: { certificate: ${directory}/rs.pem, key: ${directory}/rs.key }
vpns: {}
forwarders: {}
bgp:
${bgp.replaceAll(/^/gm, '  ')}
`,
  );
  return loadConfig(file, routeServerConfigSchema);
}

async function messageFor(bgp: string): Promise<string> {
  const error = await load(bgp).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw new Error(`expected a ConfigError, got ${String(error)}`);
  return error.message.replaceAll(`${directory}/`, '');
}

const own = 'as: 65000\nidentifier: 192.0.2.1\n';

test('a peer, with defaults', async () => {
  const { bgp } = await load(`${own}peers:
  rr1: { address: 192.0.2.9, as: 65000, password-file: ${directory}/key }
`);
  expect(bgp).toEqual({
    as: 65000,
    identifier: '192.0.2.1',
    clusterId: '192.0.2.1',
    listen: [],
    restartTime: 240,
    peers: [
      {
        name: 'rr1',
        address: '192.0.2.9',
        port: 179,
        localAddress: undefined,
        as: 65000,
        families: ['vpnv4', 'vpnv6', 'rtc'],
        protection: { key: 'not to be seen', hops: undefined },
        passive: false,
        holdTime: 90,
        routeReflectorClient: false,
        encapsulation: 'community',
        addPathReceive: [],
        addPathSend: [],
        gracefulRestart: true,
        longLivedTime: 0,
      },
    ],
  });
});

test('all that can be said of a peer', async () => {
  const { bgp } = await load(`${own}cluster-id: 192.0.2.7
listen: [{ address: '2001:db8::1' }]
hold-time: 30
restart-time: 60
peers:
  pe1:
    address: 2001:db8::2
    port: 1179
    local-address: 2001:db8::1
    as: 4200000000
    no-password: true
    ttl-security: 1
    passive: true
    families: [vpnv4, rtc]
    encapsulation: both
    add-path: both
    graceful-restart: false
    long-lived-time: 3600
    hold-time: 0
`);
  expect(bgp).toMatchObject({
    clusterId: '192.0.2.7',
    listen: [{ address: '2001:db8::1', port: 179 }],
    restartTime: 60,
    peers: [
      {
        protection: { key: undefined, hops: 1 },
        addPathReceive: ['vpnv4'],
        addPathSend: ['vpnv4'],
        holdTime: 0,
        as: 4_200_000_000,
        passive: true,
      },
    ],
  });
});

const peer = (more: string) => `${own}peers:\n  rr1: { address: 192.0.2.9, as: 65000, ${more} }\n`;

test.each([
  ['as: 0\nidentifier: 192.0.2.1\npeers: {}', 'rs.yaml:7: bgp.as'],
  ["as: 1\nidentifier: '::1'\npeers: {}", 'rs.yaml:8: bgp.identifier: is not a BGP identifier'],
  [peer('port: 179'), 'rs.yaml:10: bgp.peers.rr1.password-file: is needed, or no-password: true'],
  [peer('no-password: true, hold-time: 2'), 'hold-time: is 0 or at least 3 s'],
  [peer('no-password: true, passive: true'), 'passive: cannot be true without bgp.listen'],
  [peer(`password-file: ${directory}/long`), 'a TCP-MD5 key of 81 octets; 1 to 80 are possible'],
  [peer(`password-file: ${directory}/none`), 'none'],
  [
    peer('no-password: true, local-address: "::1"'),
    'local-address: is not of the address family of 192.0.2.9',
  ],
  [peer('no-password: true, families: []'), 'bgp.peers.rr1.families'],
  [peer('no-password: true, encapsulation: vxlan'), 'bgp.peers.rr1.encapsulation'],
  [
    `${own}peers:\n  rr1: { address: 192.0.2.9, as: 65001, no-password: true, route-reflector-client: true }`,
    'route-reflector-client: is for peers of our own AS 65000',
  ],
  [
    `${own}peers:\n  rr1: { address: 192.0.2.9, as: 1, no-password: true }\n  rr2: { address: 192.0.2.9, as: 1, no-password: true }`,
    'bgp.peers.rr2.address: is that of rr1 too',
  ],
])('%j is refused with its line', async (bgp, message) => {
  expect(await messageFor(bgp)).toContain(message);
});

test('a key is in no message', async () => {
  expect(await messageFor(peer(`password-file: ${directory}/key, port: x`))).not.toContain('not to be seen');
});
