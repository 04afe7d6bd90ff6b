import { describe, expect, test } from 'vitest';
import {
  type CodecOptions,
  decodeMessage,
  encodeEndOfRib,
  encodeMessage,
  initialOptions,
  type Message,
  MessageReader,
  notificationText,
  type PathAttributes,
  packUpdates,
  packWithdrawals,
  shutdownCommunication,
} from '../src/index.ts';
import {
  address,
  asPath,
  bytes,
  external,
  hex,
  internal,
  message,
  origin,
  plain,
  reach,
  route,
  update,
} from './codec-values.ts';

function bothWays(value: Message, octets: Uint8Array, options: CodecOptions = internal): void {
  expect(decodeMessage(octets, options)).toEqual(value);
  expect(hex(encodeMessage(value, options))).toBe(hex(octets));
}

describe('messages', () => {
  test('KEEPALIVE', () => bothWays({ type: 'keepalive' }, message(4, '')));
  test('NOTIFICATION', () =>
    bothWays({ type: 'notification', code: 6, subcode: 2, data: bytes('026869') }, message(3, '0602026869')));
  test('ROUTE-REFRESH', () => {
    bothWays({ type: 'route-refresh', family: 'vpnv4', kind: 'request' }, message(5, '00010080'));
    bothWays({ type: 'route-refresh', family: 'rtc', kind: 'begin' }, message(5, '00010184'));
    bothWays({ type: 'route-refresh', family: { afi: 2, safi: 1 }, kind: 'end' }, message(5, '00020201'));
  });
  test('ROUTE-REFRESH of an unknown subtype is ignored (RFC 7313 section 5)', () =>
    expect(decodeMessage(message(5, '00010380'), internal)).toBeUndefined());
  test('OPEN with every capability', () =>
    bothWays(
      {
        type: 'open',
        as: 4_200_000_000,
        holdTime: 90,
        identifier: address('192.0.2.9'),
        capabilities: [
          { kind: 'multiprotocol', family: 'vpnv4' },
          { kind: 'route-refresh' },
          { kind: 'enhanced-route-refresh' },
          { kind: 'extended-message' },
          { kind: 'extended-nexthop', entries: [{ family: 'vpnv4', nexthop: 'ipv6' }] },
          { kind: 'as4', as: 4_200_000_000 },
          {
            kind: 'graceful-restart',
            restarting: true,
            notification: true,
            time: 120,
            families: [{ family: 'rtc', forwarding: true }],
          },
          {
            kind: 'long-lived-graceful-restart',
            families: [{ family: 'vpnv6', forwarding: false, time: 86_400 }],
          },
          { kind: 'add-path', families: [{ family: 'vpnv4', mode: 'both' }] },
          { kind: 'unknown', code: 73, value: bytes('0161') },
        ],
      },
      message(
        1,
        `04 5ba0 005a c0000209 49
         0206 0104 00010080  0202 0200  0202 4600  0202 0600  0208 0506 000100800002  0206 4104 fa56ea00
         0208 4006 c078 00018480  0209 4707 000280 00 015180  0206 4504 00018003  0204 4902 0161`,
      ),
    ));
  test('OPEN whose parameters need the long form (RFC 9072)', () => {
    const capabilities = Array.from({ length: 2 }, (_, at) => ({
      kind: 'unknown' as const,
      code: 200 + at,
      value: new Uint8Array(200).fill(at),
    }));
    const open: Message = {
      type: 'open',
      as: 65_000,
      holdTime: 0,
      identifier: address('192.0.2.9'),
      capabilities,
    };
    const octets = encodeMessage(open, initialOptions);
    expect(hex(octets.subarray(28, 40))).toBe('ffff019a0200cac8c8000000');
    expect(decodeMessage(octets, initialOptions)).toEqual(open);
  });
  test.each([
    ['marker', `00${hex(message(4, '')).slice(2)}`, 1, 1, ''],
    ['length below 19', `${'ff'.repeat(16)}001204`, 1, 2, '0012'],
    ['length above 4,096', `${'ff'.repeat(16)}100102`, 1, 2, '1001'],
    ['KEEPALIVE with a body', hex(message(4, '00')), 1, 2, '0014'],
    ['unknown type', hex(message(9, '')), 1, 3, '09'],
    ['version', hex(message(1, '03 fde8 005a c0000209 00')), 2, 1, '0004'],
    ['AS 0 (RFC 7607)', hex(message(1, '04 0000 005a c0000209 00')), 2, 2, ''],
    ['identifier 0', hex(message(1, '04 fde8 005a 00000000 00')), 2, 3, ''],
    ['optional parameter', hex(message(1, '04 fde8 005a c0000209 02 0900')), 2, 4, ''],
    ['hold time 1', hex(message(1, '04 fde8 0001 c0000209 00')), 2, 6, ''],
    ['hold time 2', hex(message(1, '04 fde8 0002 c0000209 00')), 2, 6, ''],
    ['parameters that end early', hex(message(1, '04 fde8 005a c0000209 04 0200')), 2, 0, ''],
    ['capability longer than its parameter', hex(message(1, '04 fde8 005a c0000209 04 0202 0105')), 2, 0, ''],
    ['BoRR of a wrong length (RFC 7313)', hex(message(5, '0001018000')), 7, 1, hex(message(5, '0001018000'))],
  ])('NOTIFICATION for a wrong %s', (_name, octets, code, subcode, data) => {
    expect(() => decodeMessage(bytes(octets), internal)).toThrow(
      expect.objectContaining({
        code: 'malformed',
        notification: { type: 'notification', code, subcode, data: bytes(data) },
      }),
    );
  });
});

