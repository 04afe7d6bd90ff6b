// MPLS label stack entries (RFC 3032 section 2.1) as attributes carry them: 20 bits of label, 3 of TC, the bottom-of-stack bit, 8 of TTL.
import type { Label } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import type { Payload } from '../wire/reader.ts';
import { malformed } from '../wire/reader.ts';
import type { MessageWriter } from '../wire/writer.ts';

const labelShift = 12;
const bottomOfStack = 0x100;
const largestLabel = 0xfffff;

/** @param labels outermost first. @throws RtnetlinkError `invalid` */
export function writeLabels(writer: MessageWriter, labels: readonly Label[]): void {
  if (labels.length === 0) throw new RtnetlinkError('invalid', 'a label stack without a label');
  labels.forEach((label, at) => {
    if (!(Number.isInteger(label) && label >= 0 && label <= largestLabel))
      throw new RtnetlinkError('invalid', `${label} is not an MPLS label`);
    writer.be32(label * 2 ** labelShift + (at === labels.length - 1 ? bottomOfStack : 0));
  });
}

/** Labels as the kernel holds them: another program's may be reserved ones. @throws RtnetlinkError `decode` */
export function readLabels(payload: Payload): readonly Label[] {
  if (payload.length === 0 || payload.length % 4 !== 0)
    throw malformed(`a label stack of ${payload.length} bytes`);
  const labels: Label[] = [];
  for (let at = 0; at < payload.length; at += 4) labels.push((payload.be32(at) >>> labelShift) as Label);
  return labels;
}
