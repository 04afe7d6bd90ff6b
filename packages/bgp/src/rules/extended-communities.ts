// Extended communities (RFC 4360) that mean something here, as PathAttributes have them: 16 hexadecimal digits each (40 for those of RFC 5701).

/** RFC 9012 section 4.1: type 03, subtype 0c, reserved, tunnel type. */
const encapsulationStart = '030c00000000';
/** RFC 7432 section 7.7: type 06, subtype 00, flags, reserved, sequence number. */
const mobilityStart = '0600';

export function encapsulationCommunity(tunnelType: number): string {
  return encapsulationStart + tunnelType.toString(16).padStart(4, '0');
}

/** Its tunnel type; undefined for another community. */
export function tunnelTypeOf(community: string): number | undefined {
  return isEncapsulation(community) ? Number.parseInt(community.slice(12), 16) : undefined;
}

export function isEncapsulation(community: string): boolean {
  return community.length === 16 && community.startsWith('030c');
}

/** @param sequenceNumber 32 bits */
export function mobilityCommunity(sequenceNumber: number, sticky = false): string {
  return `${mobilityStart}${sticky ? '01' : '00'}00${sequenceNumber.toString(16).padStart(8, '0')}`;
}

/** Of the MAC Mobility community among these, the highest where there are several; undefined where there is none. */
export function mobilityOf(
  communities: readonly string[],
): { readonly sequenceNumber: number; readonly sticky: boolean } | undefined {
  let best: { sequenceNumber: number; sticky: boolean } | undefined;
  for (const community of communities) {
    if (community.length !== 16 || !community.startsWith(mobilityStart)) continue;
    const sequenceNumber = Number.parseInt(community.slice(8), 16);
    const sticky = (Number.parseInt(community.slice(4, 6), 16) & 1) !== 0;
    if (best === undefined || sequenceNumber > best.sequenceNumber) best = { sequenceNumber, sticky };
  }
  return best;
}

/** RFC 4360 section 2: whether it leaves the AS. */
export function isTransitive(community: string): boolean {
  return (Number.parseInt(community.slice(0, 2), 16) & 0x40) === 0;
}
