// The short way through what the content of stanzas mostly is: plain text, and tags without attributes, each whole in the chunk. It only
// is a way: what it finds to be anything else it leaves to the machine, which would have done the same with all of it.
import { IN_NAME, IN_TEXT, PLAIN } from './characters.ts';
import { type Name, names } from './name.ts';
import type { OpenElements } from './open-elements.ts';
import type { RepeatedElements } from './repeated-element.ts';
import type { Run } from './run.ts';

const SLASH = 0x2f;
const LESS = 0x3c;
const GREATER = 0x3e;

/**
 * @param run begins at `from`, where a text of a stanza begins.
 * @returns where it stopped, and the run begins: before a text, or behind the end of the stanza.
 */
export function readPlainContent(
  run: Run,
  elements: OpenElements,
  repeated: RepeatedElements,
  from: number,
  end: number,
  maxNameBytes: number,
): number {
  const { bytes } = run;
  for (let start = from; ; run.start = start) {
    let at = start;
    while (at < end && ((PLAIN[bytes[at] as number] as number) & IN_TEXT) !== 0) at++;
    const tag = at + 1;
    if (tag >= end || bytes[at] !== LESS) return start;
    if (bytes[tag] === SLASH) {
      const name = elements.innermost.bytes;
      const last = tag + 1 + name.length;
      if (last >= end || !isTag(name, bytes, tag + 1)) return start;
      if (at > start) elements.text(run.take(at));
      start = last + 1;
      const begin = elements.close();
      if (begin >= 0) repeated.learn(bytes, begin, start);
      if (elements.depth === 1) return start;
    } else {
      if (at === start) {
        const behind = repeated.take(bytes, at, end);
        if (behind > at) {
          start = behind;
          continue;
        }
        if (repeated.isCut) return start;
      }
      const name = plainName(elements.name, bytes, tag, Math.min(end, tag + maxNameBytes));
      if (name === undefined) return start;
      if (at > start) elements.text(run.take(at));
      elements.start = at;
      elements.open(name);
      start = tag + name.bytes.length + 1;
    }
  }
}

/** The name of the start tag that begins at `at`, if nothing else is in it; it ends before `end`. */
function plainName(before: Name | undefined, bytes: Buffer, at: number, end: number): Name | undefined {
  const guess = before?.follower;
  if (guess !== undefined && at + guess.bytes.length < end && isTag(guess.bytes, bytes, at)) return guess;
  let last = at;
  while (last < end && ((PLAIN[bytes[last] as number] as number) & IN_NAME) !== 0) last++;
  if (last === end || last === at || bytes[last] !== GREATER) return undefined;
  const name = names.get(bytes, at, last);
  if (before?.kept && name.kept) before.follower = name;
  return name;
}

/** Whether the bytes from `at` on are this name and a `>`. */
function isTag(name: Uint8Array, bytes: Buffer, at: number): boolean {
  const { length } = name;
  if (bytes[at + length] !== GREATER) return false;
  for (let index = 0; index < length; index++) if (bytes[at + index] !== name[index]) return false;
  return true;
}
