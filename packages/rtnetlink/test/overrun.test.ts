// A million notifications to one who does not read: the loss is told, and everything goes on.
import { execFileSync } from 'node:child_process';
import { expect, test, vi } from 'vitest';
import { openRtnetlink } from '../src/index.ts';
import { needsRoot, ScratchNamespace } from './scratch-namespace.ts';

/** The kernel's buffer holds some 90,000 notifications of this size, the way to the main thread some 5,000. */
const routes = 1_000_000;
const deadline = { timeout: 60_000 };

test('a listener that is not run for a long time gets an overrun, and then what is new', async ({ skip }) => {
  if (needsRoot) skip(needsRoot);
  const namespace = new ScratchNamespace();
  const kernel = await openRtnetlink({ namespace: namespace.name });
  try {
    const heard = { overruns: 0, notifications: 0, last: '' };
    await kernel.subscribe(['route-ipv4', 'rule'], (notification) => {
      if (notification.type === 'overrun') heard.overruns++;
      else {
        heard.notifications++;
        heard.last = notification.object.object;
      }
    });
    // This blocks the main thread while another process makes routes.
    const module = new URL('../src/index.ts', import.meta.url).href;
    execFileSync(process.execPath, [
      '--input-type=module',
      '-e',
      `const { openRtnetlink } = await import('${module}');
       const kernel = await openRtnetlink({ namespace: '${namespace.name}' });
       const length = ${routes};
       const errors = await kernel.executeRoutes('add', {
         family: 'ipv4', length,
         addresses: Uint32Array.from({ length }, (_, at) => 0x0a000000 + at),
         prefixLengths: new Uint8Array(length).fill(32),
         tables: new Uint32Array(length).fill(1001),
         nexthopIds: new Uint32Array(length),
         metrics: new Uint32Array(length),
         protocols: new Uint8Array(length).fill(200),
         types: new Uint8Array(length).fill(6),
       });
       if (errors.size > 0) throw [...errors.values()][0];
       await kernel.close();`,
    ]);
    await vi.waitFor(() => expect(heard.overruns).toBeGreaterThan(0), deadline);
    // Nothing else happens: from now on a dump is the truth.
    const { length, addresses } = await kernel.dumpRoutes({ family: 'ipv4', table: 1001 });
    expect(length).toBe(routes);
    expect(new Set(addresses).size).toBe(routes);
    expect(heard.notifications).toBeLessThan(routes);

    namespace.ip('rule', 'add', 'pref', '5', 'table', '9');
    await vi.waitFor(() => expect(heard.last).toBe('rule'), deadline);
  } finally {
    await kernel.close();
    namespace.remove();
  }
}, 180_000);
