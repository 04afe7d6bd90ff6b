// What a 6.1 kernel answered to iproute2's dumps, byte for byte as seen by strace: whole datagrams with all that a kernel adds to what was
// asked for (statistics, cache times, defaults, a nexthop spelled out where its id would do).
import { describe, expect, test } from 'vitest';
import { decodeFamilyId, decodeFou } from '../src/codec/fou.ts';
import { decodeVerdict, forEachMessage, type Message } from '../src/codec/message.ts';
import { decodeObject, decodePayload } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { MessageWriter } from '../src/codec/writer.ts';

const protocol = 200;
const table = 1001;
const local = { object: 'route', family: 'ipv6', table, protocol: 2, metric: 0, device: 10, type: 'local' };

function messages(hex: string): Message[] {
  const all: Message[] = [];
  forEachMessage(Buffer.from(hex, 'hex'), (message) => all.push(message));
  return all;
}

describe('a dump of', () => {
  test.each([
    [
      'addresses',
      '4c000000140022001022036bad000000022080000a00000008000100a9fe010108000200a9fe01010700030076300000080008008000000014000600ffffffffffffffffe3020000e302000048000000140022001022036bad0000000a4082fd0a00000014000100fe80000000000000000000000000000114000600ffffffffffffffffe3020000e3020000080008008200000050000000140022001022036bad0000000a4080fd0a00000014000100fe80000000000000d8c41bfffefc9f4614000600ffffffffffffffffe1020000e1020000080008008000000005000b0003000000',
      [
        { object: 'address', index: 10, address: '169.254.1.1', prefixLength: 32 },
        { object: 'address', index: 10, address: 'fe80::1', prefixLength: 64, noDad: true },
        { object: 'address', index: 10, address: 'fe80::d8c4:1bff:fefc:9f46', prefixLength: 64 },
      ],
    ],
    [
      'neighbours of a GRE device',
      '540000001c0022001122036bb30000000a0000000c0000008000000114000100fe8000000000000000005efe0aff0002080002000aff0002080004000000000014000300ef020000ef020000ef02000000000000540000001c0022001122036bb30000000a0000000c0000004000000514000100ff0200000000000000000000000000020800020000000000080004000000000014000300611a0000f1020000f102000000000000',
      [
        {
          object: 'neighbour',
          index: 12,
          address: 'fe80::5efe:aff:2',
          linkLayerAddress: '10.255.0.2',
          state: 'permanent',
        },
        // Made by the kernel, for its router solicitations.
        { object: 'neighbour', index: 12, address: 'ff02::2', linkLayerAddress: '0.0.0.0', state: 'noarp' },
      ],
    ],
    [
      'nexthops',
      '50000000680002001122036bbf0000000afdc800040000000800010001000069080005000c00000014000600fe8000000000000000005efe0aff00020c00080008000100003ea100060007000100000054000000680002001122036bbf0000000afdc800040000000800010002000069080005000c00000014000600fe8000000000000000005efe0aff0002100008000c000100003ed000003ee10006000700010000003c000000680002001122036bbf0000000000c8000000000008000100030000690600030000000000140002000100006900000000020000690200000014000000030002001122036bbf00000000000000',
      [
        {
          object: 'nexthop',
          id: 1761607681,
          family: 'ipv6',
          protocol,
          device: 12,
          gateway: 'fe80::5efe:aff:2',
          onlink: true,
          encapLabels: [1002],
        },
        {
          object: 'nexthop',
          id: 1761607682,
          family: 'ipv6',
          protocol,
          device: 12,
          gateway: 'fe80::5efe:aff:2',
          onlink: true,
          encapLabels: [1005, 1006],
        },
        {
          object: 'nexthop',
          id: 1761607683,
          protocol,
          group: [
            { id: 1761607681, weight: 1 },
            { id: 1761607682, weight: 3 },
          ],
        },
      ],
    ],
    [
      'IPv4 routes',
      '2c000000180022001222036bc500000002000000fcc800070000000008000f00e903000008000600002000ff68000000180022001222036bc500000002200000fcc800010400000008000f00e9030000080001000a01000208001e0001000069160012000a00fe8000000000000000005efe0aff00020000080004000c0000000c00160008000100003ea1000600150001000000a4000000180022001222036bc500000002200000fcc800010000000008000f00e9030000080001000a01000308001e000300006970000900340004000c000000160012000a00fe8000000000000000005efe0aff000200000c00160008000100003ea1000600150001000000380004020c000000160012000a00fe8000000000000000005efe0aff00020000100016000c000100003ed000003ee10006001500010000003c000000180022001222036bc500000002200000fc02fe020000000008000f00e903000008000100a9fe010108000700a9fe0101080004000a000000',
      [
        {
          object: 'route',
          family: 'ipv4',
          table,
          prefix: '0.0.0.0/0',
          type: 'unreachable',
          metric: 4278198272,
          protocol,
        },
        { object: 'route', family: 'ipv4', table, prefix: '10.1.0.2/32', protocol, nexthopId: 1761607681 },
        { object: 'route', family: 'ipv4', table, prefix: '10.1.0.3/32', protocol, nexthopId: 1761607683 },
        {
          object: 'route',
          family: 'ipv4',
          table,
          prefix: '169.254.1.1/32',
          type: 'local',
          protocol: 2,
          device: 10,
        },
      ],
    ],
    [
      'IPv6 routes',
      'a4000000180022001322036bcb0000000a800000fcc800010400000008000f00e90300001400010020010db8000000000000000000000002080006000004000008001e000100006914000500fe8000000000000000005efe0aff0002080004000c0000000c00160008000100003ea100060015000100000024000c000000000000000000000000000000000000000000000000000000000000000000050014000000000074000000180022001322036bcb0000000a800000fc0200020000000008000f00e903000014000100fe8000000000000000000000000000010800060000000000080004000a00000024000c000000000000000000000000000000000000000000000000000000000000000000050014000000000074000000180022001322036bcb0000000a800000fc0200020000000008000f00e903000014000100fe80000000000000d8c41bfffefc9f460800060000000000080004000a00000024000c000000000000000000000000000000000000000000000000000000000000000000050014000000000074000000180022001322036bcb0000000a400000fc0200010000000008000f00e903000014000100fe8000000000000000000000000000000800060000010000080004000a00000024000c000000000000000000000000000000000000000000000000000000000000000000050014000000000074000000180022001322036bcb0000000a080000fc0200050000000008000f00e903000014000100ff0000000000000000000000000000000800060000010000080004000a00000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000',
      [
        {
          object: 'route',
          family: 'ipv6',
          table,
          prefix: '2001:db8::2/128',
          metric: 1024,
          protocol,
          nexthopId: 1761607681,
        },
        { ...local, prefix: 'fe80::1/128' },
        { ...local, prefix: 'fe80::d8c4:1bff:fefc:9f46/128' },
        { object: 'route', family: 'ipv6', table, prefix: 'fe80::/64', metric: 256, protocol: 2, device: 10 },
        { ...local, prefix: 'ff00::/8', metric: 256, type: 'other' },
      ],
    ],
    [
      'label routes',
      '38000000180022001422036bd10000001c140000fec800010000000008000100003ea1000a00120002000a0100090000080004000a0000002c000000180022001422036bd10000001c140000fec800010000000008000100003eb100080004000b00000044000000180022001422036bd10000001c140000fec800010000000008000100003ec1000c00130000258000002591000a00120002000a0100090000080004000a000000',
      [
        { object: 'route', family: 'mpls', label: 1002, protocol, device: 10, via: '10.1.0.9' },
        { object: 'route', family: 'mpls', label: 1003, protocol, device: 11 },
        {
          object: 'route',
          family: 'mpls',
          label: 1004,
          protocol,
          device: 10,
          via: '10.1.0.9',
          newLabels: [600, 601],
        },
      ],
    ],
    [
      'rules',
      '34000000200002001422036bd700000002000000ff0000010000000008000f00ff00000008000e00ffffffff050015000200000044000000200002001422036bd700000002000000000000010000000008000f000000000008000e00ffffffff050015000200000008000600e803000005001300010000003c000000200002001422036bd700000002000000fe0000010000000008000f00fe00000008000e00ffffffff050015000200000008000600fe7f00003c000000200002001422036bd700000002000000fd0000010000000008000f00fd00000008000e00ffffffff050015000200000008000600ff7f0000',
      [
        { object: 'rule', family: 'ipv4', priority: 0, table: 255 },
        { object: 'rule', family: 'ipv4', priority: 1000, table: 0, l3mdev: true },
        { object: 'rule', family: 'ipv4', priority: 32766, table: 254 },
        { object: 'rule', family: 'ipv4', priority: 32767, table: 253 },
      ],
    ],
    [
      'filters, of which one has another action',
      '380000002c0002001822036bed000000000000000800000000000000f3ffffff88470a000b000100666c6f776572000008000b0000000000d80100002c0002001822036bed000000000000000800000008000000f3ffffff88470a000b000100666c6f776572000008000b0000000000a00102000a00040002000aff000300000a000500ffffffffffff00000600080088470000080016000800000008005600000000006c010300c40001000f00010074756e6e656c5f6b65790000440004001400010000000000000000000000000000000000140007000000000000000000000000000000000018000300000000000000000000000000000000000000000008000a0000000000640002001c0002000100000000000000030000000100000001000000010000000800070000000000080003000aff0001080004000aff000305000a0000000000240001009200000000000000920000000000000000000000000000000000000000000000a40002000b0001006d69727265640000440004001400010000000000000000000000000000000000140007000000000000000000000000000000000018000300000000000000000000000000000000000000000008000a000000000048000200200002000100000000000000040000000100000001000000010000000d000000240001009200000000000000920000000000000000000000000000000000000000000000380000002c0002001822036bed000000000000000800000000000000f3ffffff08000b000b000100666c6f776572000008000b00000000000c0100002c0002001822036bed000000000000000800000009000000f3ffffff08000b000b000100666c6f776572000008000b0000000000d40002000a00040002000aff000300000a000500ffffffffffff0000060008000800000008001600080000000800560000000000a00003009c000100090001006761637400000000440004001400010000000000000000000000000000000000140007000000000000000000000000000000000018000300000000000000000000000000000000000000000008000a000000000040000200180002000100000000000000020000000100000001000000240001007c000000000000007c0000000000000000000000000000000000000000000000',
      [
        {
          object: 'filter',
          index: 8,
          hook: 'egress',
          priority: 10,
          protocol: 0x8847,
          handle: 8,
          match: {
            kind: 'flower',
            destinationMac: '02:00:0a:ff:00:03',
            tunnel: { source: '10.255.0.1', destination: '10.255.0.3', csum: true },
            redirect: 13,
          },
        },
        {
          object: 'filter',
          index: 8,
          hook: 'egress',
          priority: 11,
          protocol: 0x0800,
          handle: 9,
          match: { kind: 'other', name: 'flower' },
        },
      ],
    ],
  ])('%s', (_what, hex, objects) => {
    const decoded = messages(hex).map((message) => decodeObject(message)?.object);
    expect(decoded.filter((object) => object !== undefined)).toEqual(objects);
  });
});

