// The byte order of this machine: netlink speaks it, but for the attributes that carry network numbers.
import { endianness } from 'node:os';

export const littleEndian = endianness() === 'LE';
