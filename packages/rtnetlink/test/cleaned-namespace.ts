// One network namespace of the real kernel for all cases of the contract, cleaned between them: to open a door starts threads, which takes
// seconds on an emulated kernel. The thread that opens it is in that namespace from then on.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { RtnetlinkError } from '../src/errors.ts';
import { openRtnetlink } from '../src/index.ts';
import type { Request, Rtnetlink, Sysctl } from '../src/kernel.ts';
import type { KernelObject } from '../src/objects.ts';
import { enterNamespace, namespacePath } from '../src/socket/namespace.ts';
import type { SysctlKey, SysctlValue } from '../src/sysctl-keys.ts';
import { formatSysctl, parseSysctl } from '../src/sysctl-keys.ts';
import type { ContractKernel, OpenKernel } from '../src/testing/index.ts';

const families = ['ipv4', 'ipv6'] as const;
const kernelProtocol = 2;

/** The sysctls that this thread sees, which is in the namespace: only synchronous calls are made by it. */
class ThreadSysctl implements Sysctl {
  private readonly before = new Map<string, string>();

  async get<K extends SysctlKey>(key: K): Promise<SysctlValue<K> | undefined> {
    const text = this.read(key.path);
    return text === undefined ? undefined : parseSysctl(key, text);
  }

  async set<K extends SysctlKey>(key: K, value: SysctlValue<K>): Promise<void> {
    const { path } = key;
    const text = formatSysctl(key, value);
    const before = this.read(path);
    try {
      writeFileSync(`/proc/sys/${path}`, text, { flag: 'r+' });
    } catch (cause) {
      throw new RtnetlinkError('sysctl', `sysctl ${path} = ${text} was refused`, { cause });
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

  private read(path: string): string | undefined {
    try {
      return readFileSync(`/proc/sys/${path}`, 'utf8');
    } catch {
      return undefined;
    }
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

/** The namespace of that name, made when it is first opened and deleted by `close`. */
export class CleanedNamespace {
  private readonly name: string;
  private rtnetlink: Rtnetlink | undefined;
  private readonly sysctl = new ThreadSysctl();
  private atFirst: ReadonlyMap<string, KernelObject> = new Map();

  constructor(name: string) {
    this.name = name;
  }

  readonly open: OpenKernel = async (): Promise<ContractKernel> => {
    const rtnetlink = this.rtnetlink ?? (await this.make());
    return { rtnetlink, sysctl: this.sysctl, close: () => this.clean(rtnetlink) };
  };

  async close(): Promise<void> {
    if (this.rtnetlink === undefined) return;
    await this.rtnetlink.close();
    this.rtnetlink = undefined;
    execFileSync('ip', ['netns', 'delete', this.name]);
  }

  private async make(): Promise<Rtnetlink> {
    execFileSync('ip', ['netns', 'add', this.name]);
    execFileSync('ip', ['-n', this.name, 'link', 'set', 'lo', 'up']);
    enterNamespace(namespacePath(this.name));
    this.rtnetlink = await openRtnetlink({ namespace: this.name });
    const atFirst = await contents(this.rtnetlink);
    this.atFirst = new Map(atFirst.map((object) => [JSON.stringify(object), object]));
    return this.rtnetlink;
  }

  private async clean(rtnetlink: Rtnetlink): Promise<void> {
    let found: readonly KernelObject[];
    try {
      found = await contents(rtnetlink);
    } catch (error) {
      // The case was to close the door.
      if (!(error instanceof RtnetlinkError) || error.code !== 'closed') throw error;
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
    await rtnetlink.execute(requests);
    this.sysctl.restore();
    const left = (await contents(rtnetlink)).filter((object) => !this.atFirst.has(JSON.stringify(object)));
    if (left.length > 0) throw new Error(`the namespace was not cleaned: ${JSON.stringify(left)}`);
  }
}
