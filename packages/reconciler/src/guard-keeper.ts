// Keeps the guard in nftables: reads it when it is not known, adds before and removes after everything else. Owns what is known of it.
import type { IpAddress } from '@hostpe/net';
import type { DesiredState } from './desired.ts';
import type { Log, Nft } from './doors.ts';
import { ReconcilerError } from './errors.ts';
import type { GuardSets, GuardState } from './guard.ts';
import {
  guardAdditions,
  guardCommon,
  guardRebuild,
  guardRemovals,
  guardSetsOf,
  guardShape,
  guardUnion,
  readGuard,
} from './guard.ts';
import { GUARD_TABLE, guardTables } from './guard-tables.ts';
import { GUARD_KEY } from './report.ts';
import type { Progress } from './step.ts';

export class GuardKeeper {
  readonly #nft: Nft;
  readonly #log: Log;
  /** What the sets hold; undefined where it has to be read. */
  #known: GuardSets | undefined;
  /** Others may have changed it since it was read. */
  #isDoubtful = false;
  #target: GuardSets = new Map();
  /** How nft lists what we built: other versions of nft print it otherwise than the one that guard-tables.ts was written with. */
  #built: string | undefined;

  constructor(nft: Nft, log: Log) {
    this.#nft = nft;
    this.#log = log;
  }

  /** Makes that the next add() reads the tables; may be called while one runs, whose tables are then in doubt. */
  forget(): void {
    this.#isDoubtful = true;
  }

  /**
   * Everything that the desired state needs let through or checked, on top of what is there.
   * @returns false where it failed, which `progress` then says: nothing must be set up without it
   */
  async add(desired: DesiredState, pes: Iterable<IpAddress>, progress: Progress): Promise<boolean> {
    this.#target = guardSetsOf(desired, pes);
    return await this.#try(progress, async () => {
      if (this.#isDoubtful) this.#known = undefined;
      this.#isDoubtful = false;
      this.#known ??= await this.#read();
      const { nftables } = guardAdditions(this.#target, this.#known) ?? {};
      if (nftables === undefined) return;
      await this.#nft.apply({ nftables });
      this.#known = guardUnion(this.#target, this.#known);
    });
  }

  /** What add() left of earlier times, and PEs that nothing leads to any more. */
  async remove(desired: DesiredState, pes: Iterable<IpAddress>, progress: Progress): Promise<void> {
    this.#target = guardSetsOf(desired, pes);
    await this.#try(progress, async () => {
      const known = this.#known;
      const ruleset = known === undefined ? undefined : guardRemovals(this.#target, known);
      if (known === undefined || ruleset === undefined) return;
      await this.#nft.apply(ruleset);
      // Not all of the target: PEs of routes that came while the pass ran are not there yet.
      this.#known = guardCommon(this.#target, known);
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
