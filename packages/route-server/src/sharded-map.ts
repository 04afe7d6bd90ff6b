// A map of text keys that may become very large without ever standing still for it: a plain Map copies all that it has whenever it
// doubles, which takes 100 ms and more at a million keys. Pure. Up to SPLIT_AT keys it is one Map, in the order of insertion; beyond that it
// is many, in no order.

/** To copy so many takes about a millisecond. */
const SPLIT_AT = 16_384;
/** Two to the power of eight, so that a million keys make maps of 4,096. */
const SHARDS = 256;
/** Keys of a VPN differ most at their end. */
const HASHED_CHARACTERS = 12;

export class ShardedMap<Key extends string, Value> {
  /** One, or SHARDS. */
  #shards: readonly Map<Key, Value>[] = [new Map()];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    return this.#shardOf(key)?.get(key);
  }

  set(key: Key, value: Value): void {
    if (this.#shards.length === 1 && this.#size === SPLIT_AT) this.#split();
    const shard = this.#shardOf(key);
    if (shard === undefined) return;
    const before = shard.size;
    shard.set(key, value);
    this.#size += shard.size - before;
  }

  delete(key: Key): boolean {
    const deleted = this.#shardOf(key)?.delete(key) ?? false;
    if (deleted) this.#size -= 1;
    return deleted;
  }

  /** Of a map that changes meanwhile, what was there and stays comes once; what is new or gone may come or not. */
  *values(): Generator<Value> {
    for (const shard of this.#shards) yield* shard.values();
  }

  #shardOf(key: Key): Map<Key, Value> | undefined {
    return this.#shards[this.#shards.length === 1 ? 0 : shardNumber(key)];
  }

  #split(): void {
    const [all = new Map<Key, Value>()] = this.#shards;
    this.#shards = Array.from({ length: SHARDS }, () => new Map<Key, Value>());
    for (const [key, value] of all) this.#shardOf(key)?.set(key, value);
  }
}

function shardNumber(key: string): number {
  let hash = 0;
  for (let at = Math.max(0, key.length - HASHED_CHARACTERS); at < key.length; at++)
    hash = Math.imul(hash, 31) + key.charCodeAt(at);
  // The upper bits have heard of all characters.
  return Math.imul(hash, 0x9e37_79b1) >>> 24;
}
