import { describe, expect, test } from 'vitest';
import { openSysctl } from '../src/index.ts';

const sysctl = openSysctl();

describe('a sysctl', () => {
  test('is read without its end of line', async () => {
    expect(await sysctl.read('kernel/ostype')).toBe('Linux');
  });

  test('that does not exist is no error to read, and one to write', async () => {
    const path = 'net/ipv4/conf/no.such.device/rp_filter';
    expect(await sysctl.read(path)).toBeUndefined();
    await expect(sysctl.write(path, '1')).rejects.toMatchObject({
      code: 'sysctl',
      errno: 'ENOENT',
      message: expect.stringContaining(path),
    });
  });

  test('that may not be written says so', async () => {
    await expect(sysctl.write('kernel/ostype', 'Hurd')).rejects.toMatchObject({ code: 'sysctl' });
  });

  test('that is written is read so', async ({ skip }) => {
    const path = 'net/ipv4/conf/lo/tag';
    if (process.getuid?.() !== 0) skip('needs root');
    const before = await sysctl.read(path);
    try {
      await sysctl.write(path, '7');
      expect(await sysctl.read(path)).toBe('7');
    } finally {
      await sysctl.write(path, before ?? '0');
    }
  });

  test.each(['/etc/passwd', '../../etc/passwd', 'net/../../etc/passwd', '', 'net//ipv4'])(
    'is below /proc/sys, which %j is not',
    async (path) => {
      await expect(sysctl.read(path)).rejects.toMatchObject({ code: 'sysctl' });
      await expect(sysctl.write(path, '1')).rejects.toMatchObject({ code: 'sysctl' });
    },
  );
});
