import { describe, expect, test } from 'vitest';
import { LabError, type Topology } from '../src/index.ts';
import { validateMachine, validateTopology } from '../src/topology/description.ts';

const valid: Topology = {
  name: 'a1',
  hosts: {
    h1: { loopback: ['10.255.0.1/32'], routes: [{ to: 'default', via: '10.0.1.1' }] },
    spine: { forwarding: true },
  },
  links: [
    {
      ends: [
        { host: 'h1', interface: 'ul', addresses: ['10.0.1.2/24', 'fd00::2/64'] },
        { host: 'spine', interface: 'h1' },
      ],
      mtu: 1600,
    },
  ],
  machines: { r1: { host: 'h1', interface: 'tap-r1', addresses: ['10.1.0.1/32'], mac: '02:00:00:00:00:01' } },
};
const link = (a: string, b: string) => ({
  ends: [
    { host: a.split(':')[0] ?? '', interface: a.split(':')[1] ?? '' },
    { host: b.split(':')[0] ?? '', interface: b.split(':')[1] ?? '' },
  ] as const,
});

function faultOf(topology: Topology): string {
  try {
    validateTopology(topology);
    return 'valid';
  } catch (error) {
    expect(error).toBeInstanceOf(LabError);
    return error instanceof LabError && error.code === 'description' ? error.message : String(error);
  }
}

describe('a description', () => {
  test('that is right passes', () => expect(faultOf(valid)).toBe('valid'));

  test.each<[string, Topology]>([
    ["the name 'a-1'", { ...valid, name: 'a-1' }],
    ["host 'H1'", { ...valid, hosts: { ...valid.hosts, H1: {} } }],
    ["there is no host 'h9'", { ...valid, links: [link('h9:x', 'spine:y')] }],
    [
      "'sixteen-letters-' is not an interface name",
      { ...valid, links: [link('h1:sixteen-letters-', 'spine:y')] },
    ],
    ['spine has an interface h1 already', { ...valid, links: [...valid.links, link('h1:ul2', 'spine:h1')] }],
    [
      "'10.0.0.1' is not of the form",
      { ...valid, hosts: { ...valid.hosts, h1: { loopback: ['10.0.0.1'] } } },
    ],
    [
      "'10.0.0.1/33' is not of the form",
      { ...valid, hosts: { ...valid.hosts, h1: { loopback: ['10.0.0.1/33'] } } },
    ],
    [
      "'there' is not an address",
      { ...valid, hosts: { ...valid.hosts, h1: { routes: [{ to: 'default', via: 'there' }] } } },
    ],
    ['the MTU 67', { ...valid, links: [{ ...link('h1:ul', 'spine:h1'), mtu: 67 }] }],
    [
      'a host has that name',
      { ...valid, machines: { h1: { host: 'spine', interface: 'x', addresses: [] } } },
    ],
    [
      'unicast MAC',
      { ...valid, machines: { r1: { host: 'h1', interface: 'x', addresses: [], mac: '01:00:00:00:00:01' } } },
    ],
  ])('is refused: %s', (fault, topology) => expect(faultOf(topology)).toContain(fault));

  test('tells every fault at once', () => {
    const fault = faultOf({ ...valid, name: 'A', links: [link('h9:x', 'h8:y')] });
    for (const part of ["name 'A'", "'h9'", "'h8'"]) expect(fault).toContain(part);
  });

  test('of a later machine is checked against what is there', () => {
    const spec = { host: 'h1', interface: 'tap-r1', addresses: [] };
    expect(() => validateMachine('r2', spec, new Map([['h1', new Set(['tap-r1'])]]))).toThrow('already');
  });
});
