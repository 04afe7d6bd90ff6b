// Sessions of real clients over TLS on loopback: what they tell each other, and what is left of one that ends.
import { describe, expect, test } from 'vitest';
import { PASSWORD, refusal, start } from './loopback-scene.ts';
import { ofH1, ofH2, p1, p2, publish } from './routes.ts';

describe('sessions', () => {
  test('a late subscriber gets all routes, both get changes, equal routes are ECMP', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    await h1.request(publish('red', ofH1(p1)));
    await h1.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`);
    const h2 = await forwarder('h2');
    await h2.join('red');
    await h2.hears(`red +${p1} 10.255.0.1/1000`, 'red end-of-rib');
    await h2.request(publish('red', ofH2(p1)));
    await h1.hears(`red +${p1} 10.255.0.1/1000,10.255.0.2/2000`);
    await h2.hears(`red +${p1} 10.255.0.1/1000,10.255.0.2/2000`);
    await h1.request({ kind: 'unsubscribe', vpn: 'red' });
    await h2.hears(`red +${p1} 10.255.0.2/2000`);
  });

  test('a lost one costs the others nothing until the withdraw timer fires', async () => {
    const { clock, forwarder, controlPlane } = await start();
    const h1 = await forwarder('h1');
    const h2 = await forwarder('h2');
    await h1.join('red');
    await h2.join('red');
    await h1.request(publish('red', ofH1(p1)));
    await h2.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`);
    await h1.client.stop();
    await h2.until(() => controlPlane.rib.published('h1').stale === 1);
    clock.advance(59_999);
    // What was sent before the answer to a request has come when the answer is there.
    await h2.request({ kind: 'end-of-rib', vpn: 'red' });
    expect(h2.heard).toEqual([]);
    clock.advance(1);
    await h2.hears(`red -${p1}`);
  });

  test('a second one of the same account takes over, and End-of-RIB takes what it does not publish again', async () => {
    const { forwarder, controlPlane } = await start();
    const h2 = await forwarder('h2');
    await h2.join('red');
    const first = await forwarder('h1');
    await first.join('red');
    await first.request(publish('red', ofH1(p1), ofH1(p2)));
    await h2.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`, `red +${p2} 10.255.0.1/1000`);
    // Not both: two clients of one account would take the session from each other for ever.
    first.client.on('offline', () => void first.client.stop());
    const second = await forwarder('h1');
    await second.join('red');
    await second.request(publish('red', ofH1(p2)));
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 2, stale: 1 });
    await second.request({ kind: 'end-of-rib', vpn: 'red' });
    await h2.hears(`red -${p1}`);
  });

  test('no line of the log holds a password', async () => {
    const { forwarder, lines } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    await refusal(h1.request(publish('blue', ofH1(p1))));
    expect(lines.length).toBeGreaterThan(2);
    expect(JSON.stringify(lines)).not.toContain(PASSWORD);
  });
});
