// A hypervisor and a PE of another make (FRR) in one VPN, by BGP with the route server and MPLS in GRE between them: the way over from a legacy network.
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { Fabric, interfaceOf, peAddress, routerAddress, routeServerAddress } from '../src/fabric.ts';
import { LegacyPe } from '../src/legacy-pe.ts';

const password = randomBytes(8).toString('hex');
const machine = { name: 'red1', hypervisor: 'h1', vpn: 'red', addresses: ['10.1.0.1', '2001:db8:1::1'] };
const customer = {
  name: 'ce1',
  addresses: ['10.50.0.2/24', '2001:db8:50::2/64'],
  gateways: ['10.50.0.1', '2001:db8:50::1'],
};

const passwordFile = join(tmpdir(), `hostpe-legacy-${randomBytes(4).toString('hex')}.key`);

let fabric: Fabric;
let pe: LegacyPe;

beforeAll(async () => {
  await writeFile(passwordFile, password, { mode: 0o600 });
  fabric = await Fabric.create({
    name: 'legacy',
    hypervisors: ['h1'],
    vpns: {
      red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['gre', 'udp'] },
      blue: { import: ['64512:2'], export: ['64512:2'], encapsulations: ['gre'] },
    },
    machines: [machine, { ...machine, name: 'blue1', vpn: 'blue' }],
    routers: [{ name: 'pe1', customer }],
    bgp: {
      as: 64512,
      identifier: routeServerAddress,
      listen: [{ address: routeServerAddress }],
      peers: {
        pe1: {
          address: routerAddress(0),
          as: 64512,
          'local-address': routeServerAddress,
          'password-file': passwordFile,
        },
      },
    },
  });
  await fabric.startRouteServer();
  await fabric.startForwarder('h1');
  pe = await LegacyPe.start({
    host: fabric.host('pe1'),
    folder: join(fabric.folder, 'pe1'),
    as: 64512,
    address: routerAddress(0),
    routeServer: { address: routeServerAddress, password },
    hypervisors: { h1: peAddress('h1') },
    vrf: { name: 'red', routeTarget: '64512:1' },
    customer: { interface: 'customer', addresses: ['10.50.0.1/24', '2001:db8:50::1/64'] },
  });
  await fabric.reachable('red1', '10.50.0.2');
});

afterAll(async () => {
  await fabric?.remove();
  await rm(passwordFile, { force: true });
});

test.each(['10.50.0.2', '2001:db8:50::2'])('a machine reaches the customer at %s', async (address) => {
  await fabric.reachable('red1', address);
  expect((await fabric.ping('red1', address, 10)).received).toBe(10);
});

test.each(machine.addresses)('the customer reaches the machine at %s', async (address) => {
  await fabric.reachable('ce1', address);
  expect((await fabric.ping('ce1', address, 10)).received).toBe(10);
});

test('between them is MPLS in GRE, in both directions', async () => {
  const capture = await fabric.host('spine').capture('pe1', 'ip proto 47');
  await fabric.ping('ce1', machine.addresses[0] ?? '', 5);
  const packets = await capture.stop();
  const protocols = packets.map(({ bytes }) => Buffer.from(bytes).readUInt16BE(14 + 20 + 2));
  expect(protocols).toEqual(Array.from({ length: 10 }, () => 0x8847));
});

test('of another tenant with the same addresses the customer sees nothing', async () => {
  expect((await fabric.ping('blue1', '10.50.0.2', 3)).received).toBe(0);
});

test('a bgpd that is killed and started again: traffic comes back by itself', async () => {
  await pe.killBgpd();
  await pe.startBgpd();
  await eventually('the session is up again', async () => {
    const [peer] = (await fabric.ask('rs', '/bgp')) as { readonly state: string; readonly seconds: number }[];
    return peer?.state === 'established';
  });
  await fabric.reachable('red1', '10.50.0.2');
  await fabric.reachable('ce1', machine.addresses[0] ?? '');
});

test('a machine that comes and goes is a route of the legacy PE that comes and goes', async () => {
  const isRouted = async () => {
    const { stdout } = await fabric.host('pe1').run('ip', ['route', 'show', 'table', '10']);
    return stdout.includes('10.1.0.7');
  };
  const red7 = { name: 'red7', hypervisor: 'h1', vpn: 'red', addresses: ['10.1.0.7'] };
  await fabric.addMachine(red7);
  await fabric.attach(red7);
  await eventually('the route is there', isRouted);
  await fabric.reachable('ce1', '10.1.0.7');
  await fabric.hostpe('h1', 'detach', interfaceOf('red7'));
  await eventually('the route is gone', async () => !(await isRouted()));
});
