/** Needs a kernel with VRF and MPLS, and root: `netns-lab run -- vitest run netns-lab/test/lab.kernel.test.ts`. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Host, Lab, LabError, type Topology, waitFor } from '../src/index.ts';

const topology: Topology = {
  name: 'selftest',
  hosts: {
    h1: {
      loopback: ['10.255.0.1/32'],
      routes: [
        { to: 'default', via: '10.0.1.1' },
        { to: 'fd00:2::/64', via: 'fd00:1::1' },
      ],
    },
    h2: {
      routes: [
        { to: 'default', via: '10.0.2.1' },
        { to: 'fd00:1::/64', via: 'fd00:2::1' },
      ],
    },
    spine: { forwarding: true, routes: [{ to: '10.255.0.1/32', via: '10.0.1.2' }] },
  },
  links: [
    {
      ends: [
        { host: 'h1', interface: 'ul', addresses: ['10.0.1.2/24', 'fd00:1::2/64'] },
        { host: 'spine', interface: 'h1', addresses: ['10.0.1.1/24', 'fd00:1::1/64'] },
      ],
      mtu: 1600,
    },
    {
      ends: [
        { host: 'h2', interface: 'ul', addresses: ['10.0.2.2/24', 'fd00:2::2/64'] },
        { host: 'spine', interface: 'h2', addresses: ['10.0.2.1/24', 'fd00:2::1/64'] },
      ],
    },
  ],
  machines: {
    r1: {
      host: 'h1',
      interface: 'tap-r1',
      mac: '02:00:00:00:00:01',
      mtu: 1400,
      addresses: ['10.1.0.1/32', '2001:db8::1/128'],
    },
  },
};
const namespaces = () => readdirSync('/run/netns').filter((name) => name.startsWith('lab-selftest-'));

let lab: Lab;
let h1: Host;
let h2: Host;
beforeAll(async () => {
  lab = await Lab.create(topology);
  h1 = lab.host('h1');
  h2 = lab.host('h2');
});
afterAll(async () => {
  await lab.remove();
  expect(namespaces()).toEqual([]);
});

test('hosts reach each other through the router at once, and a capture has every packet', async () => {
  const capture = await lab.host('spine').capture('h2', 'icmp');
  await h1.run('ping', ['-q', '-c', '20', '-i', '0.01', '-W', '5', '-I', '10.255.0.1', '10.0.2.2']);
  await h1.run('ping', ['-q', '-c', '1', '-W', '5', 'fd00:2::2']);
  const packets = await capture.stop();
  expect(packets).toHaveLength(40);
  const { bytes, linkType, time } = packets[0] ?? expect.fail('no packet');
  expect(linkType).toBe(1);
  expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60);
  expect([...bytes.slice(12, 15), ...bytes.slice(26, 34)]).toEqual([
    0x08, 0, 0x45, 10, 255, 0, 1, 10, 0, 2, 2,
  ]);
});

test('a machine has its addresses, gateways and MTU; its tap has no address of ours', async () => {
  const r1 = lab.host('r1');
  const routes = `${(await r1.run('ip', ['route'])).stdout}\n${(await r1.run('ip', ['-6', 'route'])).stdout}`;
  expect(routes).toMatch(/^default via 169\.254\.1\.1 dev eth0/m);
  expect(routes).toMatch(/^default via fe80::1 dev eth0/m);
  const link = (await r1.run('ip', ['addr', 'show', 'dev', 'eth0'])).stdout;
  expect(link).toContain('mtu 1400');
  expect(link).toContain('02:00:00:00:00:01');
  expect(link).not.toContain('tentative');
  const tap = (await h1.run('ip', ['addr', 'show', 'dev', 'tap-r1'])).stdout;
  expect(tap).toMatch(/[<,]UP[,>]/);
  expect(tap).not.toContain('scope global');
  await expect(r1.run('ping', ['-c', '1', '-W', '1', '10.0.2.2'])).rejects.toThrow(LabError);
});

test('a machine moves', async () => {
  await lab.removeMachine('r1');
  expect(() => lab.host('r1')).toThrow("no host 'r1'");
  await expect(h1.run('ip', ['link', 'show', 'tap-r1'])).rejects.toThrow('tap-r1');
  await lab.addMachine('r1', { host: 'h2', interface: 'tap-r1', addresses: ['10.1.0.1/32'] });
  expect((await h2.run('ip', ['link', 'show', 'tap-r1'])).exitCode).toBe(0);
});

test('a failed command tells what and why; input goes in; time is limited', async () => {
  await expect(h1.run('sh', ['-c', 'echo bad luck >&2; exit 3'])).rejects.toMatchObject({
    code: 'command',
    message: "lab-selftest-h1: 'sh -c echo bad luck >&2; exit 3' ended with exit code 3: bad luck",
    facts: { exitCode: 3, stderr: 'bad luck' },
  });
  await expect(h1.run('no-such-command')).rejects.toMatchObject({ code: 'command' });
  expect(await h1.run('sh', ['-c', 'cat; exit 4'], { input: 'in', reject: false })).toMatchObject({
    stdout: 'in',
    exitCode: 4,
  });
  await expect(h1.run('sleep', ['60'], { timeout: 300 })).rejects.toMatchObject({ code: 'timeout' });
});

test('a daemon: its own pid, its lines, SIGKILL, and ending without getting ready', async () => {
  const script = 'echo up; echo warn >&2; exec sleep 1000';
  const daemon = await h1.start('sleeper', 'sh', ['-c', script], { ready: (line) => line === 'up' });
  await daemon.waitForLine((line) => line === 'warn');
  await waitFor(
    'sh became sleep',
    async () => readFileSync(`/proc/${daemon.pid}/comm`, 'utf8') === 'sleep\n',
  );
  process.kill(daemon.pid, 'SIGKILL');
  expect(await daemon.exited).toEqual({ signal: 'SIGKILL' });
  await daemon.kill();
  await expect(
    h1.start('quitter', 'sh', ['-c', 'echo no licence; exit 2'], { ready: () => false }),
  ).rejects.toThrow(/quitter ended \(exit code 2\).*no licence/s);
});

test('the kernel is a real one: a VRF, and a packet that MPLS carries', async () => {
  await h1.run('sh', ['-es'], {
    input:
      'ip link add vrf-red type vrf table 1001\nip link set vrf-red up\nip route add 10.9.0.1/32 encap mpls 500 via inet 10.0.1.1 dev ul\n',
  });
  const spine = lab.host('spine');
  await spine.run('sh', ['-es'], {
    input:
      'sysctl -qw net.mpls.platform_labels=1000 net.mpls.conf.h1.input=1\nip addr add 10.9.0.1/32 dev lo\nip -f mpls route add 500 dev lo\n',
  });
  const capture = await spine.capture('h1', 'mpls');
  await h1.run('ping', ['-q', '-c', '1', '-W', '5', '10.9.0.1']);
  const [packet] = await capture.stop();
  // Label 500, bottom of stack.
  expect([...(packet?.bytes.slice(12, 17) ?? [])]).toEqual([0x88, 0x47, 0x00, 0x1f, 0x41]);
});

test('what a killed process left goes when the name is used again', async () => {
  const small = { name: 'crash', hosts: { a: {}, gone: {} }, links: [] };
  const source = `import { Lab } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const lab = await Lab.create(${JSON.stringify(small)});
    // Ready: it has entered its namespace, where alone it can be found again.
    const options = { ready: (line) => line === 'up' };
    const daemon = await lab.host('gone').start('sleeper', 'sh', ['-c', 'echo up; exec sleep 1000'], options);
    console.log(daemon.pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = Number(await new Promise((resolve) => child.stdout.once('data', resolve)));
  child.kill('SIGKILL');
  expect(() => process.kill(pid, 0)).not.toThrow();
  await using again = await Lab.create({ ...small, hosts: { a: {} } });
  expect(readdirSync('/run/netns').filter((name) => name.startsWith('lab-crash-'))).toEqual(['lab-crash-a']);
  await waitFor('the daemon that was left is gone', async () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
  await again.host('a').run('true');
});
