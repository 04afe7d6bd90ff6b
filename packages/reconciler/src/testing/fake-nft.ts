// nftables in memory, as far as the guard uses it: tables, their objects and set elements. Lists as nft 1.0.6 does.
// Knows no packets.
import type { Nft, WatchNft } from '../doors.ts';
import { ReconcilerError } from '../errors.ts';
import type { Json } from '../guard-expressions.ts';
import { isRecord } from '../guard-ruleset.ts';

interface FakeTable {
  readonly objects: Json[];
  /** By set name. */
  readonly elements: Map<string, Map<string, Json>>;
}

export class FakeNft implements Nft {
  /** Each transaction that was asked for, failed ones too. */
  readonly log: object[] = [];
  /** Makes each command fail with this text while it is set. */
  failure: string | undefined;
  #tables = new Map<string, FakeTable>();
  readonly #watchers = new Set<(name: string | undefined, missed?: string) => void>();

  async apply(ruleset: object): Promise<void> {
    this.log.push(ruleset);
    if (this.failure !== undefined) throw new ReconcilerError('nft', `nft transaction: ${this.failure}`);
    const before = this.#tables;
    const commands = (ruleset as { readonly nftables: readonly Json[] }).nftables;
    this.#tables = structuredClone(before);
    try {
      for (const command of commands) this.#run(command);
    } catch (error) {
      this.#tables = before;
      throw error;
    }
    for (const command of commands) {
      const [op, object] = firstEntry(command);
      const [kind, body] = firstEntry(object);
      if (op === 'delete' && kind === 'table' && isRecord(body)) {
        const name = `${body['family']} ${body['name']}`;
        if (before.has(name)) this.#tell(name);
      }
    }
  }

  async list(table: string): Promise<object | undefined> {
    if (this.failure !== undefined)
      throw new ReconcilerError('nft', `nft list table ${table}: ${this.failure}`);
    const found = this.#tables.get(table);
    if (found === undefined) return undefined;
    const nftables = found.objects.map((object): Json => {
      const [kind, set] = firstEntry(object);
      if (!isRecord(set) || !['set', 'map'].includes(kind)) return object;
      const elem = [...(found.elements.get(String(set['name']))?.values() ?? [])];
      return { [kind]: { ...set, handle: 1, ...(elem.length === 0 ? {} : { elem }) } };
    });
    return { nftables: [{ metainfo: { json_schema_version: 1 } }, ...nftables] };
  }

  /** The elements of a set, as text: `elements('inet hostpe', 'pes')`. */
  elements(table: string, set: string): string[] {
    return [...(this.#tables.get(table)?.elements.get(set)?.values() ?? [])].map(elementText).sort();
  }

  /** Tells as nft's monitor does. */
  readonly watch: WatchNft = (table, listener) => {
    const tell = (name: string | undefined, missed?: string) => {
      if (name === undefined || name.endsWith(` ${table}`)) listener(missed);
    };
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  };

  /** A hand at the tables: `nft flush ruleset`. */
  flush(): void {
    const names = [...this.#tables.keys()];
    this.flushUnnoticed();
    for (const name of names) this.#tell(name);
  }

  /** The same while the monitor was away. */
  flushUnnoticed(): void {
    this.#tables.clear();
  }

  /** The monitor ends. */
  blind(reason: string): void {
    this.#tell(undefined, reason);
  }

  #tell(name: string | undefined, missed?: string): void {
    for (const tell of this.#watchers) tell(name, missed);
  }

  #run(command: Json): void {
    const [op, object] = firstEntry(command);
    const [kind, body] = firstEntry(object);
    if (!isRecord(body)) throw new ReconcilerError('nft', `fake nft: ${kind} without a body`);
    const name =
      kind === 'table' ? `${body['family']} ${body['name']}` : `${body['family']} ${body['table']}`;
    if (kind === 'table') {
      if (op === 'delete' && !this.#tables.delete(name)) throw missing(name);
      if (op === 'add' && !this.#tables.has(name))
        this.#tables.set(name, { objects: [], elements: new Map() });
      return;
    }
    const table = this.#tables.get(name);
    if (table === undefined) throw missing(name);
    if (kind !== 'element') {
      table.objects.push(object);
      if (kind === 'set' || kind === 'map') table.elements.set(String(body['name']), new Map());
      return;
    }
    const elements = table.elements.get(String(body['name']));
    if (elements === undefined) throw missing(`${name} ${body['name']}`);
    for (const element of body['elem'] as readonly Json[]) {
      const key = JSON.stringify(element);
      if (op === 'add') elements.set(key, element);
      else if (!elements.delete(key)) throw missing(key);
    }
  }
}

function firstEntry(value: Json): [string, Json] {
  const entry = isRecord(value) ? Object.entries(value)[0] : undefined;
  if (entry === undefined) throw new ReconcilerError('nft', 'fake nft: an empty command');
  return entry;
}

function missing(what: string): ReconcilerError {
  return new ReconcilerError('nft', `Error: Could not process rule: No such file or directory: ${what}`);
}

function elementText(element: Json): string {
  if (!isRecord(element)) return String(element);
  const { concat, prefix } = element;
  if (isRecord(prefix)) return `${prefix['addr']}/${prefix['len']}`;
  return Array.isArray(concat) ? concat.join(' . ') : JSON.stringify(element);
}
