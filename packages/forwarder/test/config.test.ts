import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@hostpe/daemon';
import { afterAll, describe, expect, test } from 'vitest';
import { forwarderConfigSchema } from '../src/config.ts';
import { loadForwarderConfig } from '../src/start.ts';

const folder = mkdtempSync(join(tmpdir(), 'hostpe-forwarder-config-'));
const secret = join(folder, 'h1.secret');
writeFileSync(secret, 'correct horse', { mode: 0o600 });
afterAll(() => rmSync(folder, { recursive: true }));

const routeServer = {
  host: '192.0.2.1',
  domain: 'dc1.example',
  account: 'h1',
  'password-file': secret,
};
const minimal = { underlay: { address: '10.255.0.1' }, 'route-servers': [routeServer] };

/** The problems of the minimal configuration with some keys replaced: `path: message`. */
function problems(some: object): string[] {
  const read = forwarderConfigSchema.safeParse({ ...minimal, ...some });
  return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const attachment = { interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1'] };

describe('the configuration', () => {
  test('has a dialect for each route server', () => {
    const servers = ['end-system-06', 'end-system-07m'].map((dialect, port) => ({
      ...routeServer,
      port: port + 1,
      dialect,
    }));
    const { routeServers } = forwarderConfigSchema.parse({ ...minimal, 'route-servers': servers });
    expect(routeServers.map(({ dialect }) => dialect)).toEqual(['end-system-06', 'end-system-07m']);
  });

  test.each([
    [{}, 5223],
    [{ tls: 'starttls' }, 5222],
    [{ transport: 'websocket' }, 443],
    [{ transport: 'websocket', port: 5443 }, 5443],
  ])('a route server with %j is at port %i', (some, port) => {
    const read = forwarderConfigSchema.parse({ ...minimal, 'route-servers': [{ ...routeServer, ...some }] });
    expect(read.routeServers[0]).toMatchObject({ ...some, port });
  });

  test('needs no password where there is a certificate', () => {
    const { 'password-file': _, ...server } = routeServer;
    const files = { 'certificate-file': '/etc/hostpe/h1.pem', 'key-file': '/etc/hostpe/h1.key' };
    const read = forwarderConfigSchema.parse({ ...minimal, 'route-servers': [{ ...server, ...files }] });
    expect(read.routeServers[0]).toMatchObject({
      passwordFile: undefined,
      certificateFile: '/etc/hostpe/h1.pem',
      keyFile: '/etc/hostpe/h1.key',
    });
  });

  test('has defaults for all but underlay and route servers', () => {
    expect(forwarderConfigSchema.parse(minimal)).toMatchObject({
      underlay: { address: '10.255.0.1', mtu: undefined, allowedPes: [] },
      routeServers: [
        {
          host: '192.0.2.1',
          port: 5223,
          account: 'h1',
          dialect: 'end-system-06',
          transport: 'tcp',
          tls: 'direct',
          plain: false,
          certificateFile: undefined,
          keyFile: undefined,
          caFile: undefined,
        },
      ],
      vpns: new Map(),
      attachments: [],
      controlSocket: '/run/hostpe/forwarder.sock',
      stateDirectory: '/var/lib/hostpe',
      logLevel: 'info',
    });
  });

  test('says how long stale routes are kept, in seconds or for ever', () => {
    const retention = (timers: object) => forwarderConfigSchema.parse({ ...minimal, timers }).retention;
    expect(retention({})).toEqual({ stale: 3_600_000, headless: undefined });
    expect(retention({ stale: 'forever', headless: 0.5 })).toEqual({ stale: undefined, headless: 500 });
    expect(problems({ timers: { stale: -1, headless: 'never' } })).toEqual([
      'timers.stale: Too small: expected number to be >=0',
      'timers.headless: is neither forever nor a number of seconds up to a week',
    ]);
    expect(problems({ timers: { headless: 604_801 } })).toHaveLength(1);
  });

  test('gives values as the rest of the forwarder has them', () => {
    const read = forwarderConfigSchema.parse({
      ...minimal,
      vpns: { red: { encapsulations: ['udp'], device: 'vrf-red', 'instance-id': 7 } },
      attachments: [
        {
          ...attachment,
          addresses: ['10.1.0.1', '2001:DB8::1/128'],
          'sequence-number': 1,
          mac: '02:00:00:00:00:01',
          vlan: { parent: 'eth1', id: 100 },
          mtu: 'underlay',
        },
      ],
    });
    expect(read.vpns.get('red')).toEqual({ encapsulations: ['udp'], device: 'vrf-red', instanceId: 7 });
    expect(read.attachments).toEqual([
      {
        interface: 'v-red1',
        vpn: 'red',
        addresses: ['10.1.0.1/32', '2001:db8::1/128'],
        mac: '02:00:00:00:00:01',
        vlan: { parent: 'eth1', id: 100 },
        mtu: 'underlay',
        sequenceNumber: 1,
        localPreference: undefined,
      },
    ]);
  });

  test('takes an IPv6 underlay', () => {
    const underlay = { address: '2001:DB8::1', mtu: 1328, 'allowed-pes': ['2001:db8:ff::/48'] };
    expect(forwarderConfigSchema.parse({ ...minimal, underlay }).underlay).toEqual({
      address: '2001:db8::1',
      mtu: 1328,
      allowedPes: ['2001:db8:ff::/48'],
    });
  });

  test.each<[string, object, string]>([
    ['an unknown key', { undrelay: {} }, ': Unrecognized key: "undrelay"'],
    [
      'a link-local PE address',
      { underlay: { address: 'fe80::1' } },
      "underlay.address: fe80::1 cannot be a PE's address: it is none of a whole network",
    ],
    [
      'an IPv4 address that is written as an IPv6 one',
      { underlay: { address: '::ffff:10.255.0.1' } },
      "underlay.address: ::ffff:10.255.0.1 cannot be a PE's address: it is none of a whole network",
    ],
    [
      'a PE prefix of the other family over IPv4',
      { underlay: { address: '10.255.0.1', 'allowed-pes': ['10.255.0.0/24', '2001:db8::/32'] } },
      'underlay.allowed-pes.1: 2001:db8::/32 is not an IPv4 prefix: the underlay is that of 10.255.0.1',
    ],
    [
      'a PE prefix of the other family over IPv6',
      { underlay: { address: '2001:db8::1', 'allowed-pes': ['10.255.0.0/24'] } },
      'underlay.allowed-pes.0: 10.255.0.0/24 is not an IPv6 prefix: the underlay is that of 2001:db8::1',
    ],
    [
      'an MTU that is too small for IPv6 in IPv6',
      { underlay: { address: '2001:db8::1', mtu: 1327 } },
      "underlay.mtu: 1328 at the least over IPv6: a tunnel's 44 bytes, a label's 4 and an IPv6 packet's least 1280",
    ],
    [
      'MPLS in UDP over an IPv6 underlay',
      { underlay: { address: '2001:db8::1' }, vpns: { red: { encapsulations: ['gre', 'udp'] } } },
      'vpns.red.encapsulations: no udp over an IPv6 underlay (2001:db8::1): Linux has MPLS in UDP over IPv6 for one PE a device only; leave it at gre',
    ],
    [
      'no address',
      { underlay: { address: '10.255.0.256' } },
      'underlay.address: "10.255.0.256" is not an IP address',
    ],
    [
      'host bits in a prefix',
      { underlay: { address: '10.255.0.1', 'allowed-pes': ['10.255.0.1/24'] } },
      'underlay.allowed-pes.0: "10.255.0.1/24" has bits set behind its length: 10.255.0.0/24 is the prefix',
    ],
    [
      'no route server',
      { 'route-servers': [] },
      'route-servers: Too small: expected array to have >=1 items',
    ],
    [
      'a route server twice',
      { 'route-servers': [routeServer, routeServer] },
      'route-servers.1.host: 192.0.2.1:5223 is configured twice',
    ],
    [
      'a dialect that nobody speaks',
      { 'route-servers': [{ ...routeServer, dialect: 'bgp' }] },
      'route-servers.0.dialect: Invalid option: expected one of "end-system-06"|"end-system-07m"|"contrail"',
    ],
    [
      'neither password nor certificate',
      { 'route-servers': [{ ...routeServer, 'password-file': undefined }] },
      'route-servers.0.password-file: is required where there is no certificate-file',
    ],
    [
      'a certificate without its key',
      { 'route-servers': [{ ...routeServer, 'certificate-file': '/etc/h1.pem' }] },
      'route-servers.0.certificate-file: certificate-file and key-file need each other',
    ],
    [
      'a key without its certificate',
      { 'route-servers': [{ ...routeServer, 'key-file': '/etc/h1.key' }] },
      'route-servers.0.key-file: certificate-file and key-file need each other',
    ],
    [
      'PLAIN without a password',
      {
        'route-servers': [
          {
            ...routeServer,
            'password-file': undefined,
            plain: true,
            'certificate-file': '/a',
            'key-file': '/b',
          },
        ],
      },
      'route-servers.0.plain: needs a password-file',
    ],
    [
      'STARTTLS over a WebSocket',
      { 'route-servers': [{ ...routeServer, transport: 'websocket', tls: 'starttls' }] },
      'route-servers.0.tls: a WebSocket has TLS from the first byte: leave out tls',
    ],
    [
      'a whole subnet attached',
      { attachments: [{ ...attachment, addresses: ['10.1.0.0/24'] }] },
      'attachments.0.addresses.0: 10.1.0.0/24 is not the address of one machine: give 10.1.0.0 or 10.1.0.0/32',
    ],
    [
      "the gateway's address",
      { attachments: [{ ...attachment, addresses: ['169.254.1.1'] }] },
      "attachments.0.addresses.0: 169.254.1.1 cannot be a machine's address",
    ],
    [
      'an interface twice',
      { attachments: [attachment, { ...attachment, vpn: 'blue' }] },
      'attachments.1.interface: v-red1 is attached twice',
    ],
    [
      'a VLAN twice',
      {
        attachments: ['a', 'b'].map((name) => ({
          ...attachment,
          interface: name,
          vlan: { parent: 'eth1', id: 100 },
        })),
      },
      'attachments.1.interface: VLAN 100 of eth1 is that of a already',
    ],
    [
      'a VLAN of an interface that is attached',
      { attachments: [attachment, { ...attachment, interface: 'a', vlan: { parent: 'v-red1', id: 100 } }] },
      'attachments.1.interface: v-red1 is attached itself: its VLANs cannot be',
    ],
    [
      'an interface that carries a VLAN',
      { attachments: [{ ...attachment, interface: 'a', vlan: { parent: 'v-red1', id: 100 } }, attachment] },
      'attachments.1.interface: v-red1 carries the VLAN of a',
    ],
    [
      'a tag that is no VLAN',
      { attachments: [{ ...attachment, vlan: { parent: 'eth1', id: 4095 } }] },
      'attachments.0.vlan.id: Too big: expected number to be <=4094',
    ],
    [
      'an MTU that IPv6 has no room in',
      { attachments: [{ ...attachment, mtu: 1279 }] },
      'attachments.0.mtu: Too small: expected number to be >=1280',
    ],
    [
      'a long interface name',
      { attachments: [{ ...attachment, interface: 'v-a-rather-long-name' }] },
      'attachments.0.interface: "v-a-rather-long-name" is longer than 15 bytes',
    ],
    [
      'a VPN whose VRF device nftables could not be told of',
      { vpns: { 'acme@prod': {} } },
      'vpns.acme@prod: the VRF device needs a name: acme@prod holds "@": use letters, digits, "_", "." and "-"; set device',
    ],
    [
      'an address that is written as IPv4 in IPv6',
      { attachments: [{ ...attachment, addresses: ['::10.1.0.1'] }] },
      "attachments.0.addresses.0: ::a01:1 cannot be a machine's address",
    ],
    [
      'the loopback',
      { attachments: [{ ...attachment, interface: 'lo' }] },
      'attachments.0.interface: "lo" is reserved',
    ],
    [
      'an interface with the name of a VRF',
      { attachments: [{ ...attachment, interface: 'red' }] },
      'attachments.0.interface: red is the name of a VRF device',
    ],
    [
      'an interface with the name of the VRF of another attachment',
      {
        attachments: [
          { ...attachment, interface: 'blue' },
          { ...attachment, vpn: 'blue' },
        ],
      },
      'attachments.0.interface: blue is the name of a VRF device',
    ],
    [
      'a VPN without a device name',
      { attachments: [{ ...attachment, vpn: 'customer-4711-prod' }] },
      'attachments.0.vpn: the VRF device needs a name: customer-4711-prod is longer than 15 bytes; set vpns.customer-4711-prod.device',
    ],
    [
      'a VPN named as an inherited property',
      { attachments: [{ ...attachment, vpn: 'constructor' }], vpns: { blue: { device: 'constructor' } } },
      'attachments.0.vpn: VRF device constructor is that of VPN blue; set vpns.constructor.device',
    ],
    [
      'a device for two VPNs',
      { vpns: { red: {}, blue: { device: 'red' } } },
      'vpns.blue: VRF device red is that of VPN red already',
    ],
    [
      'an instance-id for two VPNs',
      { vpns: { red: { 'instance-id': 7 }, blue: { 'instance-id': 7 } } },
      'vpns.blue.instance-id: 7 is the instance-id of VPN red already',
    ],
    [
      'an encapsulation twice',
      { vpns: { red: { encapsulations: ['gre', 'gre'] } } },
      'vpns.red.encapsulations: names an encapsulation twice',
    ],
    ['a relative path', { 'state-directory': 'state' }, 'state-directory: is not an absolute path'],
  ])('refuses %s', (_what, some, problem) => {
    expect(problems(some)).toEqual([problem]);
  });

  test('says at its own lines what is wrong with the files that it names, of all at once', async () => {
    const file = join(folder, 'forwarder.yaml');
    writeFileSync(
      file,
      `underlay: { address: 10.255.0.1 }
route-servers:
  - host: 192.0.2.1
    domain: dc1.example
    account: h1
    password-file: /nowhere/h1.secret
    ca-file: ${secret}
  - { host: 192.0.2.2, domain: dc1.example, account: h1, password-file: ${secret}, ca-file: /nowhere/ca.pem }
`,
    );
    const error = await loadForwarderConfig(file).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error).split('\n')).toEqual([
      expect.stringContaining(`${file}:6: route-servers[0].password-file: /nowhere/h1.secret: not found`),
      expect.stringContaining(`${file}:7: route-servers[0].ca-file: ${secret}: holds no certificate in PEM`),
      expect.stringContaining(`${file}:8: route-servers[1].ca-file: /nowhere/ca.pem: not found`),
    ]);
    expect(String(error)).not.toContain('correct horse');
  });

  test('reads certificate and key anew each time, and refuses a key of another certificate', async () => {
    const newLeaf = (name: string) => {
      const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
      const subject = ['-subj', `/CN=${name}`, '-days', '1'];
      const out = ['-nodes', '-keyout', key, '-out', certificate];
      const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
      execFileSync('openssl', [...words, ...out, ...subject], { stdio: 'pipe' });
      return { key, certificate };
    };
    const [first, second] = [newLeaf('first'), newLeaf('second')];
    const file = join(folder, 'certificates.yaml');
    const server = (certificate: string, key: string): string =>
      `  - { host: ${key}, domain: dc1.example, account: h1, certificate-file: ${certificate}, key-file: ${key} }\n`;
    const begin = 'underlay: { address: 10.255.0.1 }\nroute-servers:\n';
    writeFileSync(file, begin + server(first.certificate, first.key));
    const { credentials } = await loadForwarderConfig(file);
    const [secrets] = credentials.values();
    expect(secrets?.password).toBeUndefined();
    expect(await secrets?.certificate?.()).toBe(readFileSync(first.certificate, 'utf8'));
    copyFileSync(second.certificate, first.certificate);
    expect(await secrets?.certificate?.()).toBe(readFileSync(second.certificate, 'utf8'));

    writeFileSync(file, begin + server(first.certificate, first.key) + server(second.certificate, secret));
    const error = await loadForwarderConfig(file).catch((thrown: unknown) => thrown);
    expect(String(error).split('\n')).toEqual([
      expect.stringContaining(
        `:3: route-servers[0].key-file: ${first.key} is not the key of ${first.certificate}`,
      ),
      expect.stringContaining(`:4: route-servers[1].key-file: ${secret}: holds no private key in PEM`),
    ]);
  });
});
