// Routes to the kernel and out of it, in columns: while the kernel works on one batch the next is filled. Owns the form of the messages; never
// decides on routes.
import type { RouteColumns, Rtnetlink, RtnetlinkError } from '@hostpe/rtnetlink';
import { newRouteColumns } from '@hostpe/rtnetlink';
import { FORWARDER_PROTOCOL } from '../layout.ts';
import type { RowBatch } from './route-work.ts';

/** Routes of one call: some tens of milliseconds of the kernel's time. */
const LIMIT = 16_384;

export interface WrittenRoute {
  readonly batch: RowBatch;
  readonly row: number;
  readonly id: number;
}

type Done = (route: WrittenRoute, error: RtnetlinkError | undefined) => void;

/** Routes of one family that wait to be handed over. */
class Filling {
  readonly batches: RowBatch[] = [];
  readonly rows = new Uint32Array(LIMIT);
  readonly ids = new Uint32Array(LIMIT);

  add(batch: RowBatch, row: number, id: number): boolean {
    const at = this.batches.push(batch);
    this.rows[at - 1] = row;
    this.ids[at - 1] = id;
    return at === LIMIT;
  }

  columns(family: 'ipv4' | 'ipv6'): RouteColumns {
    const { length } = this.batches;
    const columns = newRouteColumns(family, length);
    columns.protocols.fill(FORWARDER_PROTOCOL);
    columns.nexthopIds.set(this.ids.subarray(0, length));
    for (let at = 0; at < length; at++) {
      const batch = this.batches[at] as RowBatch;
      const row = this.rows[at] as number;
      const { index } = batch.rows;
      index.copyWords(row, columns.addresses, at * index.width);
      columns.prefixLengths[at] = index.lengthAt(row);
      columns.tables[at] = batch.vpn.table;
    }
    return columns;
  }
}

export class RouteWriter {
  readonly #rtnetlink: Rtnetlink;
  readonly #op: 'replace' | 'delete';
  readonly #done: Done;
  readonly #filling: Record<'ipv4' | 'ipv6', Filling | undefined> = { ipv4: undefined, ipv6: undefined };
  #running: Promise<void> = Promise.resolve();

  /** @param done is called for each route, in the order of a family */
  constructor(rtnetlink: Rtnetlink, op: 'replace' | 'delete', done: Done) {
    this.#rtnetlink = rtnetlink;
    this.#op = op;
    this.#done = done;
  }

  /**
   * @param id nexthop id of the route: of a delete, that which it has
   * @returns whether `flush` has to be waited for before the next
   */
  add(batch: RowBatch, row: number, id: number): boolean {
    const { family } = batch.rows.index;
    this.#filling[family] ??= new Filling();
    return this.#filling[family].add(batch, row, id);
  }

  /** Hands over what there is, once the batch before is through. @throws RtnetlinkError when the door itself is broken */
  async flush(): Promise<void> {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const filling = this.#filling[family];
      if (filling === undefined) continue;
      this.#filling[family] = undefined;
      const columns = filling.columns(family);
      await this.#running;
      this.#running = this.#send(columns, filling);
      // Whoever comes next gets the error.
      this.#running.catch(() => {});
    }
  }

  /** All routes are in the kernel, or told as failed. @throws RtnetlinkError when the door itself is broken */
  async finish(): Promise<void> {
    await this.flush();
    await this.#running;
  }

  async #send(columns: RouteColumns, { batches, rows, ids }: Filling): Promise<void> {
    const errors = await this.#rtnetlink.executeRoutes(this.#op, columns);
    for (const [at, batch] of batches.entries())
      this.#done({ batch, row: rows[at] as number, id: ids[at] as number }, errors.get(at));
  }
}
