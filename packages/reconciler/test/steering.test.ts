import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cpuMask, openPacketSteering } from '../src/steering.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hostpe-steering-'));
  for (const queue of ['rx-0', 'rx-1', 'tx-0'])
    await mkdir(join(directory, 'v-red1/queues', queue), { recursive: true });
  await writeFile(file('rx-0'), '00000000,00000000\n');
  await writeFile(file('rx-1'), '2\n');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function file(queue: string): string {
  return join(directory, 'v-red1/queues', queue, 'rps_cpus');
}

test('queues without a mask get all CPUs; one that an operator set stays', async () => {
  const steering = openPacketSteering(directory);
  expect(await steering.enable('v-red1')).toBe(true);
  expect(await readFile(file('rx-0'), 'utf8')).toBe(cpuMask(cpus().length));
  expect(await readFile(file('rx-1'), 'utf8')).toBe('2\n');
  expect(await steering.enable('v-red1')).toBe(false);
});

test('an interface that is gone is an error for the caller to tell', async () => {
  await expect(openPacketSteering(directory).enable('v-red9')).rejects.toThrow('ENOENT');
});

test.each([
  [1, '1'],
  [2, '3'],
  [32, 'ffffffff'],
  [36, 'f,ffffffff'],
  [128, 'ffffffff,ffffffff,ffffffff,ffffffff'],
])('%i CPUs as a mask', (count, mask) => {
  expect(cpuMask(count)).toBe(mask);
});
