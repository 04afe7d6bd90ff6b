// Messages of all kinds as a peer may damage them, and what holds of each whatever was done to it. For the suites and for `make fuzz`.
import { parseRouteTarget } from '@hostpe/net';
import fc from 'fast-check';
import {
  BgpError,
  type CodecOptions,
  decodeMessage,
  encodeEndOfRib,
  encodeMessage,
  type Message,
  type PathAttributes,
  packUpdates,
  packWithdrawals,
} from '../src/index.ts';
import { address, external, internal, plain, route } from './codec-values.ts';

const rich: PathAttributes = {
  ...plain,
  asPath: [
    { kind: 'sequence', numbers: [65_001, 4_200_000_000] },
    { kind: 'set', numbers: [65_002, 65_003] },
  ],
  med: 7,
  localPreference: 200,
  atomicAggregate: true,
  aggregator: { as: 65_001, identifier: address('192.0.2.7') },
  communities: [0xffff_0006, 65_000 * 65_536 + 1],
  originatorId: address('192.0.2.8'),
  clusterList: [address('192.0.2.1'), address('192.0.2.2')],
  routeTargets: ['65000:1', '192.0.2.1:7', '4200000000:1'].map(parseRouteTarget),
  extendedCommunities: ['030c000000000002', '0600000000000005'],
  largeCommunities: [[1, 2, 3]],
  tunnels: [
    { type: 2, endpoint: address('192.0.2.9'), subTlvs: [{ type: 200, value: Uint8Array.of(1, 2) }] },
  ],
  unknown: [{ flags: 0xe0, code: 201, value: Uint8Array.of(1, 2, 3) }],
};
const v4 = [
  route('65000:1', '10.1.0.0/16', 1001),
  route('192.0.2.1:7', '10.2.0.1/32', 1002),
  route('4200000000:1', '0.0.0.0/0', 1003),
];
const v6 = [route('65000:1', '2001:db8::/64', 1001), route('65000:1', '2001:db8::1/128', 1002)];
const memberships = [0, 32, 48, 96].map((length) => ({
  originAs: length === 0 ? undefined : 65_000,
  target: Uint8Array.of(0, 2, 0xfd, 0xe8, 0, 0, 0, 1).map((octet, at) => (at * 8 < length - 32 ? octet : 0)),
  length,
}));
const nexthop = address('203.0.113.1');

/** Good ones, by what a session with RTC, add-path or neither may carry. */
const good: readonly (readonly [Uint8Array, CodecOptions])[] = [
  { ...internal, extendedNexthop: true },
  external,
  { ...internal, as4: false },
  { ...internal, addPathSend: ['vpnv4', 'vpnv6'] as const, addPathReceive: ['vpnv4', 'vpnv6'] as const },
].flatMap((options) => {
  const withIds = (routes: typeof v4) =>
    options.addPathSend.length > 0 ? routes.map((one, at) => ({ ...one, pathId: at + 1 })) : routes;
  const messages = [
    ...packUpdates(rich, { family: 'vpnv4', nexthop, routes: withIds(v4) }, options),
    ...packUpdates(rich, { family: 'vpnv6', nexthop, routes: withIds(v6) }, options),
    ...packUpdates(plain, { family: 'rtc', nexthop, memberships }, options),
    ...packWithdrawals({ family: 'vpnv4', routes: withIds(v4) }, options),
    ...packWithdrawals({ family: 'rtc', memberships }, options),
    encodeEndOfRib('vpnv6'),
    encodeMessage({ type: 'route-refresh', family: 'vpnv4', kind: 'begin' }, options),
    encodeMessage({ type: 'notification', code: 6, subcode: 2, data: Uint8Array.of(3, 97, 98, 99) }, options),
    encodeMessage(
      {
        type: 'open',
        as: 4_200_000_000,
        holdTime: 90,
        identifier: address('192.0.2.9'),
        capabilities: [
          { kind: 'multiprotocol', family: 'vpnv4' },
          { kind: 'as4', as: 4_200_000_000 },
          {
            kind: 'graceful-restart',
            restarting: true,
            notification: true,
            time: 120,
            families: [{ family: 'vpnv4', forwarding: true }],
          },
          { kind: 'add-path', families: [{ family: 'vpnv6', mode: 'both' }] },
          { kind: 'extended-nexthop', entries: [{ family: 'vpnv4', nexthop: 'ipv6' }] },
        ],
      },
      options,
    ),
  ];
  return messages.map((message) => [message, options] as const);
});

