import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { VpnRequest, VpnRoute } from '@hostpe/signaling';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AdjRibOut } from '../src/adj-rib-out.ts';
import type { Publications } from '../src/publications.ts';

function route(host: number, label: number): VpnRoute {
  const prefix = parseIpPrefix(`10.1.0.${host}`);
  return {
    id: `10.255.0.1:1:${prefix}`,
    prefix,
    nexthops: [{ address: parseIpAddress('10.255.0.1'), label: parseLabel(label), encapsulations: ['gre'] }],
  };
}

/** @param vpns VPN to its hosts and their labels. */
function wantedOf(
  vpns: Readonly<Record<string, Readonly<Record<number, number>>>>,
  settled = true,
): Publications {
  return new Map(
    Object.entries(vpns).map(([vpn, hosts]) => {
      const routes = Object.entries(hosts).map(([host, label]) => route(Number(host), label));
      return [vpn, { instanceId: 1, settled, routes: new Map(routes.map((one) => [one.id, one])) }];
    }),
  );
}

/** All requests until nothing is left to ask, each agreed to. */
function run(rib: AdjRibOut, wanted: Publications, now = 0): string[] {
  const asked: string[] = [];
  for (let request = rib.next(wanted, now); request !== undefined; request = rib.next(wanted, now)) {
    asked.push(describeRequest(request));
    rib.sent(request);
    rib.agreed(request);
  }
  return asked;
}

function describeRequest(request: VpnRequest): string {
  const what =
    request.kind === 'publish'
      ? request.routes.map(({ prefix, nexthops }) => `${prefix}=${nexthops[0]?.label}`)
      : request.kind === 'retract'
        ? request.ids
        : [];
  return [request.kind, request.vpn, ...what].join(' ');
}