describe('foo-over-UDP', () => {
  const family =
    '7c000000100000000b22036b8f0000000102000008000200666f7500060001002000000008000300010000000800040000000000080005000b00000040000600140001000800010001000000080002000b000000140002000800010002000000080002000b000000140003000800010003000000080002000e000000';
  const ports =
    '5400000020000200000000008f0000000301000005000200020000000600010019eb000006000a00000000000500030089000000050004000100000008000b000000000008000600000000000800080000000000';
  /** `ip fou add port 6635 ipproto 137` */
  const added =
    '34000000200005000b22036b00000000010100000600010019eb0000050004000100000005000200020000000500030089000000';

  test('has a number among the families', () => {
    expect(messages(family).map(({ payload }) => decodeFamilyId(payload))).toEqual([0x20]);
  });

  test('has ports', () => {
    expect(messages(ports).map(({ payload }) => decodePayload(payload, decodeFou))).toEqual([
      { object: 'fou', family: 'ipv4', port: 6635, protocol: 137 },
    ]);
  });

  test('gets a port by the message that iproute2 sends', () => {
    const [theirs] = messages(added);
    const writer = new MessageWriter();
    encodeRequest(
      writer,
      { op: 'add', object: { object: 'fou', family: 'ipv4', port: 6635, protocol: 137 } },
      1,
      0x20,
    );
    const [ours] = messages(Buffer.from(writer.take()).toString('hex'));
    const attributes = (message: Message | undefined): string[] => {
      const all: string[] = [];
      message?.payload.attributes(4, (type, value) =>
        all.push(`${type} ${Buffer.from(value.bytes()).toString('hex')}`),
      );
      return all.sort();
    };
    expect(ours?.type).toBe(theirs?.type);
    expect(ours?.payload.bytes(0, 4)).toEqual(theirs?.payload.bytes(0, 4));
    expect(attributes(ours)).toEqual(attributes(theirs));
  });
});

