// Streams of VPN routes to try a parser on that learns from what it has read: elements that are like each other, nearly like each other,
// and broken.
import fc from 'fast-check';
import { STREAM_LIMITS, type StreamLimits } from '../../src/parser/limits.ts';
import { FOOTER, HEADER } from './streams.ts';

const ENTRY = 'urn:ietf:params:xml:ns:bgp:l3vpn:unicast';

const octet = fc.nat({ max: 255 });
/** As text, with the family that it should have. */
const address = fc.oneof(
  { weight: 16, arbitrary: fc.tuple(octet, octet).map(([a, b]) => ({ af: '1', text: `10.${a}.${b}.1` })) },
  { weight: 4, arbitrary: octet.map((a) => ({ af: '2', text: `2001:db8::${(a + 1).toString(16)}` })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('0.0.0.0', '10.0.0.01', '10.0.0.256', '::', '2001:DB8::1', 'x', 'é', '&#49;0.0.0.1')
      .map((text) => ({ af: '1', text })),
  },
);
const number = (...odd: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 24, arbitrary: fc.integer({ min: 16, max: 99_999 }).map(String) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...odd, '', ' 7', '07', '00000000007', '-1', '4294967295', '4294967296'),
    },
  );
const encapsulation = fc.oneof(
  { weight: 24, arbitrary: fc.constantFrom('gre', 'udp') },
  { weight: 1, arbitrary: fc.constantFrom('vxlan', 'GRE', 'x'.repeat(65)) },
);

const nexthop = fc
  .record({ address, label: number('3', '1048575', '1048576'), encapsulation })
  .map(
    ({ address: { af, text }, label, encapsulation: name }) =>
      `<next-hop><af>${af}</af><address>${text}</address><label>${label}</label><tunnel-encapsulation-list><tunnel-encapsulation>${name}</tunnel-encapsulation></tunnel-encapsulation-list></next-hop>`,
  );

/** How an item is written: most of a stream are the same in all of these. */
interface Form {
  readonly nexthops: 1 | 2;
  readonly numbers: boolean;
  readonly quote: '"' | "'";
  readonly entry: string;
  readonly more: string;
  readonly gap: string;
}

const form: fc.Arbitrary<Form> = fc.record({
  nexthops: fc.constantFrom(1, 1, 1, 2),
  numbers: fc.boolean(),
  quote: fc.constantFrom('"', "'"),
  entry: fc.constantFrom(
    `entry xmlns="${ENTRY}"`,
    `entry xmlns="${ENTRY}"`,
    'entry',
    `entry  xmlns='${ENTRY}'`,
    "entry xmlns='urn:x'",
  ),
  more: fc.constantFrom('', '', '', " k='v'", " xmlns='jabber:client'", " xmlns:p='u' p:k='v'", ' k=""'),
  gap: fc.constantFrom('', '', '', '', '', '\n ', '<x/>'),
});

const content = fc.record({
  id: fc.oneof(
    { weight: 24, arbitrary: fc.tuple(octet, octet).map(([a, b]) => `192.0.2.${a}:7:10.0.0.${b}/32`) },
    { weight: 1, arbitrary: fc.constantFrom('', 'a b', 'a\tb', '&lt;', 'é', 'xmlns=', '>', 'x'.repeat(40)) },
  ),
  prefix: address,
  length: fc.constantFrom(undefined, undefined, undefined, undefined, '/24', ''),
  nexthops: fc.tuple(nexthop, nexthop),
  sequence: number('0'),
  preference: number('100'),
});
type Content = typeof content extends fc.Arbitrary<infer T> ? T : never;

function item(as: Form, { id, prefix, length, nexthops, sequence, preference }: Content): string {
  const numbers = as.numbers
    ? `<sequence-number>${sequence}</sequence-number><local-preference>${preference}</local-preference>`
    : '';
  const { af, text } = prefix;
  const address = text + (length ?? (af === '1' ? '/32' : '/128'));
  const nlri = `<nlri><af>${af}</af><safi>1</safi><address>${address}</address></nlri>`;
  const hops = `<next-hops>${nexthops.slice(0, as.nexthops).join('')}</next-hops>`;
  return `<item id=${as.quote}${id}${as.quote}${as.more}><${as.entry}>${nlri}${hops}${numbers}</entry></item>${as.gap}`;
}

const around = fc.constantFrom(
  ['<m><event xmlns="http://jabber.org/protocol/pubsub#event"><items node="blue">', '</items></event></m>'],
  ['<m><event xmlns="http://jabber.org/protocol/pubsub#event"><items node="blue">', '</items></event></m>'],
  ['<m><event xmlns="urn:other"><items node="blue">', '</items></event></m>'],
  ['<m><items xmlns="http://jabber.org/protocol/pubsub">', '</items></m>'],
  ["<m><a xmlns:q='u'><b><items xmlns='http://jabber.org/protocol/pubsub'>", '</items></b></a></m>'],
);

const stanza = (forms: readonly Form[]): fc.Arbitrary<string> =>
  fc
    .tuple(around, fc.array(fc.tuple(fc.constantFrom(...forms), content), { minLength: 3, maxLength: 8 }))
    .map(([[before, behind], items]) => before + items.map(([as, what]) => item(as, what)).join('') + behind);

/** Right but for values, mostly. */
export const routes = fc
  .array(form, { minLength: 1, maxLength: 2 })
  .chain((forms) => fc.array(stanza(forms), { minLength: 1, maxLength: 4 }))
  .map((stanzas) => Buffer.from(HEADER + stanzas.join('') + FOOTER));

const damage = fc.record({
  at: fc.nat(),
  removed: fc.nat({ max: 3 }),
  inserted: fc.oneof(
    fc.constantFrom(
      '',
      '<',
      '>',
      '&',
      '"',
      "'",
      '/',
      'x',
      '1',
      ' ',
      '\r',
      '<!-- -->',
      '<![CDATA[1]]>',
      '&#49;',
    ),
    fc.uint8Array({ minLength: 1, maxLength: 2 }),
  ),
});

/** The same with up to two places damaged. */
export const damagedRoutes = fc
  .tuple(routes, fc.array(damage, { minLength: 1, maxLength: 2 }))
  .map(([bytes, damages]) => {
    let result: Buffer = bytes;
    for (const { at, removed, inserted } of damages) {
      const begin = at % (result.length + 1);
      result = Buffer.concat([
        result.subarray(0, begin),
        Buffer.from(inserted),
        result.subarray(begin + removed),
      ]);
    }
    return result;
  });

/** Of which nearly each is reached by some of the streams. */
export const narrowLimits: fc.Arbitrary<StreamLimits> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(STREAM_LIMITS) },
  {
    weight: 1,
    arbitrary: fc.record({
      maxStanzaBytes: fc.integer({ min: 100, max: 5000 }),
      maxDepth: fc.integer({ min: 7, max: 12 }),
      maxElements: fc.integer({ min: 5, max: 24 }),
      maxAttributes: fc.integer({ min: 1, max: 4 }),
      maxNameBytes: fc.integer({ min: 22, max: 30 }),
    }),
  },
);
