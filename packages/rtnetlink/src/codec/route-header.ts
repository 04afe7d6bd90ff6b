// struct rtmsg of linux/rtnetlink.h, which IP routes and label routes share.
import type { RouteFamily } from '../objects.ts';
import { familyNumber } from './family.ts';
import type { MessageWriter } from './writer.ts';

export const routeHeaderLength = 12;

export interface RouteHeader {
  readonly family: RouteFamily;
  /** rtm_dst_len, bits. */
  readonly length: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
}

export function writeRouteHeader(writer: MessageWriter, header: RouteHeader): void {
  writer.u8(familyNumber[header.family]);
  writer.u8(header.length);
  writer.u8(0);
  writer.u8(0);
  writer.u8(header.table);
  writer.u8(header.protocol);
  writer.u8(header.scope);
  writer.u8(header.type);
  writer.u32(0);
}
