import { parseIpPrefix } from '@hostpe/net';
import type { VpnEvent } from '@hostpe/signaling';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { segments } from '../src/segments.ts';
import { route } from './values.ts';

const prefixAt = (index: number) => parseIpPrefix(`10.${index >> 8}.${index & 255}.0/24`);

/** A route with some next-hops. */
function routeAt(index: number, nexthops: number) {
  const one = route({ prefix: prefixAt(index), nexthop: '10.255.0.1', label: 1000 });
  return { ...one, nexthops: Array.from({ length: nexthops }, () => one.nexthops).flat() };
}

const sizeOf = (event: VpnEvent): number =>
  event.kind === 'items'
    ? event.routes.reduce((sum, { nexthops }) => sum + 1 + nexthops.length, event.retractedIds.length)
    : 0;

test('nothing is lost, repeated or empty; retracted items go first; no message is too large (property)', () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 300 })), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(sizes, fc.nat({ max: 500 }), (nexthops, retracted) => {
      const routes = nexthops.map((count, index) => routeAt(index, count));
      const retractedIds = Array.from({ length: retracted }, (_, index) => String(prefixAt(1000 + index)));
      const cut = [...segments({ kind: 'items', vpn: 'red', routes, retractedIds, rejected: [] })];
      expect(cut.flatMap((one) => (one.kind === 'items' ? one.routes : []))).toEqual(routes);
      expect(cut.flatMap((one) => (one.kind === 'items' ? one.retractedIds : []))).toEqual(retractedIds);
      let routesBegan = false;
      for (const one of cut) {
        const size = sizeOf(one);
        expect(size).toBeGreaterThan(0);
        // One route alone may be larger.
        if (one.kind === 'items' && one.routes.length + one.retractedIds.length > 1)
          expect(size).toBeLessThanOrEqual(200);
        if (one.kind === 'items' && routesBegan) expect(one.retractedIds).toEqual([]);
        routesBegan ||= one.kind === 'items' && one.routes.length > 0;
      }
    }),
    { numRuns: 100 },
  );
});

test('End-of-RIB is one message', () => {
  expect([...segments({ kind: 'end-of-rib', vpn: 'red' })]).toEqual([{ kind: 'end-of-rib', vpn: 'red' }]);
});

test('an event without items is none', () => {
  expect([...segments({ kind: 'items', vpn: 'red', routes: [], retractedIds: [], rejected: [] })]).toEqual(
    [],
  );
});
