// Numbers of requests that have a narrower range than the bits that carry them.
import { RtnetlinkError } from '../../errors.ts';

/**
 * @param name of the field in the kernel's headers; absent: who calls names it.
 * @throws RtnetlinkError `invalid`
 */
export function inRange(value: number, least: number, most: number, name?: string): number {
  if (!(Number.isInteger(value) && value >= least && value <= most)) {
    const words = `${value} is not a number from ${least} to ${most}`;
    throw new RtnetlinkError('invalid', name === undefined ? words : `${name}: ${words}`);
  }
  return value;
}
