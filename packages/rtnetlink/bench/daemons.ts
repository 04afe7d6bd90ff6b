// Routing daemons as sides: BIRD and FRR's zebra, with no other protocol than what gives them the routes. Counted, for them and for us beside them,
// as the kernel tells it: from the notification of the first route to that of the last, so that nobody pays for a start or a configuration.
import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { endChild, startChild } from './child.ts';
import { flushTable, ip, nexthopCount } from './namespace.ts';
import type { Program } from './program.ts';
import { benchTable, type Cost, type Family, type Job, prefixesOf, type Side } from './side.ts';

/** The daemons resolve gateways themselves: a device of their own, whose end also ends their routes. */
const device = 'p0';
const mainTable = 254;
const importedTable = 100;
const zebraFile = '/usr/lib/frr/zebra';
const vtyFile = 'vtysh';

/** Ours, counted as the daemons are. */
export function watchedSide(program: Program, side: Side): Side {
  return {
    ...side,
    name: `${side.name}, as notified`,
    ops: ['add'],
    clear: flushTable,
    change: (job) => timed(program, job, benchTable, () => side.change(job)),
  };
}

/** @param directory for its files. @throws Error where it is not installed. */
export function birdSide(program: Program, directory: string): Side {
  const version = versionOf('BIRD', 'bird', 'bird2');
  let daemon: ChildProcess | undefined;
  return {
    name: version,
    ops: ['add'],
    byNexthopId: false,
    clear: () => end(daemon),
    change: async (job) => {
      addDevice(job.family);
      const file = join(directory, 'bird.conf');
      const routes = gatewayRoutes(job).map(([prefix, gateway]) => `  route ${prefix} via ${gateway};`);
      writeFileSync(
        file,
        `router id 192.0.2.1;
${job.family} table bench;
protocol device {}
protocol kernel { kernel table ${benchTable}; scan time 3600; ${job.family} { table bench; import none; export all; }; }
protocol static {
  ${job.family} { table bench; };
${routes.join('\n')}
}
`,
      );
      return timed(program, job, benchTable, () => {
        daemon = startChild('bird', ['-f', '-c', file, '-s', join(directory, 'bird.ctl')], 'ignore');
      });
    },
  };
}

/**
 * zebra alone: it takes a table of the kernel's into its own (`ip import-table`), computes, and installs the result in the main table. Its
 * usual sources, staticd for one, are slower than zebra, which is not to be held against it. IPv4 only, as that command is.
 * @param parent a directory that others may look into.
 * @throws Error where it is not installed.
 */
export function zebraSide(program: Program, parent: string): Side {
  const version = versionOf("FRR's zebra", zebraFile, 'frr');
  // zebra drops its privileges before it writes there.
  const directory = join(parent, 'zebra');
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  let daemon: ChildProcess | undefined;
  return {
    name: `FRR ${version}`,
    ops: ['add'],
    byNexthopId: false,
    table: mainTable,
    clear: () => end(daemon),
    change: async (job) => {
      addDevice(job.family);
      const routes = gatewayRoutes(job);
      const lines = routes.map(([prefix, via]) => `route add ${prefix} via ${via} table ${importedTable}`);
      ip(['-batch', '-'], lines.join('\n'));
      const at = (name: string): string => join(directory, name);
      const places = [`--vty_socket=${directory}`, `--socket=${at('zserv')}`, `--pid_file=${at('pid')}`];
      const options = [...places, `--log=file:${at('log')}`, '--vty_port=0', '--config_file=/dev/null'];
      daemon = startChild(zebraFile, options, 'ignore');
      const vtysh = ['--vty_socket', directory, '-d', 'zebra'];
      await until(() => succeeds(vtyFile, [...vtysh, '-c', 'show version']), 'zebra does not answer');
      const command = [...vtysh, '-c', 'configure terminal', '-c', `ip import-table ${importedTable}`];
      return timed(program, job, mainTable, () => void execFileSync(vtyFile, command, { stdio: 'ignore' }));
    },
  };
}

/** @returns the first line of what it says of itself. @throws Error saying what to install. */
function versionOf(name: string, file: string, packageName: string): string {
  const { status, stdout, stderr } = spawnSync(file, ['--version'], { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${name} is left out, it is not installed: apt-get install ${packageName}`);
  return (`${stdout}${stderr}`.split('\n')[0] ?? '').replace(' version', '');
}

function addDevice(family: Family): void {
  const address = family === 'ipv4' ? '192.0.2.1/24' : '2001:db8::1/64';
  const lines = [
    `link add ${device} type veth peer name p1`,
    'link set p1 up',
    `link set ${device} up`,
    `address add ${address} dev ${device}${family === 'ipv4' ? '' : ' nodad'}`,
  ];
  ip(['-batch', '-'], lines.join('\n'));
}

/** Prefixes and gateways, as many as there are nexthop objects for the others. */
function gatewayRoutes({ family, count }: Job): [prefix: string, gateway: string][] {
  return prefixesOf(family, count)
    .slice(0, count)
    .map((prefix, route) => {
      const host = 2 + (route % nexthopCount);
      return [prefix, family === 'ipv4' ? `192.0.2.${host}` : `2001:db8::${host.toString(16)}`];
    });
}

/** @param begin makes the routes appear. */
async function timed(
  program: Program,
  { family, count }: Job,
  table: number,
  begin: () => unknown,
): Promise<Cost> {
  const watcher = await program.watch(family, table, count);
  try {
    await begin();
    return { wall: (await watcher.heard).wall, cpu: undefined };
  } finally {
    await watcher.stop();
  }
}

async function end(daemon: ChildProcess | undefined): Promise<void> {
  await endChild(daemon);
  ip(['link', 'delete', device]);
}

function succeeds(file: string, args: readonly string[]): boolean {
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0;
}

async function until(condition: () => boolean, complaint: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(complaint);
    await setTimeout(50);
  }
}
