// The configuration of route servers that speak the dialect contrail: what it needs, and what that dialect cannot have.
import { describe, expect, test } from 'vitest';
import { forwarderConfigSchema } from '../src/config.ts';

const node = { host: '192.0.2.1', account: 'hv17', dialect: 'contrail' };
const draft = { host: '192.0.2.2', account: 'h1', domain: 'dc1.example', 'password-file': '/etc/hostpe/h1' };
const read = (server: object, some: object = {}) =>
  forwarderConfigSchema.safeParse({
    underlay: { address: '10.255.0.1' },
    'route-servers': [server],
    ...some,
  });

describe('a control node', () => {
  test('needs neither domain nor password, and is at port 5269 in plaintext', () => {
    expect(read(node).data?.routeServers).toMatchObject([
      {
        host: '192.0.2.1',
        port: 5269,
        account: 'hv17',
        dialect: 'contrail',
        tls: 'none',
        passwordFile: undefined,
      },
    ]);
  });

  test('may have TLS, with certificates and a name of its own', () => {
    const secure = {
      ...node,
      port: 5270,
      tls: 'starttls',
      domain: 'cn1.dc1.example',
      'certificate-file': '/etc/hostpe/hv17.pem',
      'key-file': '/etc/hostpe/hv17.key',
      'ca-file': '/etc/hostpe/ca.pem',
    };
    expect(read(secure).data?.routeServers).toMatchObject([
      { port: 5270, tls: 'starttls', domain: 'cn1.dc1.example', caFile: '/etc/hostpe/ca.pem' },
    ]);
    expect(read({ ...node, tls: 'starttls', domain: 'cn1' }).data?.routeServers[0]?.port).toBe(5269);
  });

  test.each<[string, object, string]>([
    [
      'a password',
      { 'password-file': '/p' },
      'password-file: an open stream, as contrail has it, asks for none',
    ],
    ['a WebSocket', { transport: 'websocket' }, 'transport: contrail is spoken over TCP alone'],
    ['direct TLS', { tls: 'direct' }, 'tls: contrail has no TLS, or starttls'],
    ['TLS with nobody in particular', { tls: 'starttls' }, 'domain: is required'],
    ['a CA without TLS', { 'ca-file': '/ca' }, 'ca-file: needs tls: starttls'],
    [
      'a certificate without TLS',
      { 'certificate-file': '/c', 'key-file': '/k' },
      'certificate-file: needs tls: starttls',
    ],
  ])('has no %s', (_what, some, problem) => {
    const issues = read({ ...node, ...some }).error?.issues ?? [];
    expect(issues.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([
      `route-servers.0.${problem}`,
    ]);
  });

  test('knows no VPN with a slash, in the table of VPNs or of attachments', () => {
    const attachments = [{ interface: 'v1', vpn: 'c/d', addresses: ['10.1.0.1'] }];
    const vpns = { 'a/b': { device: 'ab' }, 'c/d': { device: 'cd' } };
    const issues = read(node, { vpns, attachments }).error?.issues ?? [];
    const why = 'has a slash, which a route server of the dialect contrail would cut it at';
    expect(issues.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([
      `vpns.a/b: the VPN name a/b ${why}`,
      `vpns.c/d: the VPN name c/d ${why}`,
      `attachments.0.vpn: c/d ${why}`,
    ]);
    expect(read(draft, { vpns, attachments }).success).toBe(true);
  });
});

test('any other route server needs a domain, and TLS', () => {
  const { domain: _, ...nameless } = draft;
  expect(read(nameless).error?.issues).toMatchObject([
    { path: ['route-servers', 0, 'domain'], message: 'is required' },
  ]);
  expect(read({ ...draft, tls: 'none' }).error?.issues).toMatchObject([
    { path: ['route-servers', 0, 'tls'], message: 'none is for the dialect contrail, not for end-system-06' },
  ]);
});