describe('attributes', () => {
  test.each<[string, string, Partial<PathAttributes>, CodecOptions?]>([
    ['ORIGIN', '400101 02 400200', { origin: 'incomplete' }],
    [
      'AS_PATH',
      '40010100 400214 0202 0000fde8 fa56ea00 0102 00000001 00000002',
      {
        asPath: [
          { kind: 'sequence', numbers: [65_000, 4_200_000_000] },
          { kind: 'set', numbers: [1, 2] },
        ],
      },
    ],
    [
      'AS_PATH and AS4_PATH',
      '40010100 400206 0202 fde8 5ba0 c0110a 0202 0000fde8 fa56ea00',
      { asPath: [{ kind: 'sequence', numbers: [65_000, 4_200_000_000] }] },
      { ...internal, as4: false },
    ],
    ['MULTI_EXIT_DISC', '40010100 400200 800404 00000064', { med: 100 }],
    ['LOCAL_PREF', '40010100 400200 400504 000000c8', { localPreference: 200 }],
    ['ATOMIC_AGGREGATE', '40010100 400200 400600', { atomicAggregate: true }],
    [
      'AGGREGATOR',
      '40010100 400200 c00708 fa56ea00 c0000201',
      { aggregator: { as: 4_200_000_000, identifier: address('192.0.2.1') } },
    ],
    [
      'AGGREGATOR and AS4_AGGREGATOR',
      '40010100 400200 c00706 5ba0 c0000201 c01208 fa56ea00 c0000201',
      { aggregator: { as: 4_200_000_000, identifier: address('192.0.2.1') } },
      { ...internal, as4: false },
    ],
    ['COMMUNITIES', '40010100 400200 c00808 fde80001 ffffff01', { communities: [0xfde80001, 0xffffff01] }],
    ['ORIGINATOR_ID', '40010100 400200 800904 c0000201', { originatorId: address('192.0.2.1') }],
    [
      'CLUSTER_LIST',
      '40010100 400200 800a08 c0000201 c0000202',
      { clusterList: [address('192.0.2.1'), address('192.0.2.2')] },
    ],
    [
      'EXTENDED_COMMUNITIES',
      '40010100 400200 c01020 0002fde800000001 02020000fde80001 0102c00002010005 030c000000000002',
      {
        routeTargets: ['65000:1', '65000L:1', '192.0.2.1:5'] as never,
        extendedCommunities: ['030c000000000002'],
      },
    ],
    [
      'IPV6_EXTENDED_COMMUNITIES',
      '40010100 400200 c01914 0002 20010db8000000000000000000000001 0007',
      { extendedCommunities: ['000220010db80000000000000000000000010007'] },
    ],
    [
      'LARGE_COMMUNITY',
      '40010100 400200 c0200c fa56ea00 00000001 ffffffff',
      { largeCommunities: [[4_200_000_000, 1, 4_294_967_295]] },
    ],
    [
      'TUNNEL_ENCAPSULATION',
      '40010100 400200 c01724 0002 0010 060a 00000000 0001 c0000207 0802 1234  000d 000c 0606 00000000 0000 85000161',
      {
        tunnels: [
          { type: 2, endpoint: address('192.0.2.7'), subTlvs: [{ type: 8, value: bytes('1234') }] },
          { type: 13, endpoint: undefined, subTlvs: [{ type: 0x85, value: bytes('61') }] },
        ],
      },
    ],
    [
      'one that is not known',
      '40010100 400200 e0c802 abcd',
      { unknown: [{ flags: 0xe0, code: 200, value: bytes('abcd') }] },
    ],
  ])('%s', (_name, attributes, values, options = internal) =>
    bothWays(
      {
        type: 'update',
        attributes: { ...plain, ...values },
        announced: {
          family: 'vpnv4',
          nexthop: address('192.0.2.1'),
          routes: [route('65000:1', '10.1.0.0/16', 1001)],
        },
        withdrawn: [],
        endOfRib: undefined,
        problems: [],
      },
      update(reach + attributes),
      options,
    ),
  );

  test('AS4_PATH is believed for the end of the path only (RFC 6793 section 4.2.3)', () => {
    const decoded = decodeMessage(
      update(`${reach}${origin} 400208 0203 0001 5ba0 5ba0 c0110a 0202 fa56ea00 fa56ea01`),
      { ...internal, as4: false },
    );
    expect(decoded).toMatchObject({
      attributes: { asPath: [{ kind: 'sequence', numbers: [1, 4_200_000_000, 4_200_000_001] }] },
    });
  });
  test('an optional attribute that is neither known nor transitive is left out', () =>
    expect(decodeMessage(update(`${reach}${origin}${asPath} 80c80100`), internal)).toMatchObject({
      attributes: { unknown: [] },
      problems: [],
    }));
});

