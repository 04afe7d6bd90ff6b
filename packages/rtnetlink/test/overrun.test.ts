// More notifications than anyone reads: the loss is told, and everything goes on.
import { execFileSync } from 'node:child_process';
import { expect, test, vi } from 'vitest';
import { openRtnetlink } from '../src/index.ts';
import { needsRoot, ScratchNamespace } from './scratch-namespace.ts';

/** The kernel's buffer holds some 90,000 notifications of this size, the way to the main thread 15,000. */
const routes = 160_000;

test('a listener that is not run for a long time gets an overrun, and then what is new', async ({ skip }) => {
  if (needsRoot) skip(needsRoot);
  const namespace = new ScratchNamespace();
  const kernel = await openRtnetlink({ namespace: namespace.name });
  try {
    let overruns = 0;
    let last = '';
    await kernel.subscribe(['route-ipv4', 'rule'], (notification) => {
      if (notification.type === 'overrun') overruns++;
      else last = notification.object.object;
    });
    // This blocks the main thread while another process makes routes.
    const module = new URL('../src/index.ts', import.meta.url).href;
    execFileSync(process.execPath, [
      '--input-type=module',
      '-e',
      `const { openRtnetlink } = await import('${module}');
       const kernel = await openRtnetlink({ namespace: '${namespace.name}' });
       const object = { object: 'route', family: 'ipv4', table: 1001, type: 'blackhole', protocol: 200 };
       await kernel.execute(Array.from({ length: ${routes} }, (_, at) => ({ op: 'add', object: { ...object,
         prefix: '10.' + (at >>> 16) + '.' + ((at >>> 8) & 255) + '.' + (at & 255) + '/32' } })));
       await kernel.close();`,
    ]);
    await vi.waitFor(() => expect(overruns).toBeGreaterThan(0), { timeout: 30_000 });
    namespace.ip('rule', 'add', 'pref', '5', 'table', '9');
    await vi.waitFor(() => expect(last).toBe('rule'), { timeout: 30_000 });
    expect(await kernel.dump({ object: 'route', family: 'ipv4', table: 1001 })).toHaveLength(routes);
  } finally {
    await kernel.close();
    namespace.remove();
  }
});
