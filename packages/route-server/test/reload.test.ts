// A configuration that is read anew while forwarders and peers are there: what it touches changes, and nothing else.
import { freePort } from '@hostpe/bgp/testing';
import { expect, test, vi } from 'vitest';
import { type Running, routeServer } from './bgp-scene.ts';
import { ofH1, ofH2, publish } from './routes.ts';

const deadline = { timeout: 20_000, interval: 10 };
const red = "red: { import: ['65000:1'], export: ['65000:1'] }";
const blue = "blue: { import: ['65000:2'], export: ['65000:2'] }";

/** rs1 has two peers: rs2, and one that never answers. */
async function pair(): Promise<{ rs1: Running; rs2: Running }> {
  const port = await freePort('127.0.1.1');
  const rs1 = await routeServer(`as: 65000
identifier: 192.0.2.1
listen: [{ address: 127.0.1.1, port: ${port} }]
peers:
  absent: { address: 127.0.1.3, as: 65000, passive: true, no-password: true }
  rs2: { address: 127.0.1.2, as: 65000, passive: true, no-password: true }
`);
  const rs2 = await routeServer(`as: 65000
identifier: 192.0.2.2
peers:
  rs1: { address: 127.0.1.1, port: ${port}, local-address: 127.0.1.2, as: 65000, no-password: true }
`);
  return { rs1, rs2 };
}

const sessions = ({ lines }: Running) => lines.filter((line) => line.includes('established over')).length;

test('a VPN that imports more hears it at once, one that imports less loses it, and BGP follows', async () => {
  const { rs1, rs2 } = await pair();
  const h1 = await rs1.forwarder('h1');
  const h2 = await rs1.forwarder('h2');
  const far = await rs2.forwarder('h2');
  await h1.join('red');
  await h2.join('blue');
  await far.join('red');
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await far.request(publish('red', ofH2('10.1.0.2/32')));
  await h1.until(() => h1.routes.size === 2);
  const both = blue.replace("import: ['65000:2']", "import: ['65000:2', '65000:1']");
  await rs1.reconfigure([blue, both]);
  await h2.until(() => h2.routes.has('blue 10.1.0.1/32') && h2.routes.has('blue 10.1.0.2/32'));
  await rs1.reconfigure([both, blue]);
  await h2.until(() => h2.routes.size === 0);
  expect(h1.routes.size).toBe(2);
  expect(sessions(rs1)).toBe(1);
  expect(h2.heard.filter((line) => line.includes('end-of-rib'))).toHaveLength(1);
});

test('other export targets are those of all routes, here and in BGP', async () => {
  const { rs1, rs2 } = await pair();
  const h1 = await rs1.forwarder('h1');
  const far = await rs2.forwarder('h2');
  await h1.join('red');
  await far.join('blue');
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await vi.waitFor(async () => expect((await rs2.peers())[0]?.state).toBe('established'), deadline);
  expect(far.routes.size).toBe(0);
  await rs1.reconfigure([red, red.replace("export: ['65000:1']", "export: ['65000:2']")]);
  await far.until(() => far.routes.has('blue 10.1.0.1/32'));
  await h1.until(() => !h1.routes.has('red 10.1.0.1/32'));
});

test('VPNs come and go', async () => {
  const { rs1 } = await pair();
  const h1 = await rs1.forwarder('h1');
  await expect(h1.request({ kind: 'subscribe', vpn: 'green' })).rejects.toMatchObject({
    condition: 'item-not-found',
  });
  const allowed = 'vpns: [red, blue]';
  await rs1.reconfigure(
    [red, `${red}\n  green: { import: ['65000:3'], export: ['65000:3'] }`],
    [allowed, 'vpns: [red, blue, green]'],
  );
  await h1.join('green');
  await h1.request(publish('green', ofH1('10.3.0.1/32')));
  await h1.until(() => h1.routes.has('green 10.3.0.1/32'));
  await rs1.reconfigure(
    ["\n  green: { import: ['65000:3'], export: ['65000:3'] }", ''],
    ['vpns: [red, blue, green]', allowed],
  );
  const refused = async () =>
    expect(h1.request({ kind: 'subscribe', vpn: 'green' })).rejects.toMatchObject({
      condition: 'item-not-found',
    });
  // Its session was ended: it is back in a moment.
  await vi.waitFor(refused, deadline);
  expect(rs1.lines.some((line) => line.includes('it may not join green any more'))).toBe(true);
});

