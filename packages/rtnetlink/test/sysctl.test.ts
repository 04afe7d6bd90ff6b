import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSysctl, openSysctl, RtnetlinkError, sysctlKeys } from '../src/index.ts';
import type { SysctlKey } from '../src/sysctl-keys.ts';
import { parseSysctl } from '../src/sysctl-keys.ts';

const sysctl = openSysctl();
const { ipForward, mplsInput, mplsPlatformLabels, rpFilter } = sysctlKeys;
/** Harmless: the kernel gives it no meaning. */
const tag = { type: 'integer', path: 'net/ipv4/conf/lo/tag', min: 0, max: 255 } as const;
const tagAsFlag = { type: 'boolean', path: tag.path } as const;

function errorOf(run: () => unknown): RtnetlinkError | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof RtnetlinkError) return error;
    throw error;
  }
  return undefined;
}

describe('a sysctl', () => {
  test('is read as a value of its type', async () => {
    const isOn = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8') !== '0\n';
    expect(await sysctl.get(ipForward)).toBe(isOn);
    expect(await sysctl.get(rpFilter('lo'))).toBe(
      Number(readFileSync('/proc/sys/net/ipv4/conf/lo/rp_filter', 'utf8')),
    );
  });

  test('that does not exist is no error to read, and one to set', async () => {
    const key = rpFilter('no.such.device');
    expect(await sysctl.get(key)).toBeUndefined();
    await expect(sysctl.set(key, 1)).rejects.toMatchObject({
      code: 'sysctl',
      errno: 'ENOENT',
      message: 'sysctl net/ipv4/conf/no.such.device/rp_filter cannot be set to 1: ENOENT',
    });
  });

  test('that may not be set says so', async () => {
    const path = 'kernel/ostype';
    await expect(sysctl.set({ type: 'integer', path, min: 0, max: 1 }, 1)).rejects.toMatchObject({
      code: 'sysctl',
      message: expect.stringContaining(path),
    });
  });

  test('that holds no integer is an error that names path and content', async () => {
    const text = { type: 'integer', path: 'kernel/ostype', min: 0, max: 1 } as const;
    await expect(sysctl.get(text)).rejects.toMatchObject({
      code: 'sysctl',
      message: 'sysctl kernel/ostype holds "Linux": no integer',
    });
  });

  test('that is set is read so', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('needs root');
    const before = await sysctl.get(tag);
    try {
      await sysctl.set(tag, 7);
      expect(await sysctl.get(tag)).toBe(7);
      expect(await sysctl.get(tagAsFlag)).toBe(true);
      await sysctl.set(tagAsFlag, false);
      expect(await sysctl.get(tag)).toBe(0);
      await sysctl.set(tagAsFlag, true);
      expect(await sysctl.get(tag)).toBe(1);
      await expect(sysctl.set(tag, 256)).rejects.toMatchObject({ code: 'invalid' });
      expect(await sysctl.get(tag)).toBe(1);
    } finally {
      await sysctl.set(tag, before ?? 0);
    }
  });

  test.each(['/etc/passwd', '../../etc/passwd', 'net/../../etc/passwd', '', 'net//ipv4'])(
    'is below /proc/sys, which %j is not',
    async (path) => {
      await expect(sysctl.get({ type: 'boolean', path })).rejects.toMatchObject({ code: 'invalid' });
      await expect(sysctl.set({ type: 'boolean', path }, true)).rejects.toMatchObject({ code: 'invalid' });
    },
  );
});

describe('a key', () => {
  test('of a device whose name has dots has them in its path', () => {
    expect(mplsInput('trk.100').path).toBe('net/mpls/conf/trk.100/input');
  });

  test.each(Object.entries(sysctlKeys).filter(([, key]) => typeof key === 'function'))(
    '%s is of one device, and a name that none can have is refused',
    (_name, key) => {
      if (typeof key !== 'function') throw new Error('not of a device');
      expect(key('v.1').path.split('/')).toHaveLength(5);
      for (const name of ['', '.', '..', 'a/b', '../..', 'lo/rp_filter', 'lo\0']) {
        const error = errorOf(() => key(name));
        expect(error).toMatchObject({
          code: 'invalid',
          message: expect.stringContaining(JSON.stringify(name)),
        });
      }
    },
  );

  // The paths are the kernel's; a kernel without MPLS or VRF has not all of them, but the family's folder tells a slip of the pen.
  test.each([
    ipForward,
    sysctlKeys.ipv4Forwarding('all'),
    sysctlKeys.ipv6Forwarding('all'),
    sysctlKeys.disableIpv6('lo'),
    rpFilter('default'),
    sysctlKeys.nexthopCompatMode,
    sysctlKeys.ipv4MultipathHashPolicy,
    sysctlKeys.ipv6MultipathHashPolicy,
  ])('$path is one of the kernel', async (key) => {
    expect(await sysctl.get<SysctlKey>(key)).toBeTypeOf(key.type === 'boolean' ? 'boolean' : 'number');
  });
});

describe('a value', () => {
  test.each([
    [mplsPlatformLabels, 1048576, /^sysctl net\/mpls\/platform_labels .* 1048576: .* from 0 to 1048575$/u],
    [mplsPlatformLabels, -1, /-1/u],
    [mplsPlatformLabels, 1.5, /1\.5/u],
    [mplsPlatformLabels, Number.NaN, /NaN/u],
    [rpFilter('lo'), 3, /net\/ipv4\/conf\/lo\/rp_filter .* from 0 to 2$/u],
    [rpFilter('lo'), true, /no integer/u],
    [ipForward, 1, /^sysctl net\/ipv4\/ip_forward .* 1: neither true nor false$/u],
  ] as const)('that %o cannot hold (%s) is refused before it is written', async (key, value, message) => {
    const error = errorOf(() => formatSysctl<SysctlKey>(key, value));
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringMatching(message) });
    // This kernel may lack the sysctl: then the refusal comes first all the same.
    await expect(sysctl.set<SysctlKey>(key, value)).rejects.toMatchObject({ code: 'invalid' });
  });

  test.each([
    ['0\n', false],
    ['1\n', true],
    ['2\n', true],
    ['-1\n', true],
  ])('read from %j is as the kernel takes it', (text, value) => {
    expect(parseSysctl(ipForward, text)).toBe(value);
  });

  test('beyond the range of what may be set is still read: the kernel does not check all', () => {
    expect(parseSysctl(rpFilter('lo'), '7\n')).toBe(7);
  });

  test.each(['', '\n', '1 2', '32768\t60999', '0x1', '1e3', '+1', '1.0', 'on', '99999999999'])(
    'read from %j is an error',
    (text) => {
      expect(errorOf(() => parseSysctl(mplsPlatformLabels, text))).toMatchObject({
        code: 'sysctl',
        message: expect.stringContaining(`${mplsPlatformLabels.path} holds ${JSON.stringify(text.trim())}`),
      });
    },
  );

  test('that is written is read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: mplsPlatformLabels.max }), fc.boolean(), (labels, isOn) => {
        expect(parseSysctl(mplsPlatformLabels, `${formatSysctl(mplsPlatformLabels, labels)}\n`)).toBe(labels);
        expect(parseSysctl(ipForward, `${formatSysctl(ipForward, isOn)}\n`)).toBe(isOn);
      }),
    );
  });
});
