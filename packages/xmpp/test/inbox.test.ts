import { Element } from 'ltx';
import { expect, test } from 'vitest';
import { Inbox } from '../src/client/inbox.ts';

/** An inbox whose consumer settles when the test says so. */
function inbox(settles: boolean) {
  const events: string[] = [];
  const settlements: (() => void)[] = [];
  const box = new Inbox({
    deliver: (stanza) => {
      events.push(stanza.name);
      if (settles) return undefined;
      return new Promise((resolve) => settlements.push(resolve));
    },
    pause: () => events.push('pause'),
    resume: () => events.push('resume'),
  });
  const settle = async (): Promise<void> => {
    settlements.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
  };
  const take = (from: number, to: number): void => {
    for (let n = from; n <= to; n++) box.take(new Element(`m${n}`));
  };
  return { box, events, settle, take };
}

test('a consumer that is at once ready gets all at once', () => {
  const { box, events, take } = inbox(true);
  take(1, 100);
  expect(events).toHaveLength(100);
  expect(box.paused).toBe(false);
});

test('a consumer that is not gets one after the other, in order', async () => {
  const { events, settle, take } = inbox(false);
  take(1, 3);
  expect(events).toEqual(['m1']);
  await settle();
  expect(events).toEqual(['m1', 'm2']);
  await settle();
  await settle();
  take(4, 4);
  expect(events).toEqual(['m1', 'm2', 'm3', 'm4']);
});

test('reading stops when more than 16 wait, and goes on when 8 are left', async () => {
  const { box, events, settle, take } = inbox(false);
  take(1, 17);
  expect(box.paused).toBe(false);
  take(18, 40);
  expect(events).toEqual(['m1', 'pause']);
  while (box.paused) await settle();
  expect(events.slice(-2)).toEqual(['m32', 'resume']);
  take(41, 60);
  expect(events.at(-1)).toBe('pause');
});

test('what waits at the end of the stream is forgotten', async () => {
  const { box, events, settle, take } = inbox(false);
  take(1, 30);
  box.close();
  await settle();
  expect(events).toEqual(['m1', 'pause']);
});
