import { describe, expect, test } from 'vitest';
import type { PathAttributes } from '../src/index.ts';
import {
  exportedAttributes,
  type LocalFacts,
  type PeerFacts,
  type SourceFacts,
} from '../src/rules/export-rules.ts';
import {
  encapsulationCommunity,
  isTransitive,
  mobilityCommunity,
  mobilityOf,
  tunnelTypeOf,
} from '../src/rules/extended-communities.ts';
import { refusal } from '../src/rules/import-rules.ts';
import { address, plain } from './codec-values.ts';

const local: LocalFacts = {
  as: 65000,
  identifier: address('192.0.2.100'),
  clusterId: address('192.0.2.200'),
};
const nexthop = address('198.51.100.1');
const internal: PeerFacts = {
  kind: 'internal',
  as: 65000,
  address: address('192.0.2.1'),
  routeReflectorClient: false,
  encapsulation: 'both',
  longLived: false,
};
const client: PeerFacts = { ...internal, routeReflectorClient: true };
const external: PeerFacts = { ...internal, kind: 'external', as: 65001 };
const own: SourceFacts = { kind: 'local', routeReflectorClient: false, identifier: local.identifier };
const fromInternal: SourceFacts = {
  kind: 'internal',
  routeReflectorClient: false,
  identifier: address('192.0.2.7'),
};
const fromClient: SourceFacts = { ...fromInternal, routeReflectorClient: true };
const fromExternal: SourceFacts = { ...fromInternal, kind: 'external' };

const exported = (attributes: Partial<PathAttributes>, source: SourceFacts, peer: PeerFacts) =>
  exportedAttributes({ ...plain, ...attributes }, nexthop, source, peer, local);

describe('to whom a path is announced', () => {
  test.each([
    ['our own', own, internal, true],
    ['our own', own, external, true],
    ['an external peer’s', fromExternal, internal, true],
    ['an external peer’s', fromExternal, external, true],
    ['an internal peer’s', fromInternal, external, true],
    ['an internal peer’s', fromInternal, internal, false],
    ['an internal peer’s', fromInternal, client, true],
    ['a client’s', fromClient, internal, true],
    ['a client’s', fromClient, client, true],
  ] as const)('%s to %s: RFC 4271 section 9.2, RFC 4456 section 6 (%#)', (_, source, peer, isAnnounced) => {
    expect(exported({ localPreference: 100 }, source, peer) !== undefined).toBe(isAnnounced);
  });

  test('a peer is not told of a route by way of itself', () => {
    expect(exportedAttributes(plain, internal.address, own, internal, local)).toBeUndefined();
    expect(
      exportedAttributes(plain, internal.address, own, { ...internal, address: nexthop }, local),
    ).toBeDefined();
  });

  test.each([
    ['NO_EXPORT', 0xffffff01, true, false],
    ['NO_ADVERTISE', 0xffffff02, false, false],
    ['NO_EXPORT_SUBCONFED', 0xffffff03, true, false],
    ['another', 0xfde80001, true, true],
  ])('community %s', (_, community, toInternal, toExternal) => {
    expect(exported({ communities: [community] }, own, internal) !== undefined).toBe(toInternal);
    expect(exported({ communities: [community] }, own, external) !== undefined).toBe(toExternal);
  });

  test('long-lived stale only to who knows what it means', () => {
    const stale = { communities: [0xffff0006] };
    expect(exported(stale, fromClient, client)).toBeUndefined();
    expect(exported(stale, fromClient, { ...client, longLived: true })).toBeDefined();
  });
});

