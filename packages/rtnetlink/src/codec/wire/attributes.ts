// Tables of attributes, one a family: each names what the kernel's headers name, with its number and form, and is used to read, to write and
// to say which attribute an error is about. Attributes that a table does not have are kept as they came.
import { RtnetlinkError } from '../../errors.ts';
import type { UnknownAttribute } from '../../objects.ts';
import type { Payload } from './reader.ts';
import { attributeHeaderLength, type MessageWriter } from './writer.ts';

type Record_ = Readonly<Record<string, unknown>>;

/** The payload of one attribute as a value. Methods, so that a format of any value is a `Format<unknown>`. */
export interface Format<T> {
  /** @param values what was read of the attributes beside it. @throws RtnetlinkError `decode` */
  read(payload: Payload, values: Record_): T;
  /** Appends the payload. @param values all that are written beside it. @throws RtnetlinkError `invalid` */
  write(writer: MessageWriter, value: T, values: Record_): void;
  /** Written with NLA_F_NESTED. */
  readonly isNested?: true;
  /** Known, and of no interest: never read. */
  readonly isIgnored?: true;
  /** Known, and no fact of ours says it: it comes as it is, in `kept`. `unless zero`: not where it is all zeros, its default. */
  readonly isKept?: 'always' | 'unless zero';
  /** An attribute beside it says the form of this one, and may come later: it is read last. */
  readonly isDependent?: true;
  /** Names of the attributes in the payload, where it is made of them. @param values as in `read`. */
  inside?(values: Record_): AttributeNames | undefined;
  /** Length of the struct before the attributes in the payload; absent: 0. */
  readonly header?: number;
}

/** An attribute in a message. */
export interface Place {
  /** Its name, after the names of those that it is in: `RTA_ENCAP/MPLS_IPTUNNEL_DST`. */
  readonly path: string;
  /** Names of what it holds, where it holds attributes. */
  readonly inside: AttributeNames | undefined;
}

/** What says which attribute an error is about. */
export interface AttributeNames {
  nameOf(type: number): string;
  /** @param offset into the payload. @returns undefined where no attribute begins there. */
  at(payload: Payload, offset: number, header?: number): Place | undefined;
}

type Entry<T = unknown> = readonly [type: number, format: Format<T>];
export type Entries = Readonly<Record<string, Entry>>;

/** Attributes by their names: in a read what was there, in a write what is to be there, in this order. */
export type Values<E extends Entries> = {
  readonly [Name in keyof E]?: (E[Name] extends Entry<infer T> ? T : never) | undefined;
} & {
  readonly unknown?: readonly UnknownAttribute[] | undefined;
  /** Of a read: see `Format.isKept`. */
  readonly kept?: readonly UnknownAttribute[] | undefined;
};

export class AttributeTable<E extends Entries = Entries> implements AttributeNames {
  readonly #entries: E;
  readonly #names: readonly (string | undefined)[];

  /** @param entries by their names in the kernel's headers. */
  constructor(entries: E) {
    this.#entries = entries;
    const names: (string | undefined)[] = [];
    for (const name in entries) names[this.#entry(name)[0]] = name;
    // Without holes, which would make every look-up slow.
    this.#names = Array.from(names, (name) => name);
  }

  /** @param header length of the struct before the attributes. @throws RtnetlinkError `decode` that names the attribute. */
  read(payload: Payload, header = 0): Values<E> {
    const values: Record<string, unknown> = {};
    const unknown: UnknownAttribute[] = [];
    const kept: UnknownAttribute[] = [];
    const dependent: [string, Payload][] = [];
    payload.attributes(header, (type, value, _start, flags) => {
      const name = this.#names[type];
      if (name === undefined) {
        unknown.push({ type: type | flags, value: value.bytes().slice() });
        return;
      }
      const format = this.#entry(name)[1];
      if (format.isDependent) dependent.push([name, value]);
      else if (format.isKept !== undefined) {
        const bytes = value.bytes();
        if (format.isKept === 'always' || bytes.some((byte) => byte !== 0))
          kept.push({ type: type | flags, value: bytes.slice() });
      } else if (!format.isIgnored) this.#readOne(name, value, values);
    });
    for (const [name, value] of dependent) this.#readOne(name, value, values);
    if (unknown.length > 0) values['unknown'] = unknown;
    if (kept.length > 0) values['kept'] = kept;
    return values as Values<E>;
  }

  #readOne(name: string, payload: Payload, values: Record<string, unknown>): void {
    try {
      values[name] = this.#entry(name)[1].read(payload, values);
    } catch (error) {
      throw named(error, name);
    }
  }

  /** Appends attributes. @throws RtnetlinkError `invalid` that names the attribute. */
  write(writer: MessageWriter, values: Values<E>): void {
    const all = values as Record_;
    for (const name in values) {
      const value = all[name];
      if (value === undefined || name === 'unknown' || name === 'kept') continue;
      const [type, format] = this.#entry(name);
      const mark = format.isNested ? writer.openNest(type) : writer.openAttribute(type);
      try {
        format.write(writer, value, all);
        writer.closeAttribute(mark);
      } catch (error) {
        throw named(error, name);
      }
    }
    for (const { type, value } of values.unknown ?? []) {
      const mark = writer.openAttribute(type);
      writer.bytes(value);
      writer.closeAttribute(mark);
    }
  }

  /** For example `RTA_DST`; `attribute 99` for one that the table does not have. */
  nameOf(type: number): string {
    return this.#names[type] ?? `attribute ${type}`;
  }

  /**
   * Of a message of ours, in which what says the form of another attribute comes before it.
   * @throws RtnetlinkError `decode` where it is none.
   */
  at(payload: Payload, offset: number, header = 0): Place | undefined {
    const values: Record<string, unknown> = {};
    let found: Place | undefined;
    payload.attributes(header, (type, value, start) => {
      const path = this.nameOf(type);
      const format = this.#entries[path]?.[1];
      const within = offset - start - attributeHeaderLength;
      if (within < -attributeHeaderLength || within >= value.length) {
        if (format !== undefined && format.inside === undefined && !format.isIgnored && !format.isKept)
          values[path] = format.read(value, values);
        return;
      }
      const inside = format?.inside?.(values);
      if (offset === start) found = { path, inside };
      else if (within >= 0) {
        const inner = inside?.at(value, within, format?.header);
        if (inner !== undefined) found = { path: `${path}/${inner.path}`, inside: inner.inside };
      }
    });
    return found;
  }

  #entry(name: string): Entry {
    return this.#entries[name] as Entry;
  }
}

function named(error: unknown, name: string): unknown {
  if (!(error instanceof RtnetlinkError)) return error;
  return new RtnetlinkError(error.code, `${name}: ${error.message}`, { cause: error });
}

/** Of what was read: all that no fact of ours says, in one list. */
export function unsaid({
  kept,
  unknown,
}: Pick<Values<Entries>, 'kept' | 'unknown'>): readonly UnknownAttribute[] | undefined {
  return kept === undefined ? unknown : [...kept, ...(unknown ?? [])];
}

/** The facts that are there: an absent one is never a property with the value undefined. */
export function present<T extends object>(
  facts: { readonly [Name in keyof T]?: T[Name] | undefined },
): Partial<T> {
  const there: Partial<T> = {};
  for (const name in facts) {
    const fact = facts[name];
    if (fact !== undefined) there[name] = fact;
  }
  return there;
}
