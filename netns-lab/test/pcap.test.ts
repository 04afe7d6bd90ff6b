import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PcapReader } from '../src/pcap.ts';

function pcap(packets: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt32LE(1, 20);
  const records = packets.flatMap((bytes, index) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1000 + index, 0);
    record.writeUInt32LE(500_000, 4);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(bytes.length, 12);
    return [record, bytes];
  });
  return Buffer.concat([header, ...records]);
}

test('packets come out whole, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), fc.array(fc.nat()), (packets, cuts) => {
      const stream = pcap(packets);
      const at = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
      const reader = new PcapReader();
      const read = at.flatMap((end, index) => reader.push(stream.subarray(at[index - 1] ?? 0, end)));
      expect(read).toEqual(
        packets.map((bytes, index) => ({ time: 1000.5 + index, bytes: new Uint8Array(bytes), linkType: 1 })),
      );
    }),
  );
});

test('what is not pcap is refused', () => {
  expect(() => new PcapReader().push(Buffer.alloc(24))).toThrow('not a little-endian pcap stream');
});
