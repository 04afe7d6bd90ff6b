// The demo: hostpe's main job shown to a colleague, step by step, on a real kernel with the real daemons.
// Last line: `demo: ok`, or `demo: failed: …` and exit code 1.
import type { Daemon } from '@hostpe/netns-lab';
import { eventually } from '../src/eventually.ts';
import { type Dialect, dialects, Fabric, interfaceOf, type Machine } from '../src/fabric.ts';
import { RunningPing } from '../src/running-ping.ts';

const started = Date.now();
const say = (text = '') => process.stdout.write(`${text}\n`);
const indent = (text: string) => text.trimEnd().replaceAll(/^/gm, '      ');

function step(title: string, why: string): void {
  say(`\n[${String(Math.round((Date.now() - started) / 1000)).padStart(3)} s] ${title}`);
  say(why.replaceAll(/^\s*/gm, '        '));
}

function check(claim: string, holds: boolean, evidence = ''): void {
  say(`   ${holds ? 'ok ' : 'NO '} ${claim}`);
  if (evidence !== '') say(indent(evidence));
  if (!holds) throw new Error(claim);
}

const red1: Machine = {
  name: 'red1',
  hypervisor: 'h1',
  vpn: 'red',
  addresses: ['10.1.0.1', '2001:db8:1::1'],
};
const red2: Machine = {
  name: 'red2',
  hypervisor: 'h2',
  vpn: 'red',
  addresses: ['10.1.0.2', '2001:db8:1::2'],
};
const blue1: Machine = {
  name: 'blue1',
  hypervisor: 'h1',
  vpn: 'blue',
  addresses: ['10.1.0.1', '2001:db8:1::1'],
};
const blue2: Machine = { name: 'blue2', hypervisor: 'h2', vpn: 'blue', addresses: ['10.1.0.2', '10.9.0.9'] };

async function shown(fabric: Fabric, host: string, command: string, ...args: string[]): Promise<string> {
  const { stdout } = await fabric.host(host).run(command, args);
  say(`   ${host}# ${[command, ...args].join(' ')}`);
  say(indent(stdout === '' ? '(nothing)' : stdout));
  return stdout;
}

async function pings(fabric: Fabric, from: string, to: string, address: string): Promise<void> {
  await fabric.reachable(from, address);
  const { sent, received } = await fabric.ping(from, address, 3);
  check(`${from} reaches ${to} at ${address}: ${received} of ${sent} answered`, received === sent);
}

/** One packet from the underlay as tcpdump decodes it, while `from` pings. */
async function onTheWire(fabric: Fabric, from: string, filter: string, expected: RegExp): Promise<void> {
  const tcpdump = await fabric
    .host('spine')
    .start('tcpdump', 'tcpdump', ['-n', '-v', '-c', '1', '-i', 'h1', filter], {
      ready: (line) => line.includes('listening on'),
    });
  await eventually(`tcpdump shows a packet of ${filter}`, async () => {
    await fabric.ping(from, '10.1.0.2', 1);
    return tcpdump.lines.some((line) => line.includes('1 packet captured'));
  });
  const packet = tcpdump.lines
    .filter((line) => !/listening on|captured|received by|dropped by/.test(line))
    .join('\n');
  check(
    `on the underlay between the hypervisors, one packet of ${from}, decoded by tcpdump (${filter}):`,
    expected.test(packet),
    packet,
  );
}

/** Shows what the daemons said last when a step fails, while they still run. */
async function withLastLines(fabric: Fabric, steps: () => Promise<void>): Promise<void> {
  try {
    await steps();
  } catch (error) {
    say(fabric.lastLines());
    throw error;
  }
}

/** DIALECT in the environment; the default is hostpe's. */
function chosenDialect(): Dialect {
  const { DIALECT: name = dialects[0] } = process.env;
  const dialect = dialects.find((known) => known === name);
  if (dialect === undefined) throw new Error(`DIALECT is ${name}, which is none of ${dialects.join(', ')}`);
  return dialect;
}

/** draft-marques-l3vpn-end-system-07 has no word for another one than GRE. */
function encapsulationOfRed(dialect: Dialect): 'gre' | 'udp' {
  return dialect === 'end-system-07m' ? 'gre' : 'udp';
}

async function demo(): Promise<void> {
  const dialect = chosenDialect();
  const hypervisors = ['h1', 'h2', 'h3'];
  step(
    'Build the lab',
    `Three hypervisors h1, h2, h3 behind an underlay router that knows nothing of the tenants; a route server on a host
     of its own. Two tenants, red and blue, with the SAME addresses: red1 and blue1 on h1 are both 10.1.0.1, red2 and
     blue2 on h2 are both 10.1.0.2. Every host is a network namespace with its own routing tables.`,
  );
  await using fabric = await Fabric.create({
    name: 'demo',
    hypervisors,
    dialects: Object.fromEntries(hypervisors.map((hypervisor) => [hypervisor, dialect])),
    vpns: {
      red: { import: ['64512:1'], export: ['64512:1'], encapsulations: [encapsulationOfRed(dialect)] },
      blue: { import: ['64512:2'], export: ['64512:2'], encapsulations: ['gre'] },
    },
    machines: [red1, red2, blue1, blue2],
  });
  if (dialect !== dialects[0]) say(`      The forwarders speak the dialect ${dialect}.`);
  await withLastLines(fabric, () => steps(fabric, encapsulationOfRed(dialect)));
}

