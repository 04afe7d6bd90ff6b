// Capabilities of OPEN (RFC 5492) as values and bytes. Those that are not known, or not of the length that they should be, are kept as they came.
import type { Capability } from '../messages.ts';
import { type ByteWriter, read16, read32 } from './bytes.ts';
import { familyFromNumbers, familyNumbers } from './families.ts';

const modes = ['receive', 'send', 'both'] as const;

/** @param value the capability's value alone. */
export function decodeCapability(code: number, value: Uint8Array): Capability {
  const family = (at: number) => familyFromNumbers(read16(value, at), value[at + 2] ?? 0);
  const unknown: Capability = { kind: 'unknown', code, value: value.slice() };
  switch (code) {
    case 1:
      return value.length === 4
        ? { kind: 'multiprotocol', family: familyFromNumbers(read16(value, 0), value[3] ?? 0) }
        : unknown;
    case 2:
      return value.length === 0 ? { kind: 'route-refresh' } : unknown;
    case 5:
      if (value.length % 6 !== 0) return unknown;
      return {
        kind: 'extended-nexthop',
        entries: every(value, 6).flatMap((at) => {
          const nexthop = read16(value, at + 4);
          if (nexthop !== 1 && nexthop !== 2) return [];
          const named = familyFromNumbers(read16(value, at), read16(value, at + 2));
          return [{ family: named, nexthop: nexthop === 1 ? ('ipv4' as const) : ('ipv6' as const) }];
        }),
      };
    case 6:
      return value.length === 0 ? { kind: 'extended-message' } : unknown;
    case 64:
      if (value.length < 2 || value.length % 4 !== 2) return unknown;
      return {
        kind: 'graceful-restart',
        restarting: ((value[0] ?? 0) & 0x80) !== 0,
        notification: ((value[0] ?? 0) & 0x40) !== 0,
        time: read16(value, 0) & 0xfff,
        families: every(value.subarray(2), 4).map((at) => ({
          family: family(at + 2),
          forwarding: ((value[at + 5] ?? 0) & 0x80) !== 0,
        })),
      };
    case 65:
      return value.length === 4 ? { kind: 'as4', as: read32(value, 0) } : unknown;
    case 69:
      if (value.length % 4 !== 0) return unknown;
      return {
        kind: 'add-path',
        // RFC 7911 section 4: an entry of another mode is ignored.
        families: every(value, 4).flatMap((at) => {
          const mode = modes[(value[at + 3] ?? 0) - 1];
          return mode === undefined ? [] : [{ family: family(at), mode }];
        }),
      };
    case 70:
      return value.length === 0 ? { kind: 'enhanced-route-refresh' } : unknown;
    case 71:
      if (value.length % 7 !== 0) return unknown;
      return {
        kind: 'long-lived-graceful-restart',
        families: every(value, 7).map((at) => ({
          family: family(at),
          forwarding: ((value[at + 3] ?? 0) & 0x80) !== 0,
          time: read32(value, at + 3) & 0xffffff,
        })),
      };
    default:
      return unknown;
  }
}

/** Writes code, length and value. */
export function encodeCapability(writer: ByteWriter, capability: Capability): void {
  const place = writer.length;
  writer.u16(0);
  writer.patch8(place, writeValue(writer, capability));
  writer.patch8(place + 1, writer.length - place - 2);
}

/** @returns the code. */
function writeValue(writer: ByteWriter, capability: Capability): number {
  const family = (of: Parameters<typeof familyNumbers>[0]): void => {
    const { afi, safi } = familyNumbers(of);
    writer.u16(afi);
    writer.u8(safi);
  };
  switch (capability.kind) {
    case 'multiprotocol': {
      const { afi, safi } = familyNumbers(capability.family);
      writer.u16(afi);
      writer.u16(safi);
      return 1;
    }
    case 'route-refresh':
      return 2;
    case 'extended-nexthop':
      for (const entry of capability.entries) {
        const { afi, safi } = familyNumbers(entry.family);
        writer.u16(afi);
        writer.u16(safi);
        writer.u16(entry.nexthop === 'ipv4' ? 1 : 2);
      }
      return 5;
    case 'extended-message':
      return 6;
    case 'graceful-restart':
      writer.u16(
        (capability.restarting ? 0x8000 : 0) | (capability.notification ? 0x4000 : 0) | capability.time,
      );
      for (const entry of capability.families) {
        family(entry.family);
        writer.u8(entry.forwarding ? 0x80 : 0);
      }
      return 64;
    case 'as4':
      writer.u32(capability.as);
      return 65;
    case 'add-path':
      for (const entry of capability.families) {
        family(entry.family);
        writer.u8(modes.indexOf(entry.mode) + 1);
      }
      return 69;
    case 'enhanced-route-refresh':
      return 70;
    case 'long-lived-graceful-restart':
      for (const entry of capability.families) {
        family(entry.family);
        writer.u8(entry.forwarding ? 0x80 : 0);
        writer.u24(entry.time);
      }
      return 71;
    case 'unknown':
      writer.bytes(capability.value);
      return capability.code;
  }
}

function every(bytes: Uint8Array, octets: number): number[] {
  return Array.from({ length: Math.floor(bytes.length / octets) }, (_, index) => index * octets);
}
