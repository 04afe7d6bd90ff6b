// What one subscriber has still to hear of one VPN: its place in the table, and whether End-of-RIB is due. Never sends.
import type { TableReader, TableSegment } from './table-reader.ts';

/**
 * A message carries up to this much, as `sizeOf` counts it; an item or a next-hop is some 100 to 200 bytes on the wire. Large enough
 * that the frame around it costs nothing, far below the 256 KiB that other implementations take.
 */
export const SEGMENT_SIZE = 200;

export class VpnFeed {
  readonly #reader: TableReader;
  readonly #segmentSize: number;
  #endOfRibIsDue = false;

  constructor(reader: TableReader, segmentSize: number) {
    this.#reader = reader;
    this.#segmentSize = segmentSize;
  }

  /** End-of-RIB is due as soon as there is nothing else to say: what changed meanwhile was perhaps not said yet in any form. */
  endOfRib(): void {
    this.#endOfRibIsDue = true;
  }

  /** End-of-RIB that was not said yet is not to be. */
  forgetEndOfRib(): void {
    this.#endOfRibIsDue = false;
  }

  /** The whole table again. */
  restart(): void {
    this.#reader.restart();
  }

  /** Undefined when there is nothing more. */
  next(): TableSegment | 'end-of-rib' | undefined {
    const segment = this.#reader.next(this.#segmentSize);
    if (segment !== undefined || !this.#endOfRibIsDue) return segment;
    this.#endOfRibIsDue = false;
    return 'end-of-rib';
  }

  close(): void {
    this.#reader.close();
  }
}