async function steps(fabric: Fabric, red: 'gre' | 'udp'): Promise<void> {
  step(
    'Start the route server and three forwarders',
    `Each forwarder connects by XMPP over TLS, subscribes to the VPNs of its machines, and publishes their addresses with
     an MPLS label. The route server distributes them by route target. The forwarders program the kernel by rtnetlink.`,
  );
  const daemons: Record<string, Daemon> = { rs: await fabric.startRouteServer() };
  for (const h of ['h1', 'h2', 'h3']) daemons[h] = await fabric.startForwarder(h);

  step(
    'Machines of one VPN reach each other across the hypervisors',
    `IPv4 and IPv6, red in MPLS-in-${red.toUpperCase()}, blue in MPLS-in-GRE.`,
  );
  await pings(fabric, 'red1', 'red2', '10.1.0.2');
  await pings(fabric, 'red1', 'red2', '2001:db8:1::2');
  await pings(fabric, 'blue1', 'blue2', '10.1.0.2');

  step(
    'Machines of different VPNs do not',
    `blue2 has a second address, 10.9.0.9, that no red machine has. blue1 reaches it, red1 does not. And while red1 pings
     10.1.0.2, which exists in both VPNs, blue2 sees not one packet.`,
  );
  await pings(fabric, 'blue1', 'blue2', '10.9.0.9');
  const lost = await fabric.ping('red1', '10.9.0.9', 3);
  check(
    `red1 does not reach 10.9.0.9: ${lost.received} of ${lost.sent} answered`,
    lost.received === 0,
    lost.output.split('\n')[1] ?? '',
  );
  const capture = await fabric.host('blue2').capture('eth0', 'icmp');
  await fabric.ping('red1', '10.1.0.2', 5);
  const strays = await capture.stop();
  check(`blue2 saw ${strays.length} packets of red1's ping to 10.1.0.2`, strays.length === 0);

  step(
    'What the kernel of h1 holds',
    'Plain iproute2 shows it all: VRF tables, nexthop objects with their labels, the label table.',
  );
  await shown(fabric, 'h1', 'ip', 'route', 'show', 'vrf', 'red');
  await shown(fabric, 'h1', 'ip', 'route', 'show', 'vrf', 'blue');
  await shown(fabric, 'h1', 'ip', '-6', 'route', 'show', 'vrf', 'red');
  await shown(fabric, 'h1', 'ip', 'nexthop');
  await shown(fabric, 'h1', 'ip', '-f', 'mpls', 'route');

  step(
    'What the wire carries',
    'Outer header between the hypervisors, one MPLS label with the bottom-of-stack bit, the tenant packet.',
  );
  await onTheWire(
    fabric,
    'red1',
    red === 'udp' ? 'udp port 6635' : 'ip proto 47',
    /MPLS \(label \d+.*\[S\].*\n?.*10\.1\.0\.1 > 10\.1\.0\.2/s,
  );
  await onTheWire(
    fabric,
    'blue1',
    'ip proto 47',
    /GREv0.*MPLS \(label \d+.*\[S\].*10\.1\.0\.1 > 10\.1\.0\.2/s,
  );

  step(
    'A machine moves',
    'red3 is attached on h2 by command, then leaves it and comes up on h3 with the same address. No file is touched.',
  );
  const guest: Machine = { name: 'red3', hypervisor: 'h2', vpn: 'red', addresses: ['10.1.0.3'] };
  await fabric.addMachine(guest);
  say(indent(await fabric.attach(guest)));
  await pings(fabric, 'red1', 'red3 on h2', '10.1.0.3');
  say(indent(await fabric.hostpe('h2', 'detach', interfaceOf(guest.name))));
  await fabric.lab.removeMachine(guest.name);
  const moved: Machine = { ...guest, hypervisor: 'h3' };
  await fabric.addMachine(moved);
  say(indent(await fabric.attach(moved)));
  await pings(fabric, 'red1', 'red3 on h3', '10.1.0.3');

  step(
    'Kill everything with SIGKILL, under a running ping',
    `100 packets a second from red1 to red2 while both forwarders and the route server die and come back. The kernel
     forwards by itself; the daemons adopt what they find.`,
  );
  const ping = await RunningPing.start(fabric.host('red1'), '10.1.0.2');
  for (const victim of ['h1', 'h2', 'rs']) {
    await daemons[victim]?.kill('SIGKILL');
    say(`      ${victim === 'rs' ? 'the route server' : `the forwarder on ${victim}`} is dead`);
    await ping.another100();
  }
  daemons['rs'] = await fabric.startRouteServer();
  for (const h of ['h1', 'h2']) daemons[h] = await fabric.startForwarder(h);
  for (const h of ['h1', 'h2']) await fabric.complete(h, 2);
  say('      all three are back, and both forwarders have heard the whole table again');
  await ping.another100();
  const result = await ping.stop();
  check(
    `${result.received} of ${result.highest} packets answered, ${result.lost.length} lost`,
    result.lost.length === 0,
  );

  step('Clean end', 'The daemons stop on SIGTERM; the lab removes its namespaces.');
  for (const [name, daemon] of Object.entries(daemons)) {
    await daemon.kill('SIGTERM');
    const { exitCode } = await daemon.exited;
    check(`${name} ended with exit code ${exitCode}`, exitCode === 0);
  }
}

try {
  await demo();
  say(`\ndemo: ok`);
} catch (error) {
  say(`\ndemo: failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
