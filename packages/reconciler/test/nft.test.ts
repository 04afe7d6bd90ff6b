import { afterEach, expect, test, vi } from 'vitest';
import { openNft } from '../src/nft.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a temporary directory that cannot be written to fails the transaction as nft itself would', async () => {
  vi.stubEnv('TMPDIR', '/nonexistent');
  await expect(openNft().apply({ nftables: [] })).rejects.toMatchObject({
    name: 'ReconcilerError',
    code: 'nft',
    message: expect.stringContaining('ENOENT'),
    cause: expect.objectContaining({ code: 'ENOENT' }),
  });
});
