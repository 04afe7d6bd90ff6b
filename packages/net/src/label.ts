// MPLS labels that a VPN route may carry: 20-bit numbers of RFC 3032 without the reserved ones.
import type { Brand } from './brand.ts';
import { NetError } from './error.ts';

/** 16..1048574. */
export type Label = Brand<number, 'Label'>;

/** Labels 0 to 15 are reserved (RFC 3032 section 2.1). */
const firstLabel = 16;
/** Linux counts labels below net.mpls.platform_labels, whose highest value is 1048575: the last label is out of its reach. */
const lastLabel = 1048574;

/** @throws NetError `invalid-label` */
export function parseLabel(label: number): Label {
  if (!Number.isInteger(label) || label < firstLabel || label > lastLabel) {
    throw new NetError(
      'invalid-label',
      String(label),
      `is not an MPLS label from ${firstLabel} to ${lastLabel}`,
    );
  }
  return label as Label;
}
