// A message as a list of what it says, to compare one with another.
import type { AttributeNames } from '../src/codec/wire/attributes.ts';
import type { Message } from '../src/codec/wire/message.ts';
import { alignment, attributeHeaderLength } from '../src/codec/wire/writer.ts';

/** Every attribute that holds none, by its name, and the struct before them. @param header its length */
export function leaves({ payload }: Message, table: AttributeNames, header: number): string[] {
  const all = [`header ${hexOf(payload.bytes(0, header))}`];
  for (let offset = header; offset < payload.length; offset += alignment) {
    const place = table.at(payload, offset, header);
    if (place === undefined || place.inside !== undefined) continue;
    const name = place.path.slice(place.path.lastIndexOf('/') + 1);
    const length = payload.u16(offset) - attributeHeaderLength;
    const value = hexOf(payload.bytes(offset + attributeHeaderLength, length));
    // We end a kind's name with a zero, as the kernel does.
    all.push(`${name} ${name.endsWith('_KIND') ? value.replace(/(?:00)+$/, '') : value}`);
  }
  return all;
}

/** What one has and the other has not, as golden.ts lists it. */
export function differences(ours: readonly string[], theirs: readonly string[]): string[] {
  const theirOnes = theirs.filter((leaf) => !ours.includes(leaf) && !/^\w+ 0*$/.test(leaf));
  const ourOnes = ours.filter((leaf) => !theirs.includes(leaf));
  return [...theirOnes.map((leaf) => `theirs ${leaf}`), ...ourOnes.map((leaf) => `ours ${leaf}`)];
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
