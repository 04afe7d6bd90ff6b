// RFC 7606 clause by clause, and any bytes at all.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BgpError,
  type CodecOptions,
  decodeMessage,
  encodeMessage,
  type PathAttributes,
  type UpdateMessage,
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

const nlri = route('65000:1', '10.1.0.0/16', 1001);
const gone = [{ family: 'vpnv4', routes: [{ ...nlri, label: 0 }] }];

function decode(attributes: string, options: CodecOptions = internal): UpdateMessage {
  const decoded = decodeMessage(update(attributes), options);
  if (decoded?.type !== 'update') throw new Error('no UPDATE');
  return decoded;
}

function resets(octets: Uint8Array, subcode: number, options = internal): void {
  expect(() => decodeMessage(octets, options)).toThrow(
    expect.objectContaining({
      name: 'BgpError',
      notification: expect.objectContaining({ code: 3, subcode }),
    }),
  );
}

describe('treat-as-withdraw withdraws exactly what was announced', () => {
  test.each<[string, string, CodecOptions?]>([
    ['3 (c) flags of ORIGIN', `80010100${asPath}`],
    ['3 (d) ORIGIN missing', asPath],
    ['3 (d) AS_PATH missing', origin],
    ['4 an attribute longer than all', `${origin}${asPath} c008ff 00000001`],
    ['4 half a header', `${origin}${asPath} c0`],
    ['7.1 ORIGIN of two octets', `4001020000${asPath}`],
    ['7.1 ORIGIN 3', `40010103${asPath}`],
    ['7.2 AS_PATH with an unknown segment', `${origin} 400206 0901 00000001`],
    ['7.2 AS_PATH with an empty segment', `${origin} 400202 0200`],
    ['7.2 AS_PATH that overruns', `${origin} 400206 0202 00000001`],
    ['7.2 AS_PATH with an octet left', `${origin} 400207 0201 00000001 02`],
    ['AS 0 (RFC 7607)', `${origin} 400206 0201 00000000`],
    ['confederation segments of an external neighbour', `${origin} 400206 0301 00000001`, external],
    ['7.3 NEXT_HOP of five octets', `${origin}${asPath} 400305 c000020100`],
    ['7.4 MULTI_EXIT_DISC of three octets', `${origin}${asPath} 800403 000001`],
    ['7.5 LOCAL_PREF of three octets', `${origin}${asPath} 400503 000001`],
    ['7.8 COMMUNITIES of six octets', `${origin}${asPath} c00806 000000010000`],
    ['7.8 no COMMUNITIES', `${origin}${asPath} c00800`],
    ['7.9 ORIGINATOR_ID of five octets', `${origin}${asPath} 800905 c000020100`],
    ['7.10 CLUSTER_LIST of five octets', `${origin}${asPath} 800a05 c000020100`],
    ['7.14 EXTENDED_COMMUNITIES of nine octets', `${origin}${asPath} c01009 0002fde80000000100`],
    ['7.15 IPv6 extended communities of eight octets', `${origin}${asPath} c01908 0002fde800000001`],
    ['LARGE_COMMUNITY of eight octets (RFC 8092)', `${origin}${asPath} c02008 0002fde800000001`],
    ['tunnels that overrun (RFC 9012 section 13)', `${origin}${asPath} c01704 00020001`],
  ])('%s', (_name, attributes, options) => {
    const decoded = decode(reach + attributes, options);
    expect(decoded).toMatchObject({ attributes: undefined, announced: undefined, withdrawn: gone });
    expect(decoded.problems.some(({ reaction }) => reaction === 'treat-as-withdraw')).toBe(true);
  });
  test('and keeps what the same UPDATE withdraws of another family', () => {
    const { withdrawn } = decode(`${reach} 900f 0013 0002 80 78 800000 0000fde800000001 20010db8 ${asPath}`);
    expect(withdrawn).toEqual([{ family: 'vpnv6', routes: [route('65000:1', '2001:db8::/32', 0)] }, ...gone]);
  });
});

describe('attribute discard keeps the routes', () => {
  test.each<[string, string, Partial<PathAttributes>, CodecOptions?]>([
    ['3 (g) a second MULTI_EXIT_DISC', '80040400000001 80040400000002', { med: 1 }],
    ['7.5 LOCAL_PREF of an external neighbour', '400503000001', {}, external],
    ['7.6 ATOMIC_AGGREGATE of one octet', '40060100', {}],
    ['7.7 AGGREGATOR of six octets', 'c00706 fde8c0000201', {}],
    ['AGGREGATOR of AS 0 (RFC 7607)', 'c00708 00000000c0000201', {}],
    ['7.9 ORIGINATOR_ID of an external neighbour', '800904c0000201', {}, external],
    ['7.10 CLUSTER_LIST of an external neighbour', '800a04c0000201', {}, external],
    ['AS4_PATH of one who speaks four octets (RFC 6793)', 'c01106 0201 00000001', {}],
    ['malformed AS4_PATH (RFC 6793 section 6)', 'c01102 0900', {}, { ...internal, as4: false }],
    ['no tunnel (RFC 9012 section 13)', 'c01700', {}],
  ])('%s', (_name, attributes, kept, options) => {
    expect(decode(`${reach}${origin}${asPath}${attributes}`, options)).toMatchObject({
      attributes: { ...plain, ...kept },
      announced: { routes: [nlri] },
      withdrawn: [],
      problems: [{ reaction: 'attribute-discard' }],
    });
  });
});

