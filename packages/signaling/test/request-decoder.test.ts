// What is kept between stanzas: the leaf that waits, the nodes of each VPN; and what becomes of halves that do not fit.
import { describe, expect, test } from 'vitest';
import type { Dialect } from '../src/index.ts';
import { RequestDecoder } from '../src/index.ts';
import { xml } from './xml.ts';

const item = (label = 1016) => `
  <item><entry xmlns='http://ietf.org/protocol/bgpvpn'>
    <nlri af='1'>172.18.4.7/32</nlri><next-hop af='1'>203.0.113.33</next-hop><label>${label}</label>
  </entry></item>`;
const publish = (node: string, content = item()) => `<publish node='${node}'>${content}</publish>`;
const associate = (vpn: string, node: string) =>
  `<collection node='${vpn}'><associate node='${node}'/></collection>`;
const dissociate = (vpn: string, ...nodes: string[]) =>
  `<collection node='${vpn}'>${nodes.map((node) => `<disassociate node='${node}'/>`).join('')}</collection>`;

function start(dialect: Dialect = 'end-system-07m', maxNodes = 10) {
  const subscriptions = new Set(['red', 'blue']);
  const discarded: string[] = [];
  const decoder = new RequestDecoder({
    dialect,
    subscriptions: () => subscriptions,
    onDiscarded: (reason) => discarded.push(reason),
    maxNodes,
  });
  const decode = (content: string, namespace = 'pubsub') =>
    decoder.decode(xml(`<pubsub xmlns='http://jabber.org/protocol/${namespace}'>${content}</pubsub>`));
  const deleteNode = (node: string) => decode(`<delete node='${node}'/>`, 'pubsub#owner');
  return { decode, deleteNode, discarded, subscriptions };
}

const routesOf = (requests: readonly object[]) =>
  requests.flatMap((request) => ('routes' in request ? (request.routes as { id: string }[]) : []));

describe('a leaf node', () => {
  test('means nothing before its association', () => {
    const { decode } = start();
    expect(decode(publish('h1:a'))).toEqual([]);
    expect(decode(associate('red', 'h1:a'))).toMatchObject([
      { kind: 'publish', vpn: 'red', routes: [{ id: 'h1:a' }] },
    ]);
  });

  test('that is published again is taken with its next association only, in the VPN of that', () => {
    const { decode } = start();
    decode(publish('h1:a'));
    decode(associate('red', 'h1:a'));
    expect(decode(publish('h1:a', item(2000)))).toEqual([]);
    expect(decode(associate('blue', 'h1:a'))).toMatchObject([
      { vpn: 'blue', routes: [{ nexthops: [{ label: 2000 }] }] },
    ]);
  });

  test('that another one follows is discarded with a reason that names both', () => {
    const { decode, discarded } = start();
    decode(publish('h1:a'));
    decode(publish('h1:b'));
    expect(discarded).toEqual([expect.stringMatching(/"h1:a".*discarded.*"h1:b"/)]);
    expect(routesOf(decode(associate('red', 'h1:b')))).toHaveLength(1);
    expect(() => decode(associate('red', 'h1:a'))).toThrow('follows no publish');
  });

  test('that is not the one associated is discarded with it', () => {
    const { decode } = start();
    decode(publish('h1:a'));
    expect(() => decode(associate('red', 'h1:b'))).toThrow(
      expect.objectContaining({
        code: 'malformed',
        message:
          'the associate of node "h1:b" in collection "red" follows the publish of node "h1:a": both are discarded',
      }),
    );
    expect(() => decode(associate('red', 'h1:a'))).toThrow('follows no publish');
  });

  test('waits while other VPNs are joined', () => {
    const { decode } = start();
    decode(publish('h1:a'));
    decode(`<subscribe node='green'/>`);
    decode(dissociate('red', 'h1:z'));
    expect(routesOf(decode(associate('red', 'h1:a')))).toHaveLength(1);
  });

  test('that is bad is rejected where its VPN is known', () => {
    const { decode } = start();
    decode(publish('h1:a', item(3)));
    const reason = expect.stringMatching(/"h1:a".*MPLS label/);
    expect(decode(associate('red', 'h1:a'))).toEqual([
      { kind: 'publish', vpn: 'red', routes: [], rejected: [{ id: 'h1:a', reason }] },
    ]);
  });

  test('is told from a VPN, whose items need ids', () => {
    const { decode } = start('end-system-06');
    expect(decode(publish('red'))).toMatchObject([
      { kind: 'publish', vpn: 'red', routes: [], rejected: [{ reason: expect.stringContaining('no id') }] },
    ]);
  });
});

