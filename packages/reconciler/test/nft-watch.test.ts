import { describe, expect, test, vi } from 'vitest';
import { isDeletion, openNftWatch } from '../src/nft-watch.ts';

describe('what is a deletion', () => {
  test.each([
    '{"delete": {"table": {"family": "inet", "name": "hostpe", "handle": 1}}}',
    '{"delete": {"chain": {"family": "inet", "table": "hostpe", "name": "c", "handle": 2}}}',
    '{"delete": {"rule": {"family": "arp", "table": "hostpe", "chain": "c", "handle": 3, "expr": [{"accept": null}]}}}',
    '{"delete": {"set": {"family": "inet", "name": "s", "table": "hostpe", "type": "invalid", "handle": 1}}}',
  ])('%s', (line) => expect(isDeletion(line, 'hostpe')).toBe(true));

  test.each([
    '{"delete": {"element": {"family": "inet", "table": "hostpe", "name": "s", "elem": {"set": ["1.1.1.1"]}}}}',
    '{"delete": {"table": {"family": "inet", "name": "other", "handle": 1}}}',
    '{"delete": {"chain": {"family": "inet", "table": "other", "name": "hostpe", "handle": 2}}}',
    '{"add": {"table": {"family": "inet", "name": "hostpe", "handle": 1}}}',
    '"hostpe"',
    '{"delete": "hostpe"',
    '',
  ])('not %s', (line) => expect(isDeletion(line, 'hostpe')).toBe(false));
});

test('the monitor is started again when it ends, until nobody listens', async () => {
  const line = '{"delete": {"table": {"family": "inet", "name": "hostpe", "handle": 1}}}';
  const told: (string | undefined)[] = [];
  const watch = openNftWatch(['sh', '-c', `echo '${line}'; exit 3`]);
  const end = watch('hostpe', (missed) => told.push(missed));
  const again = [undefined, 'nft monitor ended: exit code 3'];
  await vi.waitFor(() => expect(told).toEqual([...again, ...again]), { timeout: 20_000 });
  end();
});

test('a monitor that cannot be started is said, and ends with its listener', async () => {
  const told: (string | undefined)[] = [];
  const end = openNftWatch(['/nonexistent/nft'])('hostpe', (missed) => told.push(missed));
  await vi.waitFor(() => expect(told).toEqual([expect.stringContaining('nft monitor ended')]), {
    timeout: 20_000,
  });
  end();
});

test('who ends it hears no more, and the process is gone', async () => {
  const told: (string | undefined)[] = [];
  const end = openNftWatch(['sleep', '3600'])('hostpe', (missed) => told.push(missed));
  end();
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual([]);
});
