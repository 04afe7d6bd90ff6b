// Links, addresses, neighbours and rules beside an independent codec; what it cannot do is in other-codec.ts.
import { addressFamily, prefixAddress, prefixLength } from '@hostpe/net';
import fc from 'fast-check';
import { rt } from 'netlink';
import { describe, expect, test } from 'vitest';
import type { Address, Link, Neighbour, Rule } from '../src/objects.ts';
import * as arbitrary from './arbitraries.ts';
import { familyNumber, ip, linkLayer, named, number32, ours, some, weRead, written } from './other-codec.ts';

describe('an address', () => {
  const known = arbitrary.address.map(({ unknown: _, ...address }) => address);

  function message(address: Address): rt.AddressMessage {
    return {
      kind: 'address',
      data: {
        family: familyNumber[addressFamily(address.address)],
        prefixlen: address.prefixLength,
        flags: address.noDad === true ? { nodad: true } : {},
        scope: 0,
        index: address.index,
      },
      attrs: some<rt.AddressAttrs>({
        local: ip(address.address),
        address: ip(address.peer ?? address.address),
      }),
    };
  }

  test('is the same to both', () => {
    fc.assert(
      fc.property(known, (address) => {
        const { type, payload } = ours(address);
        expect(rt.parseMessage(type, payload)).toEqual(message(address));
        expect(
          weRead(
            type,
            written((out) => rt.formatAddressMessage(message(address), out)),
          ),
        ).toEqual(address);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a neighbour', () => {
  const known = arbitrary.neighbour.map(({ unknown: _, ...neighbour }) => neighbour);

  function message(neighbour: Neighbour): rt.NeighborMessage {
    const { state, protocol } = neighbour;
    return {
      kind: 'neighbor',
      data: {
        family: familyNumber[addressFamily(neighbour.address)],
        __pad1: 0,
        __pad2: 0,
        ifindex: neighbour.index,
        state: state === 'none' ? {} : { [state]: true },
        flags: some<rt.NeighborFlags>({
          router: neighbour.router || undefined,
          extLearned: neighbour.externallyLearned || undefined,
        }),
        type: 0,
      },
      attrs: some<rt.NeighborAttrs>({
        dst: ip(neighbour.address),
        lladdr: linkLayer(neighbour.linkLayerAddress),
        protocol: protocol === undefined ? undefined : Buffer.of(protocol),
      }),
    };
  }

  test('is the same to both', () => {
    fc.assert(
      fc.property(known, (neighbour) => {
        const { type, payload } = ours(neighbour);
        expect(rt.parseMessage(type, payload)).toEqual(message(neighbour));
        expect(
          weRead(
            type,
            written((out) => rt.formatNeighborMessage(message(neighbour), out)),
          ),
        ).toEqual(neighbour);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a rule', () => {
  const known = arbitrary.rule.map(({ unknown: _, ...rule }) => rule);
  const actionNumber = { goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;

  function message(rule: Rule): rt.RuleMessage {
    const { source, destination, suppressPrefixLength: suppress } = rule;
    return {
      kind: 'rule',
      data: {
        family: familyNumber[rule.family],
        dstLen: destination === undefined ? 0 : prefixLength(destination),
        srcLen: source === undefined ? 0 : prefixLength(source),
        tos: 0,
        table: 0,
        __reserved1: 0,
        __reserved2: 0,
        action: named(rt.RuleAction, rule.action === undefined ? 1 : actionNumber[rule.action]),
        flags: {},
      },
      attrs: some<rt.RuleAttrs>({
        priority: rule.priority,
        src: source && ip(prefixAddress(source)),
        dst: destination && ip(prefixAddress(destination)),
        iifname: rule.inputDevice,
        oifname: rule.outputDevice,
        fwmark: rule.mark?.value,
        fwmask: rule.mark?.mask,
        ipProto: rule.ipProtocol,
        suppressPrefixlen: suppress === undefined ? undefined : number32(suppress),
        l3Mdev: rule.l3mdev === true ? 1 : undefined,
        table: rule.table === 0 ? undefined : rule.table,
        goto: rule.target,
        // Rules of the kernel's are those that other programs leave alone.
        protocol: 2,
      }),
    };
  }

  test('is the same to both', () => {
    fc.assert(
      fc.property(known, (rule) => {
        const { type, payload } = ours(rule);
        expect(rt.parseMessage(type, payload)).toEqual(message(rule));
        expect(
          weRead(
            type,
            written((out) => rt.formatRuleMessage(message(rule), out)),
          ),
        ).toEqual(rule);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a link without its kind', () => {
  // An empty text, which takes one away, has no zero at its end, and the other codec demands one.
  const known = arbitrary.link
    .map(({ unknown: _, info: __, ...link }) => link)
    .filter(({ alias }) => alias !== '');

  function message(link: Link): rt.LinkMessage {
    return {
      kind: 'link',
      data: {
        family: 0,
        __pad: 0,
        type: named(rt.LinkType, 0),
        index: link.index ?? 0,
        flags: link.up === true ? { up: true } : {},
        change: link.up === undefined ? {} : { up: true },
      },
      attrs: some<rt.LinkMessage['attrs']>({
        ifname: link.name,
        mtu: link.mtu,
        link: link.link === undefined ? undefined : number32(link.link),
        master: link.master,
        address: linkLayer(link.address),
        ifalias: link.alias,
      }),
    };
  }

  test('is the same to both', () => {
    fc.assert(
      fc.property(known, (link) => {
        const { type, payload } = ours(link);
        expect(rt.parseMessage(type, payload)).toEqual(message(link));
        expect(
          weRead(
            type,
            written((out) => rt.formatLinkMessage(message(link), out)),
          ),
        ).toEqual({
          ...link,
          carrier: false,
        });
      }),
      { numRuns: 200 },
    );
  });
});
