export { decodeEvent, decodeRequest } from './decode-message.ts';
export { encodeEvent, encodeReply, encodeRequest } from './encode-draft.ts';
export type { SignalingErrorCode } from './errors.ts';
export { SignalingError } from './errors.ts';
export { isVpnName } from './limits.ts';
export type { RejectedItem, VpnEvent, VpnNexthop, VpnRequest, VpnRoute } from './messages.ts';
export { VpnRouteTable } from './route-table.ts';
