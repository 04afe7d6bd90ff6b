// OPEN (RFC 4271 sections 4.2 and 6.2) with capabilities (RFC 5492) and long optional parameters (RFC 9072). Whether the peer is the right one is the session's.
import { addressFromBytes, addressToBytes } from '@hostpe/net';
import { malformed } from '../error.ts';
import type { Capability, OpenMessage } from '../messages.ts';
import { type ByteWriter, read16, read32 } from './bytes.ts';
import { decodeCapability, encodeCapability } from './capabilities.ts';

export const asTrans = 23_456;
const capabilitiesParameter = 2;

/** @param body what follows the header, at least 10 octets. @throws BgpError `malformed` */
export function decodeOpen(body: Uint8Array): OpenMessage {
  if (body[0] !== 4) throw malformed(2, 1, `BGP version ${body[0]}; 4 is spoken`, Uint8Array.of(0, 4));
  const holdTime = read16(body, 3);
  if (holdTime === 1 || holdTime === 2)
    throw malformed(2, 6, `a hold time of ${holdTime} s; 0 or at least 3 is possible`);
  if (read32(body, 5) === 0) throw malformed(2, 3, 'a BGP identifier of 0');
  const capabilities = decodeParameters(body);
  const as4 = capabilities.find((capability) => capability.kind === 'as4');
  const as = as4 === undefined ? read16(body, 1) : as4.as;
  if (as === 0) throw malformed(2, 2, 'AS number 0 (RFC 7607)');
  return { type: 'open', as, holdTime, identifier: addressFromBytes(body.subarray(5, 9)), capabilities };
}

function decodeParameters(body: Uint8Array): Capability[] {
  const long = body[9] === 255 && body[10] === 255;
  const size = long ? 2 : 1;
  const start = long ? 13 : 10;
  const length = long ? read16(body, 11) : (body[9] ?? 0);
  if (body.length !== start + length)
    throw malformed(2, 0, 'optional parameters that do not end with the message');
  const capabilities: Capability[] = [];
  for (let at = start; at < body.length; ) {
    const type = body[at] ?? 0;
    const value = at + 1 + size;
    const end = value + (long ? read16(body, at + 1) : (body[at + 1] ?? 0));
    if (end > body.length || value > body.length)
      throw malformed(2, 0, 'an optional parameter that is longer than the message');
    if (type !== capabilitiesParameter)
      throw malformed(2, 4, `optional parameter ${type}, which is not known`);
    for (let inner = value; inner < end; ) {
      const next = inner + 2 + (body[inner + 1] ?? 0);
      if (inner + 2 > end || next > end)
        throw malformed(2, 0, 'a capability that is longer than its parameter');
      capabilities.push(decodeCapability(body[inner] ?? 0, body.subarray(inner + 2, next)));
      inner = next;
    }
    at = end;
  }
  return capabilities;
}

/** Each capability in a parameter of its own, which every speaker reads. */
export function encodeOpen(writer: ByteWriter, open: OpenMessage): void {
  writer.u8(4);
  writer.u16(open.as > 0xffff ? asTrans : open.as);
  writer.u16(open.holdTime);
  writer.bytes(addressToBytes(open.identifier));
  const place = writer.length;
  const write = (long: boolean): void => {
    writer.length = place;
    writer.bytes(long ? Uint8Array.of(255, 255, 0, 0) : Uint8Array.of(0));
    for (const capability of open.capabilities) {
      const parameter = writer.length;
      writer.u8(capabilitiesParameter);
      writer.bytes(new Uint8Array(long ? 2 : 1));
      encodeCapability(writer, capability);
      if (long) writer.patch16(parameter + 1, writer.length - parameter - 3);
      else writer.patch8(parameter + 1, writer.length - parameter - 2);
    }
  };
  write(false);
  if (writer.length - place - 1 <= 255) {
    writer.patch8(place, writer.length - place - 1);
  } else {
    write(true);
    writer.patch16(place + 2, writer.length - place - 4);
  }
}