describe('NLRI', () => {
  const reached = (
    family: 'vpnv4' | 'vpnv6',
    nexthop: string,
    ...routes: ReturnType<typeof route>[]
  ): Message => ({
    type: 'update',
    attributes: plain,
    announced: { family, nexthop: address(nexthop), routes },
    withdrawn: [],
    endOfRib: undefined,
    problems: [],
  });
  test('VPNv6 with an IPv6 and with an IPv4 nexthop (RFC 4659)', () => {
    const nlri = '00 98 003e91 0001c00002010007 20010db800010002';
    bothWays(
      reached('vpnv6', '2001:db8::1', route('192.0.2.1:7', '2001:db8:1:2::/64', 1001)),
      update(
        `900e 0031 0002 80 18 0000000000000000 20010db8000000000000000000000001 ${nlri}${origin}${asPath}`,
      ),
    );
    bothWays(
      reached('vpnv6', '192.0.2.1', route('192.0.2.1:7', '2001:db8:1:2::/64', 1001)),
      update(
        `900e 0031 0002 80 18 0000000000000000 00000000000000000000ffffc0000201 ${nlri}${origin}${asPath}`,
      ),
    );
  });
  test('a link-local address behind the nexthop is left out', () =>
    expect(
      decodeMessage(
        update(
          `900e 0049 0002 80 30 0000000000000000 20010db8000000000000000000000001 0000000000000000 fe800000000000000000000000000001 00 98 003e91 0001c00002010007 20010db800010002${origin}${asPath}`,
        ),
        internal,
      ),
    ).toEqual(reached('vpnv6', '2001:db8::1', route('192.0.2.1:7', '2001:db8:1:2::/64', 1001))));
  test('VPNv4 with an IPv6 nexthop, where it was agreed on (RFC 8950)', () => {
    const octets = update(
      `900e 002b 0001 80 18 0000000000000000 20010db8000000000000000000000001 00 68 003e91 0000fde800000001 0a01${origin}${asPath}`,
    );
    bothWays(reached('vpnv4', '2001:db8::1', route('65000:1', '10.1.0.0/16', 1001)), octets, {
      ...internal,
      extendedNexthop: true,
    });
    expect(decodeMessage(octets, internal)).toMatchObject({
      announced: undefined,
      withdrawn: [{ routes: [route('65000:1', '10.1.0.0/16', 0)] }],
    });
  });
  test('path identifiers (RFC 7911)', () =>
    bothWays(
      reached('vpnv4', '192.0.2.1', route('65000:1', '10.1.0.0/16', 1001, 7)),
      update(
        `900e 0023 0001 80 0c 0000000000000000 c0000201 00 00000007 68 003e91 0000fde800000001 0a01${origin}${asPath}`,
      ),
      { ...internal, addPathReceive: ['vpnv4'], addPathSend: ['vpnv4'] },
    ));
  test('withdrawals, whatever the label field holds (RFC 8277 section 2.4)', () => {
    const withdrawn: Message = {
      type: 'update',
      attributes: undefined,
      announced: undefined,
      withdrawn: [{ family: 'vpnv4', routes: [route('65000L:1', '0.0.0.0/0', 0)] }],
      endOfRib: undefined,
      problems: [],
    };
    bothWays(withdrawn, update('900f 000f 0001 80 58 800000 00020000fde80001'));
    expect(decodeMessage(update('800f 0f 0001 80 58 000000 00020000fde80001'), internal)).toEqual(withdrawn);
    expect(decodeMessage(update('800f 0f 0001 80 58 003e91 00020000fde80001'), internal)).toEqual(withdrawn);
  });
  test('route-target membership of 0, 32, 48 and 96 bits (RFC 4684)', () => {
    const memberships = [
      { originAs: undefined, target: bytes('0000000000000000'), length: 0 },
      { originAs: 65_000, target: bytes('0000000000000000'), length: 32 },
      { originAs: 65_000, target: bytes('0002000000000000'), length: 48 },
      { originAs: 65_000, target: bytes('0002fde800000001'), length: 96 },
    ];
    bothWays(
      {
        type: 'update',
        attributes: plain,
        announced: { family: 'rtc', nexthop: address('192.0.2.1'), memberships },
        withdrawn: [],
        endOfRib: undefined,
        problems: [],
      },
      update(
        `900e 0023 0001 84 04 c0000201 00 00 20 0000fde8 30 0000fde8 0002 60 0000fde8 0002fde800000001${origin}${asPath}`,
      ),
    );
  });
  test.each([
    ['vpnv4', '000180'],
    ['vpnv6', '000280'],
    ['rtc', '000184'],
  ] as const)('End-of-RIB of %s', (family, numbers) => {
    const octets = update(`800f03${numbers}`);
    expect(decodeMessage(octets, internal)).toMatchObject({
      endOfRib: family,
      attributes: undefined,
      withdrawn: [],
      problems: [],
    });
    expect(hex(encodeEndOfRib(family))).toBe(hex(octets));
  });
  test('End-of-RIB of IPv4 unicast', () => {
    expect(decodeMessage(update(''), internal)).toMatchObject({ endOfRib: { afi: 1, safi: 1 } });
    expect(hex(encodeEndOfRib({ afi: 1, safi: 1 }))).toBe(hex(update('')));
  });
});

