// Doors without authentication in the configuration: what they may be, who may come through, and what is refused, with its line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '@hostpe/daemon';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routeServerConfigSchema } from '../src/config.ts';
import { openStreamIdentities, openStreamListeners } from '../src/open-stream.ts';
import { writeCertificate } from './certificate.ts';

const directory = mkdtempSync(join(tmpdir(), 'route-server-config-open-'));
const file = join(directory, 'rs.yaml');
const good = `domain: dc1.example
listen: [ { address: 127.0.0.1 } ]
tls: { certificate: ${directory}/rs.pem, key: ${directory}/rs.key }
vpns: { red: { import: [], export: [] }, a/b: { import: [], export: [] } }
open-stream:
  - { address: 192.0.2.1, allow: [10.0.0.0/24, '2001:db8::/64'] }
  - { address: 127.0.0.1, port: 5270, starttls: true }
forwarders:
  hv17:
    dialect: contrail
    open-stream: { addresses: [10.0.0.17, '2001:DB8::17'] }
    addresses: [10.0.0.17]
    vpns: [red]
  d1:
    open-stream: { addresses: [127.0.0.1] }
    addresses: [10.0.0.18]
    vpns: [red]
  d2:
    open-stream: { jid: agent2@elsewhere, addresses: [127.0.0.1] }
    addresses: [10.0.0.19]
    vpns: [red]
`;

beforeAll(() => {
  writeCertificate(directory, 'dc1.example');
  writeFileSync(join(directory, 'secret'), 'not to be seen\n', { mode: 0o600 });
});
afterAll(() => rmSync(directory, { recursive: true }));

function load(text: string) {
  writeFileSync(file, text);
  return loadConfig(file, routeServerConfigSchema);
}

describe('who may come', () => {
  test('to a listener: from its list, or from this host alone', async () => {
    const { openStreams } = await load(good);
    expect(openStreams).toMatchObject([
      { address: '192.0.2.1', port: 5269, starttls: false },
      { address: '127.0.0.1', port: 5270, starttls: true },
    ]);
    const [far, near] = openStreamListeners(openStreams);
    const addresses = ['10.0.0.17', '10.0.1.17', '2001:db8::17', '127.0.0.1', '::1', 'fe80::1%eth0', ''];
    expect(addresses.map((from) => far?.allows(from))).toEqual([
      true,
      false,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(addresses.map((from) => near?.allows(from))).toEqual([
      false,
      false,
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  test('as an account: by its name, from its own addresses', async () => {
    const { forwarders, domain } = await load(good);
    const identify = openStreamIdentities(forwarders, domain);
    const hv17 = { account: 'hv17', kind: 'contrail' };
    expect(identify('hv17', '10.0.0.17')).toEqual(hv17);
    expect(identify('hv17', '2001:db8::17')).toEqual(hv17);
    expect(identify('hv17', '10.0.0.18')).toBe('forwarder hv17 may not come from this address');
    expect(identify('d1@dc1.example', '127.0.0.1')).toEqual({ account: 'd1', kind: 'draft' });
    expect(identify('agent2@elsewhere', '127.0.0.1')).toEqual({ account: 'd2', kind: 'draft' });
    for (const name of ['d1', 'd2', 'd2@dc1.example', 'hv17@dc1.example', 'constructor', ''])
      expect(identify(name, '127.0.0.1')).toBe(
        `no forwarder is configured that calls itself ${JSON.stringify(name)}`,
      );
  });
});

test.each<[string, string, string, string]>([
  [
    'a listener for everybody',
    ", allow: [10.0.0.0/24, '2001:db8::/64']",
    '',
    'rs.yaml:6: open-stream[0].address: 192.0.2.1 would take forwarders without authentication from anywhere: listen on a loopback address, or list in allow where they come from',
  ],
  ['a list of all', '10.0.0.0/24', '0.0.0.0/0', 'rs.yaml:6: open-stream[0].allow[0]: would allow everybody'],
  [
    'a list of all of IPv6',
    '2001:db8::/64',
    '::/0',
    'rs.yaml:6: open-stream[0].allow[1]: would allow everybody',
  ],
  [
    'an identity from everywhere',
    "[10.0.0.17, '2001:DB8::17']",
    '[]',
    'rs.yaml:11: forwarders.hv17.open-stream.addresses: ',
  ],
  [
    'an identity that cannot come',
    '10.0.0.17, ',
    '10.0.9.17, ',
    'rs.yaml:11: forwarders.hv17.open-stream.addresses: no open-stream listener takes connections from 10.0.9.17',
  ],
  [
    'two of one name',
    'agent2@elsewhere',
    'd1@dc1.example',
    'rs.yaml:19: forwarders.d2.open-stream: d1@dc1.example is the name of d1 already',
  ],
  [
    'a name with a resource',
    'agent2@elsewhere',
    'agent2@elsewhere/x',
    'rs.yaml:19: forwarders.d2.open-stream.jid: ',
  ],
  [
    'a password beside',
    '    open-stream: { jid',
    `    password-file: ${'DIRECTORY'}/secret\n    open-stream: { jid`,
    'rs.yaml:20: forwarders.d2.open-stream: a forwarder that needs no authentication cannot have any beside',
  ],
  [
    'contrail with authentication',
    "open-stream: { addresses: [10.0.0.17, '2001:DB8::17'] }",
    'password-file: DIRECTORY/secret',
    'rs.yaml:10: forwarders.hv17.dialect: contrail is spoken over an open-stream alone',
  ],
  [
    'a VPN that contrail cannot name',
    'vpns: [red]',
    'vpns: [red, a/b]',
    'rs.yaml:13: forwarders.hv17.vpns[1]: a/b has a slash, which contrail would cut it at',
  ],
])('%s is refused', async (_what, part, replacement, problem) => {
  const error = await load(good.replace(part, replacement.replace('DIRECTORY', directory))).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  expect(String(error).replaceAll(`${directory}/`, '')).toContain(problem);
});