test('a forwarder that is not configured any more is gone with its routes; another one stays', async () => {
  const { rs1 } = await pair();
  const h1 = await rs1.forwarder('h1');
  const h2 = await rs1.forwarder('h2');
  await h1.join('red');
  await h2.join('red');
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await h2.request(publish('red', ofH2('10.1.0.2/32')));
  await h2.until(() => h2.routes.size === 2);
  await rs1.reconfigure(['  h1:', '  h3:']);
  await h2.until(() => h2.routes.size === 1);
  expect([...h2.routes.keys()]).toEqual(['red 10.1.0.2/32']);
  await h1.until(() => !h1.client.online);
  expect(h2.client.online).toBe(true);
});

test('next-hops that a forwarder may not announce any more go, the others stay', async () => {
  const { rs1 } = await pair();
  await rs1.reconfigure(['addresses: [10.255.0.1]', 'addresses: [10.255.0.1, 10.255.0.2]']);
  const h1 = await rs1.forwarder('h1');
  await h1.join('red');
  await h1.request(publish('red', ofH1('10.1.0.1/32'), ofH2('10.1.0.2/32')));
  await h1.until(() => h1.routes.size === 2);
  await rs1.reconfigure(['addresses: [10.255.0.1, 10.255.0.2]', 'addresses: [10.255.0.1]']);
  await h1.until(() => h1.routes.size === 1);
  expect(h1.routes.has('red 10.1.0.1/32')).toBe(true);
  expect(h1.client.online).toBe(true);
});

test('only the peers that changed are reset', async () => {
  const { rs1, rs2 } = await pair();
  await vi.waitFor(() => expect(sessions(rs1)).toBe(1), deadline);
  const absent = 'absent: { address: 127.0.1.3, as: 65000, passive: true, no-password: true }';
  await rs1.reconfigure([absent, absent.replace('as: 65000', 'as: 65001')]);
  expect(await rs1.peers()).toMatchObject([
    { name: 'absent', as: 65_001 },
    { name: 'rs2', state: 'established' },
  ]);
  await rs1.reconfigure([`${absent.replace('as: 65000', 'as: 65001')}\n`, '']);
  expect((await rs1.peers()).map(({ name }) => name)).toEqual(['rs2']);
  expect(sessions(rs1)).toBe(1);
  const own = 'rs2: { address: 127.0.1.2, as: 65000, passive: true, no-password: true';
  await rs1.reconfigure([own, `${own}, hold-time: 30`]);
  await vi.waitFor(() => expect(sessions(rs1)).toBe(2), deadline);
  expect(rs2.lines.some((line) => line.includes('other configuration change'))).toBe(true);
});

test('what is wrong is named, and nothing changes; what takes a restart is said', async () => {
  const { rs1 } = await pair();
  const h1 = await rs1.forwarder('h1');
  await h1.join('red');
  const before = rs1.lines.length;
  await rs1.reconfigure(
    [blue, 'blue: { import: [nonsense], export: [] }'],
    [red, 'red: { import: [], export: [] }'],
  );
  expect(rs1.lines.slice(before)).toEqual([
    expect.stringMatching(/nothing changes: .*rs\.yaml:\d+: vpns\.blue\.import\[0\]/),
  ]);
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await h1.until(() => h1.routes.size === 1);
  await rs1.reconfigure(
    ['blue: { import: [nonsense], export: [] }', blue],
    ['red: { import: [], export: [] }', red],
    ['identifier: 192.0.2.1', 'identifier: 192.0.2.7'],
  );
  expect(rs1.lines.at(-1)).toBe(
    'bgp.identifier, bgp.cluster-id: another value takes a restart, the former one stays until then',
  );
});

test('a forwarder that counts its VPN otherwise has its routes under one RD, the new one', async () => {
  const { rs1, rs2 } = await pair();
  const h1 = await rs1.forwarder('h1');
  const far = await rs2.forwarder('h2');
  await far.join('red');
  await h1.request({ kind: 'subscribe', vpn: 'red', instanceId: 7 });
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await far.until(() => far.routes.size === 1);
  expect(await rs2.rds('red')).toEqual(['10.255.0.1:7']);
  await h1.request({ kind: 'subscribe', vpn: 'red', instanceId: 8 });
  await vi.waitFor(async () => expect(await rs2.rds('red')).toEqual(['10.255.0.1:8']), deadline);
  expect(far.routes.size).toBe(1);
});
