// Communities that every speaker knows (RFC 1997, RFC 9494), as 32-bit numbers.

export const noExport = 0xffff_ff01;
export const noAdvertise = 0xffff_ff02;
export const noExportSubconfed = 0xffff_ff03;
/** LLGR_STALE: the route is kept although its speaker has been away for long. */
export const staleLongLived = 0xffff_0006;
/** NO_LLGR: the route is not to be kept for long. */
export const noLongLived = 0xffff_0007;

export function hasCommunity(communities: readonly number[], community: number): boolean {
  return communities.includes(community);
}