describe('the session ends', () => {
  test.each<[string, string, number]>([
    ['3 (g) MP_REACH_NLRI twice', reach + reach + origin + asPath, 1],
    ['3 (g) MP_UNREACH_NLRI twice', '800f03000180 800f03000180', 1],
    ['5.2 malformed attributes and no NLRI', '40010103', 1],
    ['an unknown well-known attribute (RFC 4271 section 6.3)', `${reach}${origin}${asPath} 40c80100`, 2],
    ['7.11 MP_REACH_NLRI that is too short', `900e 0004 0001800c${origin}${asPath}`, 9],
    ['7.11 a nexthop of five octets', `900e 000a 0001 80 05 c000020100 00${origin}${asPath}`, 9],
    ['7.12 MP_UNREACH_NLRI of two octets', '800f020001', 9],
    [
      '5.3 a prefix of 33 bits',
      `900e 0022 0001 80 0c 0000000000000000 c0000201 00 79 003e91 0000fde800000001 0a01000000${origin}${asPath}`,
      9,
    ],
    ['5.3 NLRI without an RD', '900f 0008 0001 80 18 800000 00', 9],
    ['5.3 NLRI that ends in the middle', '900f 000e 0001 80 58 800000 0000fde8000000', 9],
    ['5.3 route-target membership of 97 bits', '900f 0011 000184 61 00000000000000000000000000', 9],
  ])('%s', (_name, attributes, subcode) => resets(update(attributes), subcode));
  test('3 (a) lengths that exceed the UPDATE', () => {
    resets(message(2, '0005 0000'), 1);
    resets(message(2, '0000 0001'), 1);
  });
  test('5.3 an IPv4 prefix of 33 bits', () => resets(update('', '', '21 0a00000000'), 10));
});

describe('one NLRI at fault takes no other with it', () => {
  const reachOf = (...routes: string[]) => {
    const value = bytes(`0001 80 0c 0000000000000000 c0000201 00 ${routes.join('')}`);
    return `900e ${value.length.toString(16).padStart(4, '0')} ${hex(value)}${origin}${asPath}`;
  };
  const good = '68 003e91 0000fde800000001 0a01';
  test.each([
    ['label 3', '68 000031 0000fde800000001 0a02', /label 3, which is reserved/],
    ['label 1048575', '68 fffff1 0000fde800000001 0a02', /label 1048575/],
    ['two labels', '80 003e90 003ea1 0000fde800000001 0a02', /a stack of labels/],
  ])('%s', (_name, bad, reason) => {
    const decoded = decode(reachOf(bad, good));
    expect(decoded.announced).toMatchObject({ routes: [nlri] });
    expect(decoded.withdrawn).toEqual([{ family: 'vpnv4', routes: [route('65000:1', '10.2.0.0/16', 0)] }]);
    expect(decoded.problems).toEqual([
      { reaction: 'treat-as-withdraw', reason: expect.stringMatching(reason) },
    ]);
    expect(decoded.problems[0]?.reason).toContain('65000:1 10.2.0.0/16');
  });
  test('one label without its bottom-of-stack bit is one label (RFC 8277 section 2.2)', () =>
    expect(decode(reachOf('68 003e90 0000fde800000001 0a01'))).toMatchObject({
      announced: { routes: [nlri] },
      problems: [],
    }));
  test('an RD of type 3', () =>
    expect(decode(reachOf('68 003e91 0003fde800000001 0a01', good))).toMatchObject({
      announced: { routes: [nlri] },
      withdrawn: [],
      problems: [{ reaction: 'nlri-discard', reason: 'vpnv4 10.1.0.0/16: RD of type 3' }],
    }));
  test('bits behind the prefix are ignored', () =>
    expect(decode(reachOf('61 003e91 0000fde800000001 0aff'))).toMatchObject({
      announced: { routes: [{ prefix: '10.128.0.0/9' }] },
    }));
  test('a family that is not spoken', () => {
    const decoded = decode(`${reach}${origin}${asPath}`, { ...internal, families: ['rtc'] });
    expect(decoded).toMatchObject({
      announced: undefined,
      withdrawn: [],
      attributes: undefined,
      problems: [{ reaction: 'nlri-discard' }],
    });
  });
});

