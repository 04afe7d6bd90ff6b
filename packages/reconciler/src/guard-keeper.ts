// Keeps the guard in nftables: reads it when it is not known, adds before and removes after everything else. Owns what is known of it.
import type { IpAddress } from '@hostpe/net';
import type { DesiredState } from './desired.ts';
import type { Log, Nft } from './doors.ts';
import { ReconcilerError } from './errors.ts';
import type { GuardSets, GuardState } from './guard.ts';
import {
  guardAdditions,
  guardRebuild,
  guardRemovals,
  guardSetsOf,
  guardShape,
  guardUnion,
  readGuard,
} from './guard.ts';
import { GUARD_TABLE, guardTables } from './guard-ruleset.ts';
import { GUARD_KEY } from './report.ts';
import type { Progress } from './step.ts';

export class GuardKeeper {
  readonly #nft: Nft;
  readonly #log: Log;
  /** What the sets hold; undefined where it has to be read. */
  #known: GuardSets | undefined;
  #target: GuardSets = new Map();
  /** How nft lists what we built: other versions of nft print it otherwise than the one that guard-ruleset.ts was written with. */
  #built: string | undefined;

  constructor(nft: Nft, log: Log) {
    this.#nft = nft;
    this.#log = log;
  }

  /** Makes that the next add() reads the tables. */
  forget(): void {
    this.#known = undefined;
  }

  /**
   * Everything that the desired state needs let through or checked, on top of what is there.
   * @returns false where it failed, which `progress` then says: nothing must be set up without it
   */
  async add(desired: DesiredState, pes: Iterable<IpAddress>, progress: Progress): Promise<boolean> {
    this.#target = guardSetsOf(desired, pes);
    return await this.#try(progress, async () => {
      this.#known ??= await this.#read();
      const { nftables } = guardAdditions(this.#target, this.#known) ?? {};
      if (nftables === undefined) return;
      await this.#nft.apply({ nftables });
      this.#known = guardUnion(this.#target, this.#known);
    });
  }

  /** What add() left of earlier times. */
  async remove(progress: Progress): Promise<void> {
    await this.#try(progress, async () => {
      const ruleset = this.#known === undefined ? undefined : guardRemovals(this.#target, this.#known);
      if (ruleset === undefined) return;
      await this.#nft.apply(ruleset);
      this.#known = this.#target;
    });
  }

  /** @returns the sets of tables of the right shape, built where they were not. */
  async #read(): Promise<GuardSets> {
    const actual = await this.#list();
    if (actual !== undefined && (actual.shape === guardShape() || actual.shape === this.#built))
      return actual.sets;
    const tables = guardTables.map((table) => `${table} ${GUARD_TABLE}`).join(', ');
    this.#log.info(
      { tables },
      actual === undefined ? 'nftables guard made' : 'nftables guard was changed by others: made anew',
    );
    await this.#nft.apply(guardRebuild(this.#target, actual));
    const built = await this.#list();
    this.#built = built?.shape;
    return built?.sets ?? this.#target;
  }

  async #list(): Promise<GuardState | undefined> {
    const listings: (object | undefined)[] = [];
    for (const table of guardTables) listings.push(await this.#nft.list(`${table} ${GUARD_TABLE}`));
    return readGuard(listings);
  }

  async #try(progress: Progress, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof ReconcilerError)) throw error;
      // What a failed transaction left is read, not guessed.
      this.#known = undefined;
      progress.fail(GUARD_KEY, { object: 'nftables guard', reason: error.message });
      return false;
    }
  }
}
