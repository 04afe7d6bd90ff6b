// Run by itself: how much work the parser has with streams of one size and of four times that, told as JSON, [name, once, fourfold]
// each. Work is what V8 counts, each block of the sources as often as it runs, and the bytes that are copied: no clock.
import { Session } from 'node:inspector';
import { STREAM_LIMITS } from '../../src/parser/limits.ts';

const HEADER = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const LIMITS = { ...STREAM_LIMITS, maxStanzaBytes: 2 ** 22 };
const SIZE = 400;

const names = (count: number): string =>
  Array.from({ length: count }, (_, n) => {
    const digits = String(n + 32).padStart(5, '0');
    return `<n${digits} a${digits}='' b='&#${digits};'/>`;
  }).join('');

/** Each of a size, in chunks of so many bytes. */
const streams: readonly (readonly [name: string, stream: (size: number) => string, chunk: number])[] = [
  ['one text, byte by byte', (n) => `<a>${'x'.repeat(n * 20)}</a>`, 1],
  ['one value, byte by byte', (n) => `<a b='${'é\r'.repeat(n * 10)}'/>`, 1],
  ['many line ends', (n) => `<a>${'\r'.repeat(n * 20)}</a>`, 4096],
  ['one text of closing brackets', (n) => `<a>${']'.repeat(n * 20)}</a>`, 7],
  ['a CDATA section that nearly ends', (n) => `<a><![CDATA[${']]'.repeat(n * 10)}]]></a>`, 7],
  ['references', (n) => `<a>${'&lt;'.repeat(n * 10)}</a>`, 7],
  ['one reference', (n) => `<a>&#${'0'.repeat(n * 10)}65;</a>`, 7],
  ['elements', (n) => `<a>${'<b/><c></c>'.repeat(n)}</a>`, 64],
  ['elements, byte by byte', (n) => `<a>${'<b/><c></c>'.repeat(n)}</a>`, 1],
  ['new names', (n) => `<a>${names(n)}</a>`, 64],
  ['namespaces', (n) => `<a>${"<a xmlns:p='u' xmlns:q='v' xmlns='w'/>".repeat(n)}</a>`, 64],
  ['deep elements', (n) => `${'<a>'.repeat(30)}${'</a>'.repeat(30)}`.repeat(n / 20), 64],
  ['stanzas', (n) => '<a/> \n'.repeat(n), 64],
];

let copied = 0;
const { copy: copyBytes, toString: copyText } = Buffer.prototype;
Buffer.prototype.copy = function (...where: Parameters<typeof copyBytes>): number {
  const count = copyBytes.apply(this, where);
  copied += count;
  return count;
};
Buffer.prototype.toString = function (...where: Parameters<typeof copyText>): string {
  const text = copyText.apply(this, where);
  copied += text.length;
  return text;
};

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
// Only what is compiled from now on is counted by blocks.
const { StreamParser } = await import('../../src/stream-parser.ts');

function blocks(): number {
  let count = 0;
  session.post('Profiler.takePreciseCoverage', (_error, { result }) => {
    const ours = result.filter(({ url }) => url.includes('/xmpp/src/'));
    for (const { functions } of ours)
      for (const { ranges } of functions) for (const range of ranges) count += range.count;
  });
  return count;
}

function work(text: string, chunk: number): number {
  const bytes = Buffer.from(HEADER + text);
  const parser = new StreamParser(LIMITS);
  parser.on('error', (error) => {
    throw error;
  });
  blocks();
  copied = 0;
  for (let at = 0; at < bytes.length; at += chunk) parser.write(bytes.subarray(at, at + chunk));
  return copied + blocks();
}

// What runs for the first time only is not counted, nor that a table of names fills up: from then on each new name has another's place.
for (const [, stream, chunk] of streams) work(stream(SIZE * 4), chunk);
const found = streams.map(([name, stream, chunk]) => [
  name,
  work(stream(SIZE), chunk),
  work(stream(SIZE * 4), chunk),
]);
process.stdout.write(JSON.stringify(found));
