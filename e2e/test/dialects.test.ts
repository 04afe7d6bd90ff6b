// Forwarders of every dialect in one VPN: what one of them says each other understands.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { Fabric, interfaceOf, type Machine } from '../src/fabric.ts';

const machines: readonly Machine[] = ['h1', 'h2', 'h3'].map((hypervisor, at) => ({
  name: `m${at + 1}`,
  hypervisor,
  vpn: 'red',
  addresses: [`10.1.0.${at + 1}`, `2001:db8:1::${at + 1}`],
}));
const pairs = machines.flatMap((from) => machines.filter((to) => to !== from).map((to) => ({ from, to })));

let fabric: Fabric;

beforeAll(async () => {
  fabric = await Fabric.create({
    name: 'dialects',
    hypervisors: ['h1', 'h2', 'h3'],
    vpns: { red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['udp', 'gre'] } },
    machines,
    dialects: { h1: 'end-system-06', h2: 'end-system-07m', h3: 'contrail' },
  });
  await fabric.startRouteServer();
  for (const { hypervisor } of machines) await fabric.startForwarder(hypervisor);
});

afterAll(() => fabric?.remove());

test.each(pairs)('$from.hypervisor leads packets to $to.hypervisor', async ({ from, to }) => {
  for (const address of to.addresses) {
    await fabric.reachable(from.name, address);
    const { sent, received } = await fabric.ping(from.name, address, 5);
    expect({ sent, received }).toEqual({ sent: 5, received: 5 });
  }
});

const routes = async (hypervisor: string) =>
  (await fabric.host(hypervisor).run('ip', ['route', 'show', 'vrf', 'red'])).stdout;

test.each(machines)('what $hypervisor takes back is gone at the others', async ({ hypervisor }) => {
  const guest = { name: `g${hypervisor}`, hypervisor, vpn: 'red', addresses: ['10.1.0.99'] };
  const others = machines.filter((machine) => machine.hypervisor !== hypervisor);
  await fabric.addMachine(guest);
  await fabric.attach(guest);
  for (const { name } of others) await fabric.reachable(name, '10.1.0.99');
  await fabric.hostpe(hypervisor, 'detach', interfaceOf(guest.name));
  for (const other of others)
    await eventually(
      `${other.hypervisor} has no route to 10.1.0.99`,
      async () => !(await routes(other.hypervisor)).includes('10.1.0.99'),
    );
  await fabric.lab.removeMachine(guest.name);
});
