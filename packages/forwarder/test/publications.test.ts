import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import type { Attachment } from '../src/attachments.ts';
import { publishedRoutes } from '../src/publications.ts';

const pe = parseIpAddress('10.255.0.1');

function ready(name: string, label: number, prefixes: readonly string[], some: Partial<Attachment> = {}) {
  const attachment: Attachment = {
    interface: name,
    vpn: 'red',
    addresses: prefixes.map(parseIpPrefix),
    ...some,
  };
  return { attachment, label: parseLabel(label) };
}

function labels(...attachments: readonly ReturnType<typeof ready>[]) {
  const routes = publishedRoutes(pe, 7, ['gre'], attachments);
  return Object.fromEntries([...routes.values()].map(({ prefix, nexthops }) => [prefix, nexthops[0]?.label]));
}

describe('publications', () => {
  test('are one item per prefix, with what the attachment says of itself', () => {
    const routes = publishedRoutes(
      pe,
      7,
      ['udp', 'gre'],
      [
        ready('v-red1', 1000, ['10.1.0.1/32', '2001:db8::1/128'], {
          sequenceNumber: 3,
          localPreference: 200,
        }),
      ],
    );
    expect([...routes.keys()]).toEqual(['10.255.0.1:7:10.1.0.1/32', '10.255.0.1:7:2001:db8::1/128']);
    expect(routes.get('10.255.0.1:7:10.1.0.1/32')).toEqual({
      id: '10.255.0.1:7:10.1.0.1/32',
      prefix: '10.1.0.1/32',
      nexthops: [{ address: '10.255.0.1', label: 1000, encapsulations: ['udp', 'gre'] }],
      sequenceNumber: 3,
      localPreference: 200,
    });
  });

  test('leave out what the attachment does not say', () => {
    const [route] = publishedRoutes(pe, 7, ['gre'], [ready('v-red1', 1000, ['10.1.0.1/32'])]).values();
    expect(Object.keys(route ?? {})).toEqual(['id', 'prefix', 'nexthops']);
  });

  test('of two attachments with one prefix are those of the preferred one', () => {
    const address = ['10.1.0.1/32'];
    const plain = ready('v-b', 1000, address);
    expect(labels(plain, ready('v-a', 1001, address))).toEqual({ '10.1.0.1/32': 1001 });
    expect(labels(ready('v-a', 1001, address), plain)).toEqual({ '10.1.0.1/32': 1001 });
    const newer = ready('v-c', 1002, address, { sequenceNumber: 1 });
    expect(labels(ready('v-a', 1001, address), newer)).toEqual({ '10.1.0.1/32': 1002 });
    expect(labels(newer, ready('v-d', 1003, address, { localPreference: 101 }))).toEqual({
      '10.1.0.1/32': 1003,
    });
    expect(labels(plain, ready('v-d', 1003, address, { localPreference: 99 }))).toEqual({
      '10.1.0.1/32': 1000,
    });
  });
});
