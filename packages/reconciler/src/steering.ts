// The door to receive packet steering: rps_cpus of each receive queue under /sys/class/net. Turns it on, never off.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { PacketSteering } from './doors.ts';

/**
 * Without steering the kernel does not hash the packets of a tap or veth, and all MPLS-in-UDP packets of a machine leave with one
 * source port, which routers and network cards then put on one path.
 */
export function openPacketSteering(directory = '/sys/class/net'): PacketSteering {
  return {
    async enable(interface_) {
      const queues = `${directory}/${interface_}/queues`;
      let changed = false;
      for (const queue of await readdir(queues)) {
        if (!queue.startsWith('rx-')) continue;
        const file = `${queues}/${queue}/rps_cpus`;
        if (/[1-9a-f]/.test(await readFile(file, 'utf8'))) continue;
        await writeFile(file, cpuMask(cpus().length));
        changed = true;
      }
      return changed;
    },
  };
}

/** The first `count` CPUs as the kernel writes a mask: groups of eight hexadecimal digits, the highest first, with commas between. */
export function cpuMask(count: number): string {
  const digits = ((1n << BigInt(count)) - 1n).toString(16);
  return digits.replace(/\B(?=(?:[0-9a-f]{8})+$)/g, ',');
}
