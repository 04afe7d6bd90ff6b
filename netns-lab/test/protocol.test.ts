import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EndMark, guestMessage, parseGuestLine } from '../src/kernel/protocol.ts';

const END = 'feed';

describe('the end mark', () => {
  test('gives every byte before it, however the stream is cut, and is seen at its end only', () => {
    // Bytes of the mark itself are frequent here, so that it begins in the output again and again.
    const bytes = fc.array(fc.constantFrom(0, ...Buffer.from(END), 255), { maxLength: 60 });
    fc.assert(
      fc.property(bytes, fc.array(fc.nat()), (output, cuts) => {
        const body = Buffer.from(output);
        fc.pre(!body.includes(`\0${END}`));
        const stream = Buffer.concat([body, Buffer.from(`\0${END}`)]);
        const at = [0, ...cuts.map((cut) => cut % stream.length).sort((a, b) => a - b), stream.length];
        const mark = new EndMark(END);
        const read: Buffer[] = [];
        for (const [index, end] of at.entries()) {
          expect(mark.reached).toBe(false);
          read.push(mark.push(stream.subarray(at[index - 1] ?? 0, end)));
        }
        expect(mark.reached).toBe(true);
        expect(Buffer.concat(read)).toEqual(body);
      }),
    );
  });

  test('holds nothing back that cannot be its beginning', () => {
    expect(new EndMark(END).push(Buffer.from('a prompt> ')).toString()).toBe('a prompt> ');
  });
});

test('arguments and variables reach the guest as they are', () => {
  const odd = ['a b', "it's", '$HOME `x` "y"', '', 'new\nline', '*'];
  const message = guestMessage({
    command: ['printf', '%s|', ...odd],
    cwd: '/usr',
    env: { A: "it's $B" },
    output: '/out',
    terminal: false,
    end: END,
  });
  const [output, terminal, end, length, ...script] = message.toString().split('\n');
  expect([output, terminal, end]).toEqual(['/out', 'no', END]);
  expect(Number(length)).toBe(Buffer.byteLength(script.join('\n')));
  expect(execFileSync('sh', { input: script.join('\n') }).toString()).toBe(`${odd.join('|')}|`);
});

test('the words of the guest', () => {
  expect(['booted', 'ready', 'exit 7', 'failed: why', 'exit', 'noise'].map(parseGuestLine)).toEqual([
    { kind: 'booted' },
    { kind: 'ready' },
    { kind: 'exit', code: 7 },
    { kind: 'failed', reason: 'why' },
    undefined,
    undefined,
  ]);
});
