import { expect, test } from 'vitest';
import { createLog } from '../src/index.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(
    createLog({ name: 'forwarder', level: 'info', destination: { write: (line) => void lines.push(line) } }),
  );
  return lines.map((line) => JSON.parse(line));
}

test('a line is JSON with time, level by name, name, facts and message', () => {
  const [line] = logged((log) => log.warn({ vpn: 'red' }, 'VPN red: 3 routes are invalid'));
  expect(line).toMatchObject({
    level: 'warn',
    name: 'forwarder',
    vpn: 'red',
    message: 'VPN red: 3 routes are invalid',
  });
  expect(new Date(String(line?.['time'])).toISOString()).toBe(line?.['time']);
});

test('what is below the level is not written', () => {
  expect(logged((log) => log.debug({}, 'a detail'))).toEqual([]);
});

test('secrets are never written', () => {
  const lines = logged((log) => log.info({ password: 'hunter2', account: { secret: 'hunter2' } }, 'session'));
  expect(JSON.stringify(lines)).not.toContain('hunter2');
});

test('errors come with their stack and cause', () => {
  const error = new Error('outer', { cause: new Error('inner') });
  const [line] = logged((log) => log.error({ error, cause: error }, 'failed'));
  expect(line).toMatchObject({
    error: { message: expect.stringContaining('outer'), stack: expect.stringContaining('inner') },
  });
  expect(line).toMatchObject({ cause: { stack: expect.stringContaining('log.test.ts') } });
});
