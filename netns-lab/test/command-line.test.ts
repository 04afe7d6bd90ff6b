import { describe, expect, test } from 'vitest';
import { parseCommandLine } from '../src/command-line.ts';

describe('the command line', () => {
  test('of run: options before --, the command untouched after it', () => {
    const line = 'run --timeout 5 --memory 512 --output out --env A --env B --qemu -- sh -c true --timeout';
    expect(parseCommandLine(line.split(' '))).toEqual({
      kind: 'run',
      command: ['sh', '-c', 'true', '--timeout'],
      where: 'qemu',
      timeout: 5000,
      memory: 512,
      output: 'out',
      env: ['A', 'B'],
    });
  });

  test('has defaults', () => {
    expect(parseCommandLine(['run', '--', 'true'])).toMatchObject({
      where: 'auto',
      timeout: 1_800_000,
      memory: 4096,
      env: [],
    });
  });

  test.each([
    ['fly', "unknown command 'fly'"],
    ['run true', "after '--'"],
    ['run --', "after '--'"],
    ['run --timeout soon -- true', '--timeout soon'],
    ['run --timeout 0 -- true', 'whole number from 1'],
    ['run --env A=1 -- true', 'a name is expected'],
    ['run --qemu --native -- true', 'exclude each other'],
    ['probe --verbose', '--verbose'],
  ])('%s is refused', (line, fault) => {
    expect(() => parseCommandLine(line.split(' '))).toThrow(fault);
  });
});
