// What routing daemons have in common as sides: how it is found out which one is installed, what their routes lead to, and when they are ready.
import { type ChildProcess, spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { type IpAddress, type IpPrefix, parseIpAddress } from '@hostpe/net';
import { endChild } from './child.ts';
import { ip, nexthopCount } from './namespace.ts';
import { type Family, type Job, prefixesOf } from './side.ts';

/** The daemons resolve gateways themselves: a device of their own, whose end also ends their routes. */
const device = 'p0';

/** @returns the first line of what it says of itself. @throws Error saying what to install. */
export function versionOf(name: string, file: string, packageName: string): string {
  const { status, stdout, stderr } = spawnSync(file, ['--version'], { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${name} is left out, it is not installed: apt-get install ${packageName}`);
  return (`${stdout}${stderr}`.split('\n')[0] ?? '').replace(' version', '');
}

export function addDevice(family: Family): void {
  const address = family === 'ipv4' ? '192.0.2.1/24' : '2001:db8::1/64';
  const lines = [
    `link add ${device} type veth peer name p1`,
    'link set p1 up',
    `link set ${device} up`,
    `address add ${address} dev ${device}${family === 'ipv4' ? '' : ' nodad'}`,
  ];
  ip(['-batch', '-'], lines.join('\n'));
}

/** As many gateways as there are nexthop objects for the others. */
export function gatewayRoutes({ family, count }: Job): [prefix: IpPrefix, gateway: IpAddress][] {
  const gateways = Array.from({ length: nexthopCount }, (_, index) =>
    parseIpAddress(family === 'ipv4' ? `192.0.2.${2 + index}` : `2001:db8::${(2 + index).toString(16)}`),
  );
  return prefixesOf(family, count)
    .slice(0, count)
    .map((prefix, route) => [prefix, gateways[route % nexthopCount] as IpAddress]);
}

export async function endDaemon(daemon: ChildProcess | undefined): Promise<void> {
  await endChild(daemon);
  ip(['link', 'delete', device]);
}

/** @throws Error with the complaint after ten seconds. */
export async function until(condition: () => boolean, complaint: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(complaint);
    await setTimeout(50);
  }
}
