/**
 * Unpacks a bzImage (Documentation/x86/boot.rst, "The real-mode kernel header"), so that QEMU starts the kernel itself
 * by its PVH entry: the kernel's own unpacking takes half of the boot under emulation.
 */
import { zstdDecompressSync } from 'node:zlib';
import { execa } from 'execa';

const ELF = Buffer.from('\x7fELF', 'latin1');
const XZ = Buffer.from('fd377a585a00', 'hex');
const ZSTD = Buffer.from('28b52ffd', 'hex');

/** The ELF image in a bzImage; `undefined` where it is packed in a way that is not known here. Needs xz for xz. */
export async function unpackImage(bzImage: Buffer): Promise<Buffer | undefined> {
  if (bzImage.length < 0x250 || bzImage.toString('latin1', 0x202, 0x206) !== 'HdrS') return undefined;
  const start = ((bzImage[0x1f1] ?? 0) + 1) * 512 + bzImage.readUInt32LE(0x248);
  // The last four bytes are the unpacked size, added by the kernel's build.
  const packed = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c) - 4);
  const unpacked = await unpack(packed);
  return unpacked?.subarray(0, ELF.length).equals(ELF) === true ? unpacked : undefined;
}

async function unpack(packed: Buffer): Promise<Buffer | undefined> {
  const begins = (magic: Buffer) => packed.subarray(0, magic.length).equals(magic);
  if (begins(ZSTD)) return zstdDecompressSync(packed);
  if (!begins(XZ)) return undefined;
  const { stdout } = await execa('xz', ['-dc'], { input: packed, encoding: 'buffer' });
  return Buffer.from(stdout);
}
