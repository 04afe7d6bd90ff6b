import { describe, expect, test } from 'vitest';
import { vpnsOf } from './values.ts';

describe('import and export by route target', () => {
  test('a VPN with its own target in both lists takes its own routes only', () => {
    const vpns = vpnsOf({ red: [['64512:1'], ['64512:1']], blue: [['64512:2'], ['64512:2']] });
    expect(vpns.importers('red')).toEqual(['red']);
    expect(vpns.sources('blue')).toEqual(['blue']);
  });

  test('hub and spoke: spokes reach the hub, not each other, and not themselves', () => {
    const vpns = vpnsOf({
      spoke: [['64512:10'], ['64512:11']],
      hub: [['64512:11'], ['64512:10']],
    });
    expect(vpns.importers('spoke')).toEqual(['hub']);
    expect(vpns.importers('hub')).toEqual(['spoke']);
    expect(vpns.sources('spoke')).toEqual(['hub']);
  });

  test('extranet: several shared targets make one import', () => {
    const vpns = vpnsOf({
      red: [
        ['64512:1', '64512:9', '192.0.2.1:7'],
        ['64512:1', '64512:9', '192.0.2.1:7'],
      ],
      shared: [['64512:9', '192.0.2.1:7'], ['64512:9']],
    });
    expect(vpns.importers('red')).toEqual(['red', 'shared']);
    expect(vpns.sources('red')).toEqual(['red', 'shared']);
  });

  test('a VPN without targets and one that is not configured have no part in anything', () => {
    const vpns = vpnsOf({ lone: [[], []] });
    expect(vpns.importers('lone')).toEqual([]);
    expect(vpns.sources('lone')).toEqual([]);
    expect(vpns.importers('missing')).toEqual([]);
    expect(vpns.policy('missing')).toBeUndefined();
  });
});
