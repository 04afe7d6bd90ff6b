// How the attributes of one kind of link (IFLA_INFO_DATA) and its LinkInfo become each other.
import type { LinkInfo } from '../../objects.ts';
import {
  type AttributeNames,
  type AttributeTable,
  type Entries,
  present,
  type Values,
} from '../wire/attributes.ts';
import type { Payload } from '../wire/reader.ts';
import type { MessageWriter } from '../wire/writer.ts';

/** What a link says of its kind; tunnels say there, too, which device is below them. */
export interface KindFacts {
  readonly info: LinkInfo;
  readonly below?: number | undefined;
}

/** Methods, so that a form of any kind is a LinkForm. */
export interface LinkForm {
  readonly names: AttributeNames;
  /** @returns undefined for a mode of the kind that its LinkInfo cannot say. @throws RtnetlinkError `decode` */
  read(payload: Payload): KindFacts | undefined;
  /** @param info of this kind. @throws RtnetlinkError `invalid` */
  write(writer: MessageWriter, info: LinkInfo, below: number | undefined): void;
}

/**
 * @param toFacts undefined: a mode that the LinkInfo cannot say.
 * @param toValues what is unknown is added to it.
 */
export function linkForm<E extends Entries, I extends LinkInfo>(
  table: AttributeTable<E>,
  toFacts: (values: Values<E>) => { readonly info: I; readonly below?: number | undefined } | undefined,
  toValues: (info: I, below: number | undefined) => Values<E>,
): LinkForm {
  return {
    names: table,
    read: (payload) => {
      const values = table.read(payload);
      const facts = toFacts(values);
      return facts && { ...facts, info: { ...facts.info, ...present({ unknown: values.unknown }) } };
    },
    write: (
      writer: MessageWriter,
      info: I & { unknown?: Values<E>['unknown'] },
      below: number | undefined,
    ) => {
      table.write(writer, { ...toValues(info, below), unknown: info.unknown });
    },
  } as LinkForm;
}
