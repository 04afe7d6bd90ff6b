// What the guard has dropped, by reason, as operators ask for it. Reads only.
import type { Nft } from './doors.ts';
import { readGuard } from './guard.ts';
import { GUARD_TABLE, guardShapes, guardTables } from './guard-tables.ts';

export interface Drop {
  /** Family and name of the nftables table. */
  readonly table: string;
  /** Name of the counter in it. */
  readonly reason: string;
  readonly packets: number;
  /** Of IP packets, without the frame. */
  readonly bytes: number;
}

/** @returns one for each reason, also where nothing was dropped; empty where the guard is not whole. @throws ReconcilerError `nft` */
export async function readDrops(nft: Nft): Promise<readonly Drop[]> {
  const listings: (object | undefined)[] = [];
  for (const table of guardTables) listings.push(await nft.list(`${table} ${GUARD_TABLE}`));
  const counts = readGuard(listings)?.counts;
  if (counts === undefined) return [];
  return guardTables.flatMap((table) =>
    guardShapes[table].counters.map((reason) => {
      const { packets, bytes } = counts.get(table)?.get(reason) ?? { packets: 0, bytes: 0 };
      return { table: `${table} ${GUARD_TABLE}`, reason, packets, bytes };
    }),
  );
}