describe('any bytes', () => {
  const base = update(
    `${reach}${origin} 40020a 0202 0000fde8 fa56ea00 40050400000064 c00804fde80001 c010100002fde800000001030c000000000002 c01710 0002000c 060a 00000000 0001 c0000207 900f 0013 0002 80 78 800000 0000fde800000001 20010db8`,
  );
  const options = fc.constantFrom<CodecOptions>(
    internal,
    external,
    { ...internal, as4: false },
    { ...internal, addPathReceive: ['vpnv4', 'vpnv6'] },
  );
  const survives = (octets: Uint8Array, how: CodecOptions): void => {
    try {
      decodeMessage(octets, how);
    } catch (error) {
      if (!(error instanceof BgpError) || error.notification === undefined) throw error;
    }
  };
  test('decode to a message or to a BgpError', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.uint8Array({ maxLength: 200 }),
        options,
        (type, body, how) => survives(message(type, hex(body)), how),
      ),
      { numRuns: 2000 },
    ));
  test('a good UPDATE with some octets changed does too', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 19, max: base.length - 1 }), fc.nat(255)), {
          minLength: 1,
          maxLength: 4,
        }),
        options,
        (changes, how) => {
          const octets = base.slice();
          for (const [at, value] of changes) octets[at] = value;
          survives(octets, how);
        },
      ),
      { numRuns: 5000 },
    ));
  test('a changed attribute leaves every NLRI announced or withdrawn', () => {
    const start = update(reach).length;
    fc.assert(
      fc.property(fc.integer({ min: start + 3, max: start + 30 }), fc.nat(255), (at, value) => {
        const octets = base.slice();
        octets[at] = value;
        let decoded: ReturnType<typeof decodeMessage>;
        try {
          decoded = decodeMessage(octets, internal);
        } catch {
          return;
        }
        if (decoded?.type !== 'update') throw new Error('no UPDATE');
        const told = decoded.announced ?? decoded.withdrawn.find(({ family }) => family === 'vpnv4');
        expect(told).toMatchObject({ routes: [{ rd: nlri.rd, prefix: nlri.prefix }] });
      }),
      { numRuns: 2000 },
    );
  });
});

test('decoding gives what was encoded, for any attributes and session', () => {
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  const as = fc.integer({ min: 1, max: 0xffffffff });
  const ip = fc.ipV4().map((text) => address(text));
  const some = <T>(value: fc.Arbitrary<T>) => fc.array(value, { maxLength: 5 });
  const attributes: fc.Arbitrary<PathAttributes> = fc.record({
    origin: fc.constantFrom('igp' as const, 'egp' as const, 'incomplete' as const),
    asPath: some(
      fc.record({
        kind: fc.constantFrom('sequence' as const, 'set' as const),
        numbers: fc.array(as, { minLength: 1, maxLength: 80 }),
      }),
    ),
    med: fc.option(u32, { nil: undefined }),
    localPreference: fc.option(u32, { nil: undefined }),
    atomicAggregate: fc.boolean(),
    aggregator: fc.option(fc.record({ as, identifier: ip }), { nil: undefined }),
    communities: some(u32),
    originatorId: fc.option(ip, { nil: undefined }),
    clusterList: some(ip),
    routeTargets: some(
      fc
        .tuple(fc.nat(0xffff), u32)
        .map(([left, right]) => `${left}:${right}` as PathAttributes['routeTargets'][number]),
    ),
    extendedCommunities: some(u32.map((value) => `030c0000${value.toString(16).padStart(8, '0')}`)),
    largeCommunities: some(fc.tuple(u32, u32, u32)),
    tunnels: some(
      fc.record({
        type: fc.nat(0xffff),
        endpoint: fc.option(ip, { nil: undefined }),
        subTlvs: some(
          fc.record({ type: fc.integer({ min: 7, max: 255 }), value: fc.uint8Array({ maxLength: 20 }) }),
        ),
      }),
    ),
    unknown: fc.uniqueArray(
      fc.record({
        flags: fc.constant(0xe0),
        code: fc.integer({ min: 200, max: 255 }),
        value: fc.uint8Array({ maxLength: 300 }),
      }),
      { maxLength: 2, selector: ({ code }) => code },
    ),
  });
  fc.assert(
    fc.property(attributes, fc.boolean(), fc.integer({ min: 0, max: 32 }), u32, (values, as4, length, id) => {
      const how: CodecOptions = {
        ...internal,
        as4,
        extendedMessage: true,
        addPathReceive: ['vpnv4'],
        addPathSend: ['vpnv4'],
      };
      const prefix = length === 0 ? '0.0.0.0/0' : `128.0.0.0/${length}`;
      const sent: UpdateMessage = {
        type: 'update',
        attributes: values,
        announced: {
          family: 'vpnv4',
          nexthop: address('192.0.2.1'),
          routes: [route('65000:1', prefix, 16 + (id & 0xffff), id)],
        },
        withdrawn: [],
        endOfRib: undefined,
        problems: [],
      };
      expect(decodeMessage(encodeMessage(sent, how), how)).toEqual(sent);
    }),
    { numRuns: 300 },
  );
});
