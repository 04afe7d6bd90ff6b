// Least privilege: the route server as an ordinary user, the forwarder as one with CAP_NET_ADMIN and nothing else.
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { Daemon } from '@hostpe/netns-lab';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { Fabric, type Machine } from '../src/fabric.ts';

const NOBODY = '65534';

const machines: readonly Machine[] = [
  { name: 'red1', hypervisor: 'h1', vpn: 'red', addresses: ['10.1.0.1'] },
  { name: 'red2', hypervisor: 'h2', vpn: 'red', addresses: ['10.1.0.2'] },
];

let fabric: Fabric;

beforeAll(async () => {
  fabric = await Fabric.create({
    name: 'least',
    hypervisors: ['h1', 'h2'],
    vpns: { red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['udp', 'gre'] } },
    machines,
  });
  // Node and the executable may lie in a home that only its owner reads: a copy lies where everybody does.
  const copies = join(fabric.folder, 'copies');
  const rs = fabric.host('rs');
  await rs.run('sh', [
    '-c',
    `mkdir -p ${copies}/node_modules/@koromix && cp "$0" ${copies}/node`,
    process.execPath,
  ]);
  await rs.run('sh', [
    '-c',
    `cd "$0" && cp -r bundle package.json ${copies} && koffi=$(realpath node_modules/koffi) &&
     cp -rL "$koffi" ${copies}/node_modules/koffi && cp -rL "$koffi"/../@koromix/* ${copies}/node_modules/@koromix/`,
    join(import.meta.dirname, '../../packages/hostpe'),
  ]);
  await rs.run('chown', ['-R', `${NOBODY}:${NOBODY}`, fabric.folder]);
  await chmod(fabric.folder, 0o755);
});

afterAll(() => fabric?.remove());

function startAs(host: string, capabilities: string, ...args: readonly string[]): Promise<Daemon> {
  const copies = join(fabric.folder, 'copies');
  return fabric
    .host(host)
    .start(host, 'setpriv', [
      ...[`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs'],
      ...['--bounding-set', `--inh-caps`, '--ambient-caps'].flatMap((set) => [set, `-all${capabilities}`]),
      ...[join(copies, 'node'), join(copies, 'bundle/hostpe.js'), ...args],
    ]);
}

test('no daemon needs root: two machines reach each other over daemons that have next to no privilege', async () => {
  const config = (name: string) => join(fabric.folder, `${name}.yaml`);
  const routeServer = await startAs('rs', '', 'route-server', '--config', config('route-server'));
  const forwarders: Daemon[] = [];
  for (const h of ['h1', 'h2'])
    forwarders.push(await startAs(h, ',+net_admin', 'forwarder', '--config', config(h)));
  await eventually('both forwarders are in session, or a daemon has ended', async () => {
    for (const daemon of [routeServer, ...forwarders])
      if (daemon.lines.some((line) => /hostpe: |"level":"error"/.test(line)))
        throw new Error(daemon.lines.join('\n'));
    return forwarders.every((daemon) => daemon.lines.some((line) => line.includes('online; subscribing')));
  });
  await fabric.reachable('red1', '10.1.0.2');
  const { stdout } = await fabric
    .host('h1')
    .run('grep', ['-h', '^CapEff', `/proc/${forwarders[0]?.pid}/status`]);
  expect(stdout.trim()).toBe(`CapEff:\t${(1 << 12).toString(16).padStart(16, '0')}`);
  for (const daemon of [routeServer, ...forwarders]) {
    await daemon.kill('SIGTERM');
    expect((await daemon.exited).exitCode).toBe(0);
  }
});