describe('a stream', () => {
  test('gives the same messages in whatever pieces it comes', () => {
    const messages = [message(4, ''), update(reach + origin + asPath), message(3, '0602'), message(4, '')];
    const stream = Buffer.concat(messages);
    for (let size = 1; size <= stream.length; size++) {
      const reader = new MessageReader();
      const read: string[] = [];
      for (let at = 0; at < stream.length; at += size) {
        reader.push(stream.subarray(at, at + size));
        for (let next = reader.next(); next; next = reader.next()) read.push(hex(next));
      }
      expect(read).toEqual(messages.map(hex));
    }
  });
  test('that is out of step is known by its first wrong octet', () => {
    const reader = new MessageReader();
    reader.push(bytes('ffff00'));
    expect(() => reader.next()).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
  test('may have long messages once that was agreed on (RFC 8654), but no long OPEN', () => {
    const reader = new MessageReader();
    reader.push(bytes(`${'ff'.repeat(16)}ffff02`));
    expect(() => reader.next()).toThrow();
    reader.extendedMessage = true;
    expect(reader.next()).toBeUndefined();
    expect(() =>
      decodeMessage(bytes(`${'ff'.repeat(16)}100101`), { ...internal, extendedMessage: true }),
    ).toThrow();
  });
});

describe('packing', () => {
  const routes = Array.from({ length: 3000 }, (_, at) =>
    route('65000:1', `10.${at >> 8}.${at & 255}.0/24`, 1000 + at),
  );
  test.each([false, true])(
    'fills messages up to the longest (extended: %s), and loses nothing',
    (extendedMessage) => {
      const options = { ...internal, extendedMessage };
      const packed = [
        ...packUpdates(plain, { family: 'vpnv4', nexthop: address('192.0.2.1'), routes }, options),
      ];
      const longest = extendedMessage ? 65_535 : 4096;
      for (const octets of packed.slice(0, -1)) expect(longest - octets.length).toBeLessThan(32);
      expect(
        packed.flatMap((octets) => {
          const decoded = decodeMessage(octets, options);
          return decoded?.type === 'update' && decoded.announced?.family === 'vpnv4'
            ? decoded.announced.routes
            : [];
        }),
      ).toEqual(routes);
      const gone = [...packWithdrawals({ family: 'vpnv4', routes }, options)];
      for (const octets of gone.slice(0, -1)) expect(longest - octets.length).toBeLessThan(32);
    },
  );
  test('says when attributes leave no room', () => {
    const attributes = { ...plain, communities: Array.from({ length: 1010 }, (_, at) => at) };
    expect(() => [
      ...packUpdates(attributes, { family: 'vpnv4', nexthop: address('192.0.2.1'), routes }, internal),
    ]).toThrow(expect.objectContaining({ code: 'unsendable', notification: undefined }));
  });
  test('sends LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST to no external neighbour', () => {
    const attributes = {
      ...plain,
      localPreference: 1,
      originatorId: address('192.0.2.1'),
      clusterList: [address('192.0.2.1')],
    };
    const [octets = new Uint8Array()] = packUpdates(
      attributes,
      { family: 'vpnv4', nexthop: address('192.0.2.1'), routes: routes.slice(0, 1) },
      external,
    );
    expect(decodeMessage(octets, internal)).toMatchObject({ attributes: plain });
  });
});

describe('NOTIFICATION in words', () => {
  const said = (code: number, subcode: number, data = '') =>
    notificationText({ type: 'notification', code, subcode, data: bytes(data) });
  test('names code, subcode and communication', () => {
    expect(said(6, 2, '026869')).toBe('cease, administrative shutdown: "hi"');
    expect(said(6, 3, '026869')).toBe('cease, peer de-configured');
    expect(said(4, 0)).toBe('hold timer expired');
    expect(said(2, 99)).toBe('OPEN error, subcode 99');
    expect(said(99, 1)).toBe('error 99, subcode 1');
  });
  test('a communication moves no cursor, and one that does not fit is none', () => {
    expect(shutdownCommunication(bytes('04 1b5b0a ff'))).toBe(' [ \ufffd');
    expect(shutdownCommunication(bytes('05 61'))).toBeUndefined();
    expect(shutdownCommunication(bytes(''))).toBeUndefined();
  });
});
