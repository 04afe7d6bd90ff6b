// What two OPENs agree on beside what the state machine's tests have, and the jitter of timers.
import { expect, test } from 'vitest';
import { BgpError, Session, type SessionConfiguration, type SessionListener } from '../src/index.ts';
import { localOpen, negotiate } from '../src/session/negotiation.ts';
import { configuration, configured } from './session-values.ts';

const deaf: SessionListener = {
  up: () => undefined,
  down: () => undefined,
  message: () => undefined,
  drained: () => undefined,
  changed: () => undefined,
  failed: () => undefined,
};

function codec(ours: Partial<SessionConfiguration>, theirs: Partial<SessionConfiguration>) {
  const agreed = negotiate(
    configured({ peerAs: 65_001, ...ours }),
    localOpen(configured({ localAs: 65_001, ...theirs })),
  );
  return agreed instanceof BgpError ? agreed : agreed.codec;
}

test('add-path goes where one side receives and the other sends', () => {
  expect(codec({ addPathReceive: ['vpnv4', 'vpnv6'] }, { addPathSend: ['vpnv4'] })).toMatchObject({
    addPathReceive: ['vpnv4'],
    addPathSend: [],
  });
  expect(
    codec(
      { addPathSend: ['vpnv4', 'vpnv6'] },
      { addPathReceive: ['vpnv4', 'vpnv6'], addPathSend: ['vpnv4'] },
    ),
  ).toMatchObject({ addPathReceive: [], addPathSend: ['vpnv4', 'vpnv6'] });
  expect(codec({ addPathSend: ['vpnv4'] }, { addPathSend: ['vpnv4'] })).toMatchObject({ addPathSend: [] });
});

test('IPv6 nexthops of VPNv4 where both speak RFC 8950', () => {
  const extendedNexthop = true;
  expect(codec({ extendedNexthop }, { extendedNexthop })).toMatchObject({ extendedNexthop: true });
  expect(codec({ extendedNexthop }, {})).toMatchObject({ extendedNexthop: false });
  expect(codec({}, { extendedNexthop })).toMatchObject({ extendedNexthop: false });
});

test('families that both speak, in our order', () => {
  expect(codec({ families: ['rtc', 'vpnv4'] }, { families: ['vpnv4', 'vpnv6', 'rtc'] })).toMatchObject({
    families: ['rtc', 'vpnv4'],
    internal: false,
    as4: true,
    extendedMessage: true,
  });
});

test('a configuration that no peer could accept is an error', () => {
  const check = (changes: Partial<SessionConfiguration>) => () =>
    new Session({
      configuration: configured(changes),
      clock: { after: () => () => undefined },
      random: () => 0,
      dialer: { dial: () => () => undefined },
      listener: deaf,
    });
  expect(check({})).not.toThrow();
  expect(check({ holdTime: 1 })).toThrow('a hold time of 1 s');
  expect(check({ peerAs: 0 })).toThrow('AS number 0');
  expect(check({ identifier: '0.0.0.0' as typeof configuration.identifier })).toThrow(
    'BGP identifier 0.0.0.0',
  );
  expect(check({ families: ['vpnv4'], requiredFamilies: ['rtc'] })).toThrow('rtc is required');
});

test('timers have a jitter of 75 to 100 %', () => {
  const delays: number[] = [];
  const failures: (() => void)[] = [];
  for (const random of [0, 0.5, 1]) {
    const session = new Session({
      configuration,
      clock: {
        after: (delay) => {
          delays.push(delay);
          return () => undefined;
        },
      },
      random: () => random,
      dialer: {
        dial: (done) => {
          failures.push(() => done(new BgpError('transport', 'test')));
          return () => undefined;
        },
      },
      listener: deaf,
    });
    session.start();
    failures.pop()?.();
  }
  expect(delays).toEqual([20_000, 3750, 20_000, 4375, 20_000, 5000]);
});
