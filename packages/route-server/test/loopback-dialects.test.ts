// A forwarder of another dialect over TLS on loopback, beside one of end-system-06.
import { type Dialect, dialects } from '@hostpe/signaling';
import { describe, expect, test } from 'vitest';
import { refusal, start } from './loopback-scene.ts';
import { ofH1, ofH2, p1, p2, publish } from './routes.ts';
import { route } from './values.ts';

describe('a forwarder of another dialect, beside one of end-system-06', () => {
  test.each<[Dialect, string]>([
    ['end-system-07m', 'red:'],
    ['contrail', ''],
  ])('%s: routes, changes and withdrawals go both ways', async (dialect, owner) => {
    const { forwarder, controlPlane } = await start(dialect);
    const h1 = await forwarder('h1');
    const h2 = await forwarder('h2');
    await h1.join('red');
    await h2.join('red');
    await h1.hears('red end-of-rib');
    await h2.hears('red end-of-rib');
    await h1.request(publish('red', { ...ofH1(p1), id: p1 }));
    for (const one of [h1, h2]) await one.hears(`red +${p1} 10.255.0.1/1000`);
    await h2.request(publish('red', ofH2(p2)));
    for (const one of [h1, h2]) await one.hears(`red +${p2} 10.255.0.2/2000`);
    await h2.request({ kind: 'retract', vpn: 'red', ids: [ofH2(p2).id] });
    await h1.hears(`red -${owner}${p2}`);
    await h2.hears(`red -${p2}`);
    await h1.request({ kind: 'retract', vpn: 'red', ids: [p1] });
    await h2.hears(`red -${p1}`);
    await h1.request({ kind: 'end-of-rib', vpn: 'red' });
    await h1.request({ kind: 'unsubscribe', vpn: 'red' });
    expect(controlPlane.presence.subscriptions('h1').size).toBe(0);
  });

  test.each<Dialect>(['end-system-07m', 'contrail'])(
    '%s: a hundred pairs at once keep their order',
    async (dialect) => {
      const { forwarder, controlPlane } = await start(dialect);
      const h1 = await forwarder('h1');
      await h1.join('red');
      const routes = Array.from({ length: 100 }, (_, index) => ofH1(`10.1.${index}.0/24`));
      await h1.request(publish('red', ...routes.map((one) => ({ ...one, id: one.prefix }))));
      expect(controlPlane.rib.published('h1')).toEqual({ routes: 100, stale: 0 });
      await h1.request({ kind: 'retract', vpn: 'red', ids: routes.map(({ prefix }) => prefix) });
      expect(controlPlane.rib.published('h1')).toEqual({ routes: 0, stale: 0 });
    },
  );

  test('end-system-07m: End-of-RIB sweeps what was not published again', async () => {
    const { forwarder, controlPlane } = await start('end-system-07m');
    const first = await forwarder('h1');
    await first.join('red');
    await first.request(publish('red', { ...ofH1(p1), id: p1 }, { ...ofH1(p2), id: p2 }));
    first.client.on('offline', () => void first.client.stop());
    const second = await forwarder('h1');
    await second.join('red');
    await second.request(publish('red', { ...ofH1(p1), id: p1 }));
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 2, stale: 1 });
    await second.request({ kind: 'end-of-rib', vpn: 'red' });
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 1, stale: 0 });
  });

  test('end-system-07m: of equal next-hops it hears one, and none of a route by UDP alone', async () => {
    const { forwarder, lines } = await start('end-system-07m');
    const h1 = await forwarder('h1');
    const h2 = await forwarder('h2');
    await h1.join('red');
    await h2.join('red');
    await h1.request(publish('red', { ...ofH1(p1), id: p1 }));
    await h2.request(publish('red', ofH2(p1)));
    await h2.hears(
      'red end-of-rib',
      `red +${p1} 10.255.0.1/1000`,
      `red +${p1} 10.255.0.1/1000,10.255.0.2/2000`,
    );
    await h1.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`, `red +${p1} 10.255.0.1/1000`);
    const byUdp = route({ prefix: p2, nexthop: '10.255.0.2', label: 2000, encapsulations: ['udp'] });
    await h2.request(publish('red', byUdp));
    await h1.hears(`red -red:${p2}`);
    await h2.hears(`red +${p2} 10.255.0.2/2000`);
    const more = route({
      prefix: '10.1.0.3/32',
      nexthop: '10.255.0.2',
      label: 2000,
      encapsulations: ['udp'],
    });
    await h2.request(publish('red', more));
    await h1.hears('red -red:10.1.0.3/32');
    const told = lines.filter(({ message }) => message.includes(' do without '));
    expect(told).toEqual([
      expect.objectContaining({
        level: 'warn',
        message: expect.stringMatching(
          /^VPN red: forwarders of dialect end-system-07m do without 10\.1\.0\.2\/32: /,
        ),
      }),
      expect.objectContaining({ level: 'debug' }),
    ]);
  });

  test('end-system-07m: what it may not announce is refused with its association', async () => {
    const { forwarder, controlPlane } = await start('end-system-07m');
    const h1 = await forwarder('h1');
    await h1.join('red');
    const error = await refusal(h1.request(publish('red', { ...ofH2(p1), id: p1 })));
    expect(error).toMatchObject({ type: 'auth', condition: 'forbidden' });
    expect(await refusal(h1.request(publish('blue', { ...ofH1(p1), id: p1 })))).toMatchObject({
      condition: 'forbidden',
    });
    expect(controlPlane.rib.tables.size('red')).toBe(0);
  });

  test('end-system-07m: a node that is published and not associated is a line in the log, once', async () => {
    const { forwarder, lines } = await start('end-system-07m');
    const h1 = await forwarder('h1');
    await h1.join('red');
    const [leaf] = dialects['end-system-07m'].encodeRequest(publish('red', { ...ofH1(p1), id: p1 }), {
      jid: 'h1@dc1.example',
      prefixOf: () => undefined,
    });
    if (leaf === undefined) throw new Error('no leaf');
    for (let time = 0; time < 3; time += 1) await h1.client.request(leaf);
    const told = lines.filter(({ message }) => message.includes('is discarded'));
    expect(told.map(({ level }) => level)).toEqual(['warn', 'debug']);
  });
});
