// VPNs made by command at a route server as it runs: at once, beside those of the file, and kept.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { routeServer } from './bgp-scene.ts';
import { ofH1, ofH2, publish } from './routes.ts';

const bgp = 'as: 65000\nidentifier: 192.0.2.1\npeers: {}\n';
const deadline = { timeout: 20_000, interval: 10 };
const green = { import: ['65000:3'], export: ['65000:3'], forwarders: ['h1', 'h2'] };

test('a VPN is there as soon as it is made, and gone as soon as it is deleted', async () => {
  const rs = await routeServer(bgp);
  const h1 = await rs.forwarder('h1');
  const h2 = await rs.forwarder('h2');
  await expect(h1.request({ kind: 'subscribe', vpn: 'green' })).rejects.toMatchObject({
    condition: 'item-not-found',
  });
  expect(await rs.ask('/vpns/green', 'PUT', green)).toMatchObject({
    vpn: 'green',
    origin: 'command',
    import: ['65000:3'],
    export: ['65000:3'],
  });
  await h1.join('green');
  await h2.join('green');
  await h1.join('red');
  await h1.request(publish('green', ofH1('10.3.0.1/32')));
  await h2.until(() => h2.routes.has('green 10.3.0.1/32'));
  expect(await rs.ask('/vpns/green', 'DELETE')).toEqual({ deleted: 'green' });
  const refused = async () =>
    expect(h1.request({ kind: 'subscribe', vpn: 'green' })).rejects.toMatchObject({
      condition: 'item-not-found',
    });
  await vi.waitFor(refused, deadline);
  expect(await rs.ask('/vpns')).toMatchObject([{ vpn: 'red' }, { vpn: 'blue' }]);
});

test('other targets, other forwarders: only what is touched changes', async () => {
  const rs = await routeServer(bgp);
  const h1 = await rs.forwarder('h1');
  const h2 = await rs.forwarder('h2');
  await rs.ask('/vpns/green', 'PUT', green);
  await h1.join('green');
  await h2.join('red');
  await h2.request(publish('red', ofH2('10.1.0.2/32')));
  await rs.ask('/vpns/green', 'PUT', { ...green, import: ['65000:3', '65000:1'] });
  await h1.until(() => h1.routes.has('green 10.1.0.2/32'));
  await rs.ask('/vpns/green', 'PUT', { ...green, forwarders: ['h2'] });
  await vi.waitFor(
    () =>
      expect(h1.request({ kind: 'subscribe', vpn: 'green' })).rejects.toMatchObject({
        condition: 'forbidden',
      }),
    deadline,
  );
  expect(h2.client.online).toBe(true);
});

test('they outlast a restart and another configuration; the file goes first', async () => {
  const rs = await routeServer(bgp);
  await rs.ask('/vpns/green', 'PUT', green);
  await rs.ask('/vpns/lila', 'PUT', { ...green, forwarders: [] });
  const lines = rs.lines.length;
  await rs.restart();
  expect(await rs.ask('/vpns')).toMatchObject([
    { vpn: 'red', origin: 'configuration' },
    { vpn: 'blue' },
    { vpn: 'green', origin: 'command' },
    { vpn: 'lila', origin: 'command' },
  ]);
  const blue = "blue: { import: ['65000:2'], export: ['65000:2'] }";
  await rs.reconfigure([blue, `${blue}\n  lila: { import: ['65000:9'], export: [] }`]);
  expect(await rs.ask('/vpns')).toMatchObject([
    {},
    {},
    { vpn: 'lila', origin: 'configuration', import: ['65000:9'] },
    { vpn: 'green', origin: 'command' },
  ]);
  expect(rs.lines.slice(lines).filter((line) => line.includes('green'))).toEqual([]);
});

test('what cannot be is refused by its name, and changes nothing', async () => {
  const rs = await routeServer(bgp);
  const refusals: [Promise<unknown>, number, string][] = [
    [rs.ask('/vpns/red', 'PUT', green), 409, 'VPN red is in the configuration file: change it there'],
    [rs.ask('/vpns/red', 'DELETE'), 409, 'VPN red is in the configuration file: remove it there'],
    [rs.ask('/vpns/green', 'DELETE'), 404, 'VPN green is not known here'],
    [
      rs.ask('/vpns/green', 'PUT', { ...green, forwarders: ['h1', 'h8', 'h9'] }),
      400,
      'forwarders: h8, h9: not in the configuration file',
    ],
    [rs.ask('/vpns/green', 'PUT', { ...green, import: ['65000:1', 'x'] }), 400, 'import.1: '],
    [rs.ask('/vpns/green', 'PUT', { import: [], export: [] }), 400, 'forwarders: '],
    [rs.ask('/vpns/green', 'PUT'), 400, 'import: '],
  ];
  for (const [refused, status, message] of refusals)
    await expect(refused).rejects.toMatchObject({ status, message: expect.stringContaining(message) });
  writeFileSync(join(rs.directory, 'state'), '');
  await expect(rs.ask('/vpns/green', 'PUT', green)).rejects.toMatchObject({
    status: 500,
    message: expect.stringContaining('vpns.json: cannot be written'),
  });
  expect(await rs.ask('/vpns')).toHaveLength(2);
});

test('an entry that is damaged is left out, named and kept', async () => {
  const rs = await routeServer(bgp);
  await rs.ask('/vpns/green', 'PUT', green);
  await rs.ask('/vpns/lila', 'PUT', green);
  const file = join(rs.directory, 'state', 'vpns.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('65000:3', '65000'));
  await rs.restart();
  expect(rs.lines.find((line) => line.includes('vpns[0].import.0'))).toMatch(
    /this VPN is left out, the others stand$/,
  );
  expect(await rs.ask('/vpns')).toMatchObject([{}, {}, { vpn: 'lila' }]);
  await rs.ask('/vpns/lila', 'DELETE');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
    vpns: [{ vpn: 'green', import: ['65000'] }],
  });
});