const header = 19;

type Damage =
  | { readonly kind: 'set' | 'add'; readonly at: number; readonly value: number }
  | { readonly kind: 'cut' | 'repeat' | 'remove'; readonly at: number; readonly count: number };

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constantFrom('set' as const, 'add' as const), at: fc.nat(), value: fc.nat(255) }),
  fc.record({
    kind: fc.constantFrom('cut' as const, 'repeat' as const, 'remove' as const),
    at: fc.nat(),
    count: fc.integer({ min: 1, max: 40 }),
  }),
);

export interface Damaged {
  readonly message: Uint8Array;
  readonly options: CodecOptions;
}

/** The length in the header is that of the message: what is wrong with that alone has tests of its own. */
export const damagedMessages: fc.Arbitrary<Damaged> = fc
  .tuple(fc.constantFrom(...good), fc.array(damage, { minLength: 1, maxLength: 4 }))
  .map(([[message, options], damages]) => ({ message: damages.reduce(damagedBy, message), options }));

function damagedBy(message: Uint8Array, one: Damage): Uint8Array {
  const body = message.length - header;
  if (body === 0) return message;
  const at = header + (one.at % body);
  if ('value' in one) {
    const changed = message.slice();
    changed[at] = one.kind === 'set' ? one.value : ((changed[at] ?? 0) + one.value) & 255;
    return changed;
  }
  const [before, behind] = [
    message.subarray(0, at),
    message.subarray(Math.min(message.length, at + one.count)),
  ];
  const middle = message.subarray(at, at + one.count);
  const parts = { cut: [before], repeat: [before, middle, middle, behind], remove: [before, behind] }[
    one.kind
  ];
  const made = Buffer.concat(parts).subarray(0, 4096);
  made.writeUInt16BE(made.length, 16);
  return Uint8Array.from(made);
}

/**
 * @throws Error where what comes of a message is neither a message nor the typed error with its NOTIFICATION; where an UPDATE that is not quite good announces
 * something; or where what was taken is another after it was said again.
 */
export function checkDecoding({ message, options }: Damaged): void {
  let decoded: Message | undefined;
  try {
    decoded = decodeMessage(message, options);
  } catch (error) {
    if (!(error instanceof BgpError) || error.notification === undefined) throw error;
    return;
  }
  if (decoded?.type !== 'update') return;
  const { announced, attributes, problems, withdrawn } = decoded;
  const isWithdrawn = problems.some(({ reaction }) => reaction === 'treat-as-withdraw');
  if (isWithdrawn && announced !== undefined)
    throw new Error(`announced in spite of ${problems.map(({ reason }) => reason).join('; ')}`);
  if (announced !== undefined && attributes === undefined) throw new Error('announced without attributes');
  for (const one of withdrawn)
    if ((one.family === 'rtc' ? one.memberships : one.routes).length === 0)
      throw new Error('an empty withdrawal');
  if (announced === undefined || attributes === undefined) return;
  const both = { ...options, addPathSend: options.addPathReceive };
  const again = [...packUpdates(attributes, announced, both)].map((one) => decodeMessage(one, both));
  const said = again.flatMap((one) => {
    if (one?.type !== 'update' || one.announced === undefined)
      throw new Error('said again it announces nothing');
    return itemsOf(one.announced);
  });
  if (JSON.stringify(said.sort()) !== JSON.stringify(itemsOf(announced).sort()))
    throw new Error(`said again it is another: ${said.join(' ')}`);
}

function itemsOf(announced: NonNullable<Extract<Message, { type: 'update' }>['announced']>): string[] {
  if (announced.family === 'rtc')
    return announced.memberships.map(
      ({ originAs, target, length }) => `${originAs}:${Buffer.from(target).toString('hex')}/${length}`,
    );
  return announced.routes.map(({ rd, prefix, label, pathId }) => `${rd} ${prefix} ${label} ${pathId}`);
}
