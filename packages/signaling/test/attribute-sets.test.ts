// What routes say, counted by use: equal things have one number, and nothing stays that no route says.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { VpnRoute } from '../src/index.ts';
import { AttributeSets } from '../src/rib/attribute-sets.ts';

const nexthop = fc.record({
  address: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1').map(parseIpAddress),
  label: fc.constantFrom(16, 17).map(parseLabel),
  encapsulations: fc.constantFrom([], ['gre'] as const, ['udp', 'gre'] as const, ['gre', 'udp'] as const),
});
const route: fc.Arbitrary<VpnRoute> = fc.record(
  {
    id: fc.constant('a'),
    prefix: fc.constant(parseIpPrefix('10.1.0.1/32')),
    nexthops: fc.array(nexthop, { minLength: 1, maxLength: 2 }),
    localPreference: fc.constantFrom(0, 100, 200),
  },
  { requiredKeys: ['id', 'prefix', 'nexthops'] },
);
/** What of a route is an attribute. */
const said = ({ nexthops, localPreference }: VpnRoute) => JSON.stringify([nexthops, localPreference]);
const meant = ({ nexthops, localPreference = 100 }: VpnRoute) => JSON.stringify([nexthops, localPreference]);

test('one number for what is equal, gone with its last user', () => {
  fc.assert(
    fc.property(fc.array(route, { maxLength: 20 }), fc.array(fc.nat(19)), (routes, order) => {
      const sets = new AttributeSets();
      const numbers = routes.map((one) => sets.take(one));
      for (const [a, one] of routes.entries())
        for (const [b, other] of routes.entries()) {
          const [first = 0, second = 0] = [numbers[a], numbers[b]];
          expect(first === second).toBe(said(one) === said(other));
          expect(sets.isOf(first, other)).toBe(first === second);
          expect(sets.meansSame(first, second)).toBe(meant(one) === meant(other));
        }
      const users = new Map([...routes.entries()]);
      for (const at of [...order, ...routes.keys()]) {
        if (!users.delete(at)) continue;
        sets.release(numbers[at] ?? 0);
        expect(sets.size).toBe(new Set([...users.values()].map(said)).size);
        for (const [left, one] of users) expect(sets.isOf(numbers[left] ?? 0, one)).toBe(true);
      }
    }),
  );
});