describe('a refusal', () => {
  /** `ip route add 10.7.0.0/16 nhid 99`, with the request repeated. */
  const whole =
    '60000000020000021522036bdd000000eaffffff2c000000180005061522036b0000000002100000fe03000100000000080001000a07000008001e00630000001e0001004e657874686f7020696420646f6573206e6f74206578697374000000';
  const words = { errno: 22, text: 'Nexthop id does not exist' };

  test('says why, behind the request', () => {
    expect(messages(whole).map(decodeVerdict)).toEqual([words]);
  });

  test('says why, without the request (NETLINK_CAP_ACK)', () => {
    const bytes = Buffer.from(whole, 'hex');
    const repeated = 0x2c - 16;
    const capped = Buffer.concat([bytes.subarray(0, 36), bytes.subarray(36 + repeated)]);
    capped.writeUInt32LE(capped.length, 0);
    capped.writeUInt16LE(0x300, 6);
    expect(messages(capped.toString('hex')).map(decodeVerdict)).toEqual([words]);
  });

  test('may end a dump', () => {
    const done = Buffer.from(whole, 'hex');
    const attributes = done.subarray(20 + 0x2c);
    const message = Buffer.concat([done.subarray(0, 20), attributes]);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(3, 4);
    expect(messages(message.toString('hex')).map(decodeVerdict)).toEqual([words]);
  });
});
