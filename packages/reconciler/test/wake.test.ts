// What wakes the reconciler, and how often it tries again.
import { parseIpPrefix } from '@hostpe/net';
import { RtnetlinkError } from '@hostpe/rtnetlink';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { desired, gre, redAndBlue, Scene } from './scene.ts';

const foreign = parseIpPrefix('192.0.2.0/24');

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

describe('when nothing asks for it', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  test('a glance finds lost neighbours within 10 s, and a scan what else has no notification', async () => {
    await scene.apply(redAndBlue());
    scene.deleteAll('neighbour');
    scene.nft.flushUnnoticed();
    await vi.advanceTimersByTimeAsync(9_000);
    expect(scene.permanentNeighbours()).toHaveLength(0);
    await scene.report(() => void vi.advanceTimersByTime(1_000));
    expect(scene.permanentNeighbours()).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(49_000);
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual([]);
    await scene.report(() => void vi.advanceTimersByTime(2_000));
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
  });

  test('routes that change all the time put off neither glance nor scan', async () => {
    const state = redAndBlue();
    await scene.apply(state);
    scene.deleteAll('neighbour');
    scene.nft.flushUnnoticed();
    for (let second = 1; second <= 61; second++) {
      state.vpns[0]?.routes.set(foreign, second % 2 === 0 ? [] : [gre('10.255.0.2', 1007)]);
      scene.reconciler.routesChanged();
      await vi.advanceTimersByTimeAsync(1_000);
      if (second === 11) expect(scene.permanentNeighbours()).toHaveLength(2);
    }
    await scene.settled();
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
  });

  test('what failed is tried again, ever more seldom, and said once', async () => {
    const end = scene.kernel.failEach(({ object }) => object.object === 'neighbour', 'ENOBUFS');
    await scene.apply(redAndBlue());
    for (const delay of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      scene.takeLog();
      vi.advanceTimersByTime(delay - 1);
      expect(scene.kernel.log).toEqual([]);
      await scene.report(() => void vi.advanceTimersByTime(1));
      expect(scene.takeLog().filter((line) => line.startsWith('neighbour'))).toHaveLength(2);
    }
    expect(scene.said.filter((line) => line.includes('tried again'))).toHaveLength(2);
    end();
    const report = await scene.report(() => void vi.advanceTimersByTime(30_000));
    expect(report.pending).toBe(0);
    expect(scene.said.filter((line) => line.includes('no longer fails'))).toHaveLength(2);
  });

  test('lost notifications make it look', async () => {
    await scene.apply(redAndBlue());
    scene.deleteAll('route');
    await scene.report(() => scene.kernel.overrun());
    expect(scene.routes(16002)).toHaveProperty('10.1.0.2/32');
  });

  test('a firewall that is reloaded has its guard back in the next pass', async () => {
    await scene.apply(redAndBlue());
    await scene.report(() => scene.nft.flush());
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
    expect(scene.nft.elements('arp hostpe', 'sources')).toEqual(['v-blue1 . 10.1.0.1', 'v-red1 . 10.1.0.1']);
  });

  test('a guard that is deleted while a pass runs is back after it', async () => {
    await scene.apply(redAndBlue());
    const { list } = scene.nft;
    scene.nft.list = async (table) => {
      const listing = await list.call(scene.nft, table);
      if (table !== 'arp hostpe') return listing;
      // Read, and gone before the pass has done anything with it.
      scene.nft.list = list;
      scene.nft.flush();
      return listing;
    };
    await scene.report(() => scene.nft.blind('a reason to look'));
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
  });

  test('the end of the monitor makes it look, and is said', async () => {
    await scene.apply(redAndBlue());
    scene.nft.flushUnnoticed();
    await scene.report(() => scene.nft.blind('nft monitor ended: exit code 1'));
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
    expect(scene.said).toContainEqual(expect.stringContaining('nft monitor ended: exit code 1'));
  });

  test('a desired state that comes in just as a pass ends is not missed', async () => {
    for (let turns = 0; turns < 8; turns++) {
      await scene.apply(desired());
      const stop = scene.reconciler.onReport(() => {
        stop();
        void (async () => {
          for (let turn = 0; turn < turns; turn++) await Promise.resolve();
          scene.reconciler.setDesired(redAndBlue());
        })();
      });
      // Nothing changes, so no notification of our own asks for another pass.
      await scene.apply(desired());
      expect(scene.routes(16002), `after ${turns} turns`).toHaveProperty('10.1.0.2/32');
    }
  });

  test('a report is of the desired state that its attachments were brought to, also when the door breaks', async () => {
    const before = redAndBlue();
    expect((await scene.apply(before)).desired).toBe(before);
    const { dump } = scene.kernel;
    scene.kernel.dump = async () => {
      throw new RtnetlinkError('socket', 'the socket broke');
    };
    const broken = await scene.apply(desired());
    expect(broken.failures).toEqual([{ object: 'kernel', reason: 'the socket broke' }]);
    expect(broken.desired).toBe(before);
    expect([...broken.attachments.keys()]).toEqual(['v-red1', 'v-blue1']);
    scene.kernel.dump = dump;
    const after = desired();
    expect((await scene.apply(after)).desired).toBe(after);
  });

  test('a rule of another program, with a selector, is neither taken for ours nor deleted', async () => {
    const rule = { object: 'rule', family: 'ipv4', table: 255, source: foreign } as const;
    const first = { ...rule, priority: 0 };
    const behind = { ...rule, priority: 32765 };
    scene.kernel.apply({ op: 'add', object: first }, { op: 'add', object: behind });
    await scene.apply(redAndBlue());
    const rules = scene.kernel.objects({ object: 'rule', family: 'ipv4' });
    expect(rules).toContainEqual(first);
    expect(rules).toContainEqual({ object: 'rule', family: 'ipv4', priority: 32765, table: 255 });
  });

  test('a rule that somebody took makes it look', async () => {
    await scene.apply(redAndBlue());
    const rule = { object: 'rule', family: 'ipv4', priority: 32765, table: 255 } as const;
    await scene.report(() => scene.kernel.apply({ op: 'delete', object: rule }));
    expect(scene.kernel.objects({ object: 'rule', family: 'ipv4' })).toContainEqual(rule);
  });

  test('interfaces of others do not make it look', async () => {
    await scene.apply(redAndBlue());
    scene.plugIn('other');
    await expect(scene.report(() => scene.kernel.setCarrier('other', false))).rejects.toThrow(
      'no pass was run',
    );
  });
});