describe('what a route server is told', () => {
  test('is one subscribe per VPN, then its items, then End-of-RIB', () => {
    const rib = new AdjRibOut();
    expect(run(rib, wantedOf({ red: { 1: 1000, 2: 1001 }, blue: {} }))).toEqual([
      'subscribe red',
      'publish red 10.1.0.1/32=1000 10.1.0.2/32=1001',
      'end-of-rib red',
      'subscribe blue',
      'end-of-rib blue',
    ]);
    expect(run(rib, wantedOf({ red: { 1: 1000, 2: 1001, 3: 1002 }, blue: {} }))).toEqual([
      'publish red 10.1.0.3/32=1002',
    ]);
    expect(run(rib, wantedOf({ red: { 1: 1000, 2: 1003 }, blue: {} }))).toEqual([
      'retract red 10.255.0.1:1:10.1.0.3/32',
      'publish red 10.1.0.2/32=1003',
    ]);
    expect(run(rib, wantedOf({ blue: {} }))).toEqual([
      'retract red 10.255.0.1:1:10.1.0.1/32 10.255.0.1:1:10.1.0.2/32',
      'unsubscribe red',
    ]);
  });

  test('is no End-of-RIB while attachments are expected', () => {
    const rib = new AdjRibOut();
    expect(run(rib, wantedOf({ red: {} }, false))).toEqual(['subscribe red']);
    expect(run(rib, wantedOf({ red: { 1: 1000 } }, true))).toEqual([
      'publish red 10.1.0.1/32=1000',
      'end-of-rib red',
    ]);
  });

  test('comes in stanzas of at most 100 items', () => {
    const hosts = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [index + 1, 1000 + index]));
    const sizes = run(new AdjRibOut(), wantedOf({ red: hosts })).map((asked) => asked.split(' ').length - 2);
    expect(sizes).toEqual([0, 100, 100, 50, 0]);
  });

  test('that was refused is asked again, and holds up no other VPN', () => {
    const rib = new AdjRibOut();
    const wanted = wantedOf({ red: { 1: 1000 }, blue: { 2: 1001 } });
    const refused = rib.next(wanted, 0);
    expect(refused).toMatchObject({ kind: 'subscribe', vpn: 'red' });
    if (refused === undefined) return;
    rib.sent(refused);
    rib.failed(refused, 30_000);
    expect(run(rib, wanted)).toEqual(['subscribe blue', 'publish blue 10.1.0.2/32=1001', 'end-of-rib blue']);
    expect(rib.wakeAt(0)).toBe(30_000);
    expect(run(rib, wanted, 30_000)).toEqual([
      'subscribe red',
      'publish red 10.1.0.1/32=1000',
      'end-of-rib red',
    ]);
    expect(rib.wakeAt(30_000)).toBeUndefined();
  });

  test('still leads to a label until the retract is answered', () => {
    const rib = new AdjRibOut();
    run(rib, wantedOf({ red: { 1: 1000 } }));
    const retract = rib.next(wantedOf({ red: {} }), 0);
    if (retract !== undefined) rib.sent(retract);
    expect(rib.announces(parseLabel(1000))).toBe(true);
    if (retract !== undefined) rib.agreed(retract);
    expect(rib.announces(parseLabel(1000))).toBe(false);
  });

  test('is published again when it is wanted again after a retract without an answer', () => {
    const rib = new AdjRibOut();
    const wanted = wantedOf({ red: { 1: 1000 } });
    run(rib, wanted);
    const retract = rib.next(wantedOf({ red: {} }), 0);
    expect(retract?.kind).toBe('retract');
    if (retract === undefined) return;
    rib.sent(retract);
    rib.failed(retract, 1000);
    expect(run(rib, wanted, 999)).toEqual([]);
    expect(rib.wakeAt(999)).toBe(1000);
    expect(run(rib, wanted, 1000)).toEqual(['publish red 10.1.0.1/32=1000']);
    expect(run(rib, wanted, 2000)).toEqual([]);
  });

  test('is retracted again after a retract without an answer', () => {
    const rib = new AdjRibOut();
    run(rib, wantedOf({ red: { 1: 1000 } }));
    const wanted = wantedOf({ red: {} });
    const retract = rib.next(wanted, 0);
    if (retract === undefined) return;
    rib.sent(retract);
    rib.failed(retract, 1000);
    expect(run(rib, wanted, 999)).toEqual([]);
    expect(run(rib, wanted, 1000)).toEqual(['retract red 10.255.0.1:1:10.1.0.1/32']);
    expect(rib.wakeAt(1000)).toBeUndefined();
  });

  test('ends as what is wanted, and never claims too little, whatever the server answers', () => {
    const hosts = fc.dictionary(fc.constantFrom('1', '2', '3'), fc.integer({ min: 1000, max: 1003 }), {
      maxKeys: 3,
    });
    const vpns = fc.dictionary(fc.constantFrom('red', 'blue'), hosts, { maxKeys: 2 });
    /** `lost`: no answer; the server did it or not. */
    const answer = fc.constantFrom('agrees', 'refuses', 'lost, done', 'lost, not done');
    const step = fc.oneof(vpns, answer, answer, answer);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const rib = new AdjRibOut();
        const server = new Map<string, Map<string, number>>();
        let wanted = wantedOf({});
        let now = 0;
        const ask = (answered: string) => {
          now += 1;
          const request = rib.next(wanted, now);
          if (request === undefined) return false;
          rib.sent(request);
          if (answered === 'agrees' || answered === 'lost, done') apply(server, request);
          if (answered === 'agrees') rib.agreed(request);
          else rib.failed(request, now + 5);
          return true;
        };
        const checkClaims = () => {
          for (const items of server.values())
            for (const label of items.values()) expect(rib.announces(parseLabel(label))).toBe(true);
        };
        for (const one of steps) {
          if (typeof one === 'string') ask(one);
          else wanted = wantedOf(one);
          checkClaims();
        }
        for (let wakeAt: number | undefined = now; wakeAt !== undefined; wakeAt = rib.wakeAt(now)) {
          now = Math.max(now, wakeAt);
          while (ask('agrees')) checkClaims();
        }
        const expected = [...wanted].map(([vpn, { routes }]) => [
          vpn,
          Object.fromEntries([...routes].map(([id, { nexthops }]) => [id, nexthops[0]?.label])),
        ]);
        expect(
          Object.fromEntries([...server].map(([vpn, items]) => [vpn, Object.fromEntries(items)])),
        ).toEqual(Object.fromEntries(expected));
        const labels = new Set([...server.values()].flatMap((items) => [...items.values()]));
        for (let label = 1000; label <= 1003; label++)
          expect(rib.announces(parseLabel(label))).toBe(labels.has(label));
      }),
      { numRuns: 500 },
    );
  });
});

/** A route server as it should be. */
function apply(server: Map<string, Map<string, number>>, request: VpnRequest): void {
  const items = server.get(request.vpn);
  if (request.kind === 'subscribe') server.set(request.vpn, items ?? new Map());
  else if (items === undefined && request.kind === 'unsubscribe') return;
  else if (items === undefined) throw new Error(`${request.kind} without a subscription`);
  else if (request.kind === 'unsubscribe') server.delete(request.vpn);
  else if (request.kind === 'retract') for (const id of request.ids) items.delete(id);
  else if (request.kind === 'publish')
    for (const { id, nexthops } of request.routes) items.set(id, nexthops[0]?.label ?? 0);
}
