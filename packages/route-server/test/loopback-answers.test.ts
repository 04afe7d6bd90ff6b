// What the requests of real clients over TLS on loopback are answered.
import { encodeRequest, type VpnRequest } from '@hostpe/signaling';
import { describe, expect, test } from 'vitest';
import { refusal, start } from './loopback-scene.ts';
import { ofH1, ofH2, p1, p2, publish } from './routes.ts';

describe('what a request is answered', () => {
  test('subscribe: the subscription', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    const answer = await h1.request({ kind: 'subscribe', vpn: 'red', instanceId: 7 });
    expect(answer?.getChild('subscription')?.attrs).toMatchObject({
      node: 'red',
      subscription: 'subscribed',
    });
    await h1.hears('red end-of-rib');
  });

  test('anything in a VPN that is not configured: item-not-found', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    for (const request of [{ kind: 'subscribe', vpn: 'green' }, publish('green', ofH1(p1))] as const) {
      const error = await refusal(h1.request(request));
      expect(error).toMatchObject({ type: 'cancel', condition: 'item-not-found' });
      expect(error.text).toBe('VPN green is not known here');
    }
  });

  test('anything in a VPN that it may not join: forbidden, a line in the log, and nothing else', async () => {
    const { forwarder, controlPlane, lines } = await start();
    const h1 = await forwarder('h1');
    for (const request of [{ kind: 'subscribe', vpn: 'blue' }, publish('blue', ofH1(p1))] as const) {
      const error = await refusal(h1.request(request));
      expect(error).toMatchObject({ type: 'auth', condition: 'forbidden' });
      expect(lines.at(-1)).toMatchObject({
        level: 'warn',
        message: 'forwarder h1: refused: forwarder h1 may not join VPN blue; a repetition is logged as debug',
      });
    }
    expect(controlPlane.rib.tables.size('blue')).toBe(0);
    await h1.join('red');
  });

  test.each<VpnRequest>([
    publish('red', ofH1(p1)),
    { kind: 'retract', vpn: 'red', ids: ['x'] },
    { kind: 'end-of-rib', vpn: 'red' },
    { kind: 'unsubscribe', vpn: 'red' },
  ])('$kind without a subscription: unexpected-request and not-subscribed', async (request) => {
    const { forwarder, controlPlane } = await start();
    const h1 = await forwarder('h1');
    const error = await refusal(h1.request(request));
    expect(error).toMatchObject({
      type: 'cancel',
      condition: 'unexpected-request',
      applicationCondition: { name: 'not-subscribed', xmlns: 'http://jabber.org/protocol/pubsub#errors' },
    });
    expect(controlPlane.rib.tables.size('red')).toBe(0);
  });

  test('retract of an unknown id: item-not-found that names it; known ones are taken', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    await h1.request(publish('red', ofH1(p1)));
    const error = await refusal(
      h1.request({ kind: 'retract', vpn: 'red', ids: ['never-heard-of', ofH1(p1).id] }),
    );
    expect(error).toMatchObject({ type: 'cancel', condition: 'item-not-found' });
    expect(error.text).toBe('VPN red: no such item: never-heard-of');
    await h1.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`, `red -${p1}`);
  });

  test('a bad item among good ones: bad-request and invalid-payload that name it; the good ones are taken', async () => {
    const { forwarder, lines } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    const payload = encodeRequest(publish('red', ofH1(p1), ofH1(p2)), '');
    const address = payload
      .getChild('publish')
      ?.getChild('item')
      ?.getChild('entry')
      ?.getChild('nlri')
      ?.getChild('address');
    address?.text('10.1.0.1/33');
    const error = await refusal(h1.client.request(payload));
    expect(error).toMatchObject({
      type: 'modify',
      condition: 'bad-request',
      applicationCondition: { name: 'invalid-payload', xmlns: 'http://jabber.org/protocol/pubsub#errors' },
    });
    expect(error.text).toMatch(
      /^VPN red: 1 of 2 items rejected: .*10\.255\.0\.1:10\.1\.0\.1\/32.*10\.1\.0\.1\/33/,
    );
    expect(lines.some(({ level, message }) => level === 'warn' && message.includes('10.1.0.1/33'))).toBe(
      true,
    );
    await h1.hears('red end-of-rib', `red +${p2} 10.255.0.1/1000`);
  });

  test('a next-hop that is not its own: forbidden when it is so with all, else as any bad item', async () => {
    const { forwarder, controlPlane } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    const all = await refusal(h1.request(publish('red', ofH2(p1), ofH2(p2))));
    expect(all).toMatchObject({ type: 'auth', condition: 'forbidden' });
    expect(all.text).toContain('10.1.0.2/32: forwarder h1 may not announce next-hop 10.255.0.2');
    expect(controlPlane.rib.tables.size('red')).toBe(0);
    const some = await refusal(h1.request(publish('red', ofH2(p1), ofH1(p2))));
    expect(some).toMatchObject({
      condition: 'bad-request',
      applicationCondition: { name: 'invalid-payload' },
    });
    const mixed = encodeRequest(publish('red', ofH2(p1), ofH1('10.1.0.3/32')), '');
    delete mixed.getChild('publish')?.getChildren('item')[1]?.attrs['id'];
    expect(await refusal(h1.client.request(mixed))).toMatchObject({ condition: 'bad-request' });
    await h1.hears('red end-of-rib', `red +${p2} 10.255.0.1/1000`);
  });

  test('many bad items: the text names some and counts the rest', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    const routes = Array.from({ length: 50 }, (_, index) => ofH2(`10.1.${index}.0/24`));
    const error = await refusal(h1.request(publish('red', ...routes)));
    expect(error.text).toMatch(/10\.1\.9\.0\/24[^;]*; and 40 more$/);
    const ids = [...Array(50).keys()].map((index) => String(index).padEnd(256, 'x'));
    const retract = await refusal(h1.request({ kind: 'retract', vpn: 'red', ids }));
    expect(retract.text?.length).toBeLessThan(2_500);
  });

  test('an operation or a payload that is not known: feature-not-implemented', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    const configure = encodeRequest({ kind: 'subscribe', vpn: 'red' }, '');
    const [operation] = configure.getChildElements();
    if (operation !== undefined) operation.name = 'configure';
    expect(await refusal(h1.client.request(configure))).toMatchObject({
      type: 'cancel',
      condition: 'feature-not-implemented',
    });
    const version = encodeRequest({ kind: 'subscribe', vpn: 'red' }, '');
    version.name = 'query';
    version.attrs['xmlns'] = 'jabber:iq:version';
    expect(await refusal(h1.client.request(version))).toMatchObject({ condition: 'feature-not-implemented' });
  });

  test('a request that makes no sense: bad-request', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    const nameless = encodeRequest({ kind: 'subscribe', vpn: 'red' }, '');
    delete nameless.getChild('subscribe')?.attrs['node'];
    expect(await refusal(h1.client.request(nameless))).toMatchObject({
      type: 'modify',
      condition: 'bad-request',
    });
    await h1.join('red');
  });
});
