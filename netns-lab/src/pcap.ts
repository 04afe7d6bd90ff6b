/** Reads the classic pcap format (draft-ietf-opsawg-pcap) as tcpdump writes it on a little-endian machine. Pure. */

export interface Packet {
  /** Since the epoch, in s. */
  readonly time: number;
  /** From the link layer on. */
  readonly bytes: Uint8Array;
  /** LINKTYPE_*: 1 is Ethernet, 101 raw IP, 113 and 276 Linux cooked. */
  readonly linkType: number;
}

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;

export class PcapReader {
  #rest = Buffer.alloc(0);
  #linkType: number | undefined;

  /** Takes the stream's next bytes, cut anywhere; gives the packets that they complete. Throws RangeError if it is not pcap. */
  push(chunk: Uint8Array): Packet[] {
    let data = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const packets: Packet[] = [];
    if (this.#linkType === undefined && data.length >= FILE_HEADER) {
      if (data.readUInt32LE(0) !== MAGIC_MICROSECONDS)
        throw new RangeError('not a little-endian pcap stream');
      this.#linkType = data.readUInt32LE(20) & 0x0fffffff;
      data = data.subarray(FILE_HEADER);
    }
    if (this.#linkType !== undefined) {
      while (data.length >= RECORD_HEADER) {
        const end = RECORD_HEADER + data.readUInt32LE(8);
        if (data.length < end) break;
        const time = data.readUInt32LE(0) + data.readUInt32LE(4) / 1e6;
        packets.push({
          time,
          bytes: new Uint8Array(data.subarray(RECORD_HEADER, end)),
          linkType: this.#linkType,
        });
        data = data.subarray(end);
      }
    }
    this.#rest = data;
    return packets;
  }
}
