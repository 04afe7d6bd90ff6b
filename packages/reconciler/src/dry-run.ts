// A pass that changes nothing: the doors are those of the kernel for reading, and a list for writing. What depends on something that is only on the
// list is told by number: a device that is not there yet has no index that a route could name.
import type { Rtnetlink, Sysctl } from '@hostpe/rtnetlink';
import { describe, formatSysctl, routeAt } from '@hostpe/rtnetlink';
import type { DesiredState } from './desired.ts';
import type { Doors } from './pass.ts';
import { Pass } from './pass.ts';
import { VpnRoutes } from './routes/vpn-routes.ts';
import type { Failure } from './step.ts';

export interface Difference {
  /** What a pass would do, in order, as iproute2, sysctl and nft would say it. */
  readonly changes: readonly string[];
  /** Objects that have to wait for these changes. */
  readonly waiting: number;
  /** What cannot be done, and why. */
  readonly failures: readonly Failure[];
}

/** @throws RtnetlinkError where the kernel cannot be read; ReconcilerError `nft` */
export async function dryRun(desired: DesiredState, doors: Doors): Promise<Difference> {
  const changes: string[] = [];
  // Routes of its own: what the kernel is known to have is kept in them.
  const copy: DesiredState = {
    ...desired,
    vpns: desired.vpns.map((vpn) => ({ ...vpn, routes: new VpnRoutes(vpn.routes.entries()) })),
  };
  const pass = new Pass(
    {
      rtnetlink: listing(doors.rtnetlink, changes),
      sysctl: listingSysctl(doors.sysctl, changes),
      nft: {
        list: (table) => doors.nft.list(table),
        apply: async (ruleset) => {
          changes.push(...nftLines(ruleset));
        },
      },
      steering: { enable: async () => false },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    },
    { rounds: 1 },
  );
  const { pending, failures } = await pass.run(copy, 'tables');
  return { changes, waiting: pending - failures.length, failures };
}

function listing(rtnetlink: Rtnetlink, changes: string[]): Rtnetlink {
  return {
    dump: (filter, options) => rtnetlink.dump(filter, options),
    dumpRoutes: (filter, options) => rtnetlink.dumpRoutes(filter, options),
    async execute(requests) {
      for (const request of requests) changes.push(describe(request));
      return requests.map(() => undefined);
    },
    async executeRoutes(op, routes) {
      for (let at = 0; at < routes.length; at++) changes.push(describe({ op, object: routeAt(routes, at) }));
      return new Map();
    },
    subscribe: async () => () => {},
    close: async () => {},
  };
}

function listingSysctl(sysctl: Sysctl, changes: string[]): Sysctl {
  return {
    get: (key) => sysctl.get(key),
    async set(key, value) {
      changes.push(`sysctl ${key.path.replaceAll('/', '.')}=${formatSysctl(key, value)}`);
    },
  };
}

/** One line a command, in the words of nft(8) as far as its JSON has them. */
function nftLines(ruleset: object): string[] {
  const commands: unknown = 'nftables' in ruleset ? ruleset.nftables : [];
  if (!Array.isArray(commands)) return [];
  return commands.flatMap((command: Readonly<Record<string, Readonly<Record<string, NftObject>>>>) =>
    Object.entries(command).flatMap(([op, objects]) =>
      Object.entries(objects).map(([kind, { family, table, chain, name, elem }]) => {
        const words = ['nft', op, kind, family, table, chain, name].filter((word) => word !== undefined);
        return `${words.join(' ')}${elem === undefined ? '' : ` ${JSON.stringify(elem)}`}`;
      }),
    ),
  );
}

interface NftObject {
  readonly family?: string;
  readonly table?: string;
  readonly chain?: string;
  readonly name?: string;
  readonly elem?: unknown;
}