describe('attributes', () => {
  test('to an internal peer our own and external paths have a local preference', () => {
    expect(exported({}, own, internal)).toEqual({ ...plain, localPreference: 100 });
    expect(exported({ localPreference: 7 }, own, internal)?.localPreference).toBe(7);
    expect(exported({}, fromExternal, internal)?.localPreference).toBe(100);
  });

  test('a reflected path says where it is from and which way it took', () => {
    const list = [address('192.0.2.201')];
    const reflected = exported({ localPreference: 50, clusterList: list }, fromClient, internal);
    expect(reflected).toEqual({
      ...plain,
      localPreference: 50,
      originatorId: fromClient.identifier,
      clusterList: [local.clusterId, ...list],
    });
    const originator = address('192.0.2.8');
    expect(exported({ originatorId: originator }, fromClient, internal)?.originatorId).toBe(originator);
  });

  test('to an external peer our AS is added and what is of this AS alone is left out', () => {
    const told = exported(
      {
        asPath: [{ kind: 'sequence', numbers: [65002] }],
        med: 5,
        localPreference: 50,
        originatorId: address('192.0.2.8'),
        clusterList: [address('192.0.2.201')],
        extendedCommunities: ['4306000000000001', mobilityCommunity(3)],
      },
      fromInternal,
      external,
    );
    expect(told).toEqual({
      ...plain,
      asPath: [{ kind: 'sequence', numbers: [65000, 65002] }],
      extendedCommunities: [mobilityCommunity(3)],
    });
    expect(exported({ med: 5 }, own, external)?.med).toBe(5);
  });

  test('a full AS path segment is not made longer', () => {
    const full = { kind: 'sequence', numbers: Array.from({ length: 255 }, () => 65002) } as const;
    expect(exported({ asPath: [full] }, fromExternal, external)?.asPath).toEqual([
      { kind: 'sequence', numbers: [65000] },
      full,
    ]);
    const set = { kind: 'set', numbers: [65002] } as const;
    expect(exported({ asPath: [set] }, fromExternal, external)?.asPath).toEqual([
      { kind: 'sequence', numbers: [65000] },
      set,
    ]);
  });

  test.each([
    ['both', 1, 1],
    ['community', 0, 1],
    ['attribute', 1, 0],
  ] as const)('encapsulations of our own routes as %s', (encapsulation, tunnels, communities) => {
    const said = {
      tunnels: [{ type: 2, endpoint: undefined, subTlvs: [] }],
      extendedCommunities: [encapsulationCommunity(2)],
    };
    const told = exported(said, own, { ...internal, encapsulation });
    expect([told?.tunnels.length, told?.extendedCommunities.length]).toEqual([tunnels, communities]);
    // What others say is passed on as they say it.
    const passed = exported(said, fromClient, { ...internal, encapsulation });
    expect([passed?.tunnels.length, passed?.extendedCommunities.length]).toEqual([1, 1]);
  });
});

describe('which paths are refused', () => {
  const facts = { ...local, addresses: new Set([address('192.0.2.100')]) };
  const refused = (attributes: Partial<PathAttributes>, peer = internal, by = nexthop) =>
    refusal({ ...plain, ...attributes }, by, peer, facts);
  const by = (...numbers: number[]) => ({ asPath: [{ kind: 'sequence', numbers }] as const });

  test('none without a reason', () => {
    expect(refused({})).toBeUndefined();
    expect(refused(by(65001, 65002), external)).toBeUndefined();
  });

  test.each([
    ['our own AS in the path', by(65001, 65000), external, 'AS path with our own AS 65000'],
    [
      'our own AS in a set',
      { asPath: [{ kind: 'set', numbers: [1, 65000] }] as const },
      internal,
      'our own AS',
    ],
    [
      'another first AS',
      by(65002),
      external,
      'AS path that does not begin with the peer’s AS 65001'.replace('’', "'"),
    ],
    ['no AS path of an external peer', {}, external, 'does not begin'],
    [
      'our own identifier as originator',
      { originatorId: local.identifier },
      internal,
      'originator 192.0.2.100',
    ],
    ['our own cluster', { clusterList: [local.clusterId] }, internal, 'cluster 192.0.2.200'],
  ])('%s', (_, attributes, peer, reason) => {
    expect(refused(attributes, peer)).toContain(reason);
  });

  test('a nexthop that is our own address', () => {
    expect(refused({}, internal, address('192.0.2.100'))).toBe(
      'nexthop 192.0.2.100, which is our own address',
    );
  });
});

test('extended communities that mean something', () => {
  expect(encapsulationCommunity(13)).toBe('030c00000000000d');
  expect(tunnelTypeOf('030c00000000000d')).toBe(13);
  expect(tunnelTypeOf('030b00000000000d')).toBeUndefined();
  expect(mobilityCommunity(77, true)).toBe('060001000000004d');
  expect(mobilityOf(['030c000000000002', mobilityCommunity(7), mobilityCommunity(0xffffffff, true)])).toEqual(
    {
      sequenceNumber: 0xffffffff,
      sticky: true,
    },
  );
  expect(mobilityOf(['0601000000000007'])).toBeUndefined();
  expect([isTransitive('4306000000000001'), isTransitive('8006000000000001')]).toEqual([false, true]);
});