describe('a withdrawal', () => {
  test('takes several nodes at once', () => {
    const { decode } = start();
    expect(decode(dissociate('red', 'h1:a', 'h1:b'))).toEqual([
      { kind: 'retract', vpn: 'red', ids: ['h1:a', 'h1:b'] },
    ]);
  });

  test('by delete alone takes the node out of every VPN, after a disassociate out of none', () => {
    const { decode, deleteNode } = start();
    for (const [vpn, node] of [
      ['red', 'h1:a'],
      ['blue', 'h1:a'],
      ['red', 'h1:b'],
    ] as const) {
      decode(publish(node));
      decode(associate(vpn, node));
    }
    decode(dissociate('red', 'h1:b'));
    expect(deleteNode('h1:b')).toEqual([]);
    expect(deleteNode('h1:a')).toEqual([
      { kind: 'retract', vpn: 'red', ids: ['h1:a'] },
      { kind: 'retract', vpn: 'blue', ids: ['h1:a'] },
    ]);
    expect(deleteNode('h1:a')).toEqual([]);
  });

  test('is not due any more where the VPN was left', () => {
    const { decode, deleteNode } = start();
    decode(publish('h1:a'));
    decode(associate('red', 'h1:a'));
    decode(`<unsubscribe node='red'/>`);
    expect(deleteNode('h1:a')).toEqual([]);
  });

  test('in the dialect contrail is by the nlri of its first half, whatever the node is called', () => {
    const { decode } = start('contrail');
    decode(publish('1/1/172.18.4.7'));
    expect(decode(dissociate('red', '1/1/172.18.4.7'))).toEqual([
      { kind: 'retract', vpn: 'red', ids: ['172.18.4.7/32'] },
    ]);
  });

  test('in the dialect contrail needs a first half of the same name', () => {
    const { decode } = start('contrail');
    expect(() => decode(dissociate('red', '1/1/a'))).toThrow('follows no publish');
    decode(publish('1/1/a'));
    expect(() => decode(dissociate('red', '1/1/b'))).toThrow('both are discarded');
    decode(publish('1/1/a', '<item/>'));
    expect(() => decode(dissociate('red', '1/1/a'))).toThrow('it has no entry');
    decode(publish('1/1/a', item().replace('172', '272')));
    expect(() => decode(dissociate('red', '1/1/a'))).toThrow(
      expect.objectContaining({ name: 'SignalingError', code: 'malformed' }),
    );
  });
});

describe('collections that are not understood', () => {
  test.each([
    [
      'nothing known in it',
      `<collection node='red'><join node='a'/></collection>`,
      'neither associate nor dissociate',
    ],
    [
      'two nodes',
      `<collection node='red'><associate node='a'/><associate node='b'/></collection>`,
      'more than one node',
    ],
    ['no VPN', `<collection><associate node='a'/></collection>`, 'names no node'],
    ['no leaf', `<collection node='red'><associate/></collection>`, 'the associate names no node'],
    ['a leaf without a name', publish(''), 'names the node ""'],
  ])('%s', (_, content, reason) => {
    const { decode } = start();
    expect(() => decode(content)).toThrow(
      expect.objectContaining({ code: 'malformed', message: expect.stringContaining(reason) }),
    );
  });

  test('two items in one leaf of the dialect contrail', () => {
    expect(() => start('contrail').decode(publish('1/1/a', item() + item()))).toThrow('more than one item');
  });
});

test('a session has so many nodes and no more; those that it has can change', () => {
  const { decode } = start('end-system-07m', 2);
  const add = (node: string) => {
    decode(publish(node));
    return decode(associate('red', node));
  };
  add('h1:a');
  add('h1:b');
  expect(() => add('h1:c')).toThrow('node "h1:c": a session may have 2 nodes');
  expect(add('h1:b')).toHaveLength(1);
  decode(dissociate('red', 'h1:a'));
  expect(add('h1:c')).toHaveLength(1);
});
