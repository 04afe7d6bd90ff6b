// The real kernel keeps the contract that the fake one is built to. All cases share one network namespace that is cleaned
// between them: to open a door starts threads, which takes seconds on an emulated kernel.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll } from 'vitest';
import { RtnetlinkError } from '../src/errors.ts';
import { openRtnetlink } from '../src/index.ts';
import type { Request, Rtnetlink, Sysctl } from '../src/kernel.ts';
import type { KernelObject } from '../src/objects.ts';
import { enterNamespace, namespacePath } from '../src/socket/namespace.ts';
import type { ContractKernel } from '../src/testing/index.ts';
import { kernelContract } from '../src/testing/index.ts';

const namespace = `contract-${process.pid}`;
const families = ['ipv4', 'ipv6'] as const;
const kernelProtocol = 2;

/** The sysctls that this thread sees, which is in the namespace: only synchronous calls are made by it. */
class ThreadSysctl implements Sysctl {
  private readonly before = new Map<string, string>();

  async read(path: string): Promise<string | undefined> {
    try {
      return readFileSync(`/proc/sys/${path}`, 'utf8').trimEnd();
    } catch {
      return undefined;
    }
  }

  async write(path: string, value: string): Promise<void> {
    const before = await this.read(path);
    try {
      writeFileSync(`/proc/sys/${path}`, value, { flag: 'r+' });
    } catch (cause) {
      throw new RtnetlinkError('sysctl', `sysctl ${path} = ${value} was refused`, { cause });
    }
    if (before !== undefined && !this.before.has(path)) this.before.set(path, before);
  }

  /** Undoes all writes to paths that are still there. */
  restore(): void {
    for (const [path, value] of this.before) {
      try {
        writeFileSync(`/proc/sys/${path}`, value, { flag: 'r+' });
      } catch {
        // Its device is gone.
      }
    }
    this.before.clear();
  }
}

/** What somebody may have put into the namespace, in an order in which it can be deleted. */
async function contents(rtnetlink: Rtnetlink): Promise<KernelObject[]> {
  const objects: KernelObject[] = [];
  for (const family of families) {
    objects.push(...(await rtnetlink.dump({ object: 'rule', family })));
    const routes = await rtnetlink.dump({ object: 'route', family });
    objects.push(...routes.filter(({ protocol }) => protocol !== kernelProtocol));
  }
  objects.push(...(await rtnetlink.dump({ object: 'route', family: 'mpls' })));
  objects.push(...(await rtnetlink.dump({ object: 'nexthop' })));
  objects.push(...(await rtnetlink.dump({ object: 'fou' })));
  const links = await rtnetlink.dump({ object: 'link' });
  const loopback = links.find(({ name }) => name === 'lo')?.index;
  objects.push(...(await rtnetlink.dump({ object: 'address' })).filter(({ index }) => index === loopback));
  // By name: facts such as carrier are no part of what it is.
  objects.push(...links.map(({ name = '' }) => ({ object: 'link', name }) as const));
  return objects;
}

class CleanedNamespace {
  private readonly rtnetlink: Rtnetlink;
  private readonly sysctl = new ThreadSysctl();
  private readonly atFirst: ReadonlyMap<string, KernelObject>;

  private constructor(rtnetlink: Rtnetlink, atFirst: readonly KernelObject[]) {
    this.rtnetlink = rtnetlink;
    this.atFirst = new Map(atFirst.map((object) => [JSON.stringify(object), object]));
  }

  static async open(): Promise<CleanedNamespace> {
    execFileSync('ip', ['netns', 'add', namespace]);
    execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    enterNamespace(namespacePath(namespace));
    const rtnetlink = await openRtnetlink({ namespace });
    return new CleanedNamespace(rtnetlink, await contents(rtnetlink));
  }

  kernel(): ContractKernel {
    return { rtnetlink: this.rtnetlink, sysctl: this.sysctl, close: () => this.clean() };
  }

  async close(): Promise<void> {
    await this.rtnetlink.close();
    execFileSync('ip', ['netns', 'delete', namespace]);
  }

  private async clean(): Promise<void> {
    let found: readonly KernelObject[];
    try {
      found = await contents(this.rtnetlink);
    } catch (error) {
      // The case was to close the door.
      if (!(error instanceof RtnetlinkError) || error.code !== 'closed') throw error;
      shared = undefined;
      await this.close();
      return;
    }
    const keys = new Set(found.map((object) => JSON.stringify(object)));
    const requests: Request[] = [];
    for (const [key, object] of this.atFirst) if (!keys.has(key)) requests.push({ op: 'add', object });
    for (const object of found) {
      if (!this.atFirst.has(JSON.stringify(object))) requests.push({ op: 'delete', object });
    }
    // One may have taken another with it.
    await this.rtnetlink.execute(requests);
    this.sysctl.restore();
    const left = (await contents(this.rtnetlink)).filter(
      (object) => !this.atFirst.has(JSON.stringify(object)),
    );
    if (left.length > 0) throw new Error(`the namespace was not cleaned: ${JSON.stringify(left)}`);
  }
}

let shared: CleanedNamespace | undefined;
afterAll(() => shared?.close());

kernelContract({
  open: async () => {
    shared ??= await CleanedNamespace.open();
    return shared.kernel();
  },
});
