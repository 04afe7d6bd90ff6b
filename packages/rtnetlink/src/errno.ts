// Names of error numbers as the kernel's uapi headers have them.
import { constants } from 'node:os';

/** What Node's own table lacks and the network stack says. */
const further: Readonly<Record<string, number>> = {
  ESOCKTNOSUPPORT: 94,
  EPFNOSUPPORT: 96,
  ESHUTDOWN: 108,
  EHOSTDOWN: 112,
  // Of the kernel's inside, and seen outside all the same.
  ENOTSUPP: 524,
};

const names: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  ...Object.entries(further).map(([name, number]) => [number, name] as const),
  // Two names for one number: these are the ones that the headers and iproute2 use.
  [constants.errno.EOPNOTSUPP, 'EOPNOTSUPP'],
  [constants.errno.EAGAIN, 'EAGAIN'],
]);

/** @param number positive. @returns for example `EEXIST`; `E999` for a number without a name. */
export function errnoName(number: number): string {
  return names.get(number) ?? `E${number}`;
}
