// Names of elements and attributes, and of namespaces: read once, then known by their bytes.
import { ByteTable, internalised } from './byte-table.ts';
import { isNameStart } from './characters.ts';
import { refuse } from './refuse.ts';

/** A qualified name (Namespaces in XML 1.0 section 4). Its strings are internalised: to compare them is to compare pointers. */
export interface Name {
  /** As written. */
  readonly bytes: Uint8Array;
  readonly text: string;
  /** '' where it has none. */
  readonly prefix: string;
  readonly local: string;
  /** Of a namespace declaration the prefix that it binds, '' for the default namespace. */
  readonly declares: string | undefined;
  /** The name without attributes that came after it the last time, in any stream: a guess that spares the next one a search. */
  follower: Name | undefined;
  /** Whether it is in the table. One that is not has no follower and is nobody's: else a peer could make a chain of names without end. */
  kept: boolean;
}

/** Of UTF-8 that is one or more name characters. */
export const names = new ByteTable<Name>(makeName, (name, kept) => {
  name.kept = kept;
  name.follower = undefined;
});

/** Of ASCII. */
export const namespaceNames = new ByteTable<string>((bytes, start, end) =>
  internalised(bytes.toString('latin1', start, end)),
);

function makeName(bytes: Buffer, start: number, end: number): Name {
  const text = internalised(bytes.toString('utf8', start, end));
  const colon = text.indexOf(':');
  const prefix = internalised(text.slice(0, Math.max(0, colon)));
  const local = internalised(text.slice(colon + 1));
  if (!isUnqualified(local) || (colon >= 0 && !isUnqualified(prefix)))
    refuse('not-well-formed', `the name ${JSON.stringify(text.slice(0, 64))} is malformed`);
  const declares = text === 'xmlns' ? '' : prefix === 'xmlns' ? local : undefined;
  return {
    bytes: Uint8Array.prototype.slice.call(bytes, start, end),
    text,
    prefix,
    local,
    declares,
    follower: undefined,
    kept: false,
  };
}

/** Whether it is an NCName, of what is known to be name characters. */
function isUnqualified(name: string): boolean {
  return name !== '' && !name.includes(':') && isNameStart(name.codePointAt(0) ?? 0);
}
