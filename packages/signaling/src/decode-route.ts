// One item of a message to a VPN route: tolerant of every form that the drafts have had, strict about every value.
// Never lets a bad item fail the message around it.
// Source: draft-ietf-l3vpn-end-system-06 sections 6 and 11; attribute forms from draft-marques-l3vpn-end-system-07 section 6.
import type { AddressFamily, Encapsulation, IpPrefix } from '@hostpe/net';
import { addressFamily, NetError, parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { Element } from 'ltx';
import { attribute, child, malformed, parseNumber, requiredChild, textOf } from './element.ts';
import { type EntryValue, entryValue } from './entry-value.ts';
import { quote, SignalingError } from './errors.ts';
import { isItemId, isUnspecified } from './limits.ts';
import type { RejectedItem, VpnNexthop, VpnRoute } from './messages.ts';
import { earlyEntryNamespace, entryNamespace, eventNamespace, pubsubNamespace } from './namespaces.ts';

/** An entry without a namespace of its own inherits that of the message around it. */
const entryNamespaces: ReadonlySet<string | undefined> = new Set([
  entryNamespace,
  earlyEntryNamespace,
  pubsubNamespace,
  eventNamespace,
  undefined,
]);

const families: ReadonlyMap<string, AddressFamily> = new Map([
  ['1', 'ipv4'],
  ['2', 'ipv6'],
]);

const encapsulations: ReadonlyMap<string, Encapsulation> = new Map([
  ['gre', 'gre'],
  ['udp', 'udp'],
]);

export type DecodedItem = { readonly route: VpnRoute } | { readonly rejected: RejectedItem };

/** How the entries of a message are to be read. */
export interface EntryForm {
  /** How many a route may have: 'one' from a forwarder, 'many' towards it. */
  readonly nexthops: 'one' | 'many';
  /** Whether numbers mean what they mean in the dialect contrail; all else of an entry can be told by its form. */
  readonly contrail: boolean;
}

/**
 * @param item an `item` element with its `entry`.
 * @param position 1 for the first item of the message: names an item that has no id.
 */
export function decodeItem(item: Element, position: number, form: EntryForm): DecodedItem {
  const id = attribute(item, 'id');
  if (id !== undefined && isItemId(id)) return decodeNamedItem(item, id, form);
  const problem = id
    ? `the id ${quote(id)} cannot be one: 1 to 256 characters without control characters are allowed`
    : 'it has no id';
  return { rejected: { id: undefined, reason: `item ${position} of the message: ${problem}` } };
}

/** As `decodeItem`, for an item whose id stands elsewhere. */
export function decodeNamedItem(item: Element, id: string, form: EntryForm): DecodedItem {
  try {
    return { route: decodeEntry(entryOf(item), id, form) };
  } catch (error) {
    if (!(error instanceof SignalingError || error instanceof NetError)) throw error;
    return { rejected: { id, reason: `item ${quote(id)}: ${error.message}` } };
  }
}

/** The prefix of an item, whatever else its entry has or lacks. @throws SignalingError `malformed` */
export function decodeItemPrefix(item: Element): IpPrefix {
  try {
    const entry = entryOf(item);
    return entryValue(entry)?.prefix ?? decodePrefix(entry);
  } catch (error) {
    if (error instanceof NetError) throw malformed(error.message);
    throw error;
  }
}

function entryOf(item: Element): Element {
  const [only] = item.children;
  // The reader of entries knows their name and their namespaces.
  if (item.children.length === 1 && only instanceof Element && entryValue(only) !== undefined) return only;
  const entries = item.getChildren('entry');
  const entry = entries.find((candidate) => entryNamespaces.has(candidate.getNS()));
  if (entry === undefined) {
    const namespace = entries[0]?.getNS();
    throw malformed(
      namespace === undefined
        ? 'it has no entry'
        : `it has an entry of the unknown namespace ${quote(namespace)}`,
    );
  }
  if (entries.length > 1) throw malformed('it has more than one entry');
  return entry;
}

function decodePrefix(entry: Element): IpPrefix {
  const nlri = requiredChild(entry, 'nlri');
  const family = decodeFamily(nlri);
  const safi = child(nlri, 'safi');
  if (safi !== undefined && textOf(safi) !== '1') {
    throw malformed(`safi ${quote(textOf(safi))} of the nlri is not known: 1, unicast, is`);
  }
  const prefix = parseIpPrefix(addressText(nlri));
  if (addressFamily(prefix) !== family)
    throw malformed(`the nlri says ${family}, but its prefix is ${prefix}`);
  return prefix;
}

function decodeEntry(entry: Element, id: string, form: EntryForm): VpnRoute {
  const { prefix, nexthops, sequenceNumber, localPreference } = entryValue(entry) ?? readEntry(entry, form);
  if (form.nexthops === 'one' && nexthops.length > 1) {
    throw malformed(`it has ${nexthops.length} next-hops: a forwarder publishes its own only`);
  }
  return routeOf(
    id,
    prefix,
    nexthops,
    form.contrail && sequenceNumber === 0 ? undefined : sequenceNumber,
    form.contrail && localPreference === 0 ? undefined : localPreference,
  );
}

/** Routes are kept by the million: written out, an object has exactly the properties that it needs. */
function routeOf(
  id: string,
  prefix: IpPrefix,
  nexthops: readonly VpnNexthop[],
  sequenceNumber: number | undefined,
  localPreference: number | undefined,
): VpnRoute {
  if (sequenceNumber === undefined)
    return localPreference === undefined
      ? { id, prefix, nexthops }
      : { id, prefix, nexthops, localPreference };
  if (localPreference === undefined) return { id, prefix, nexthops, sequenceNumber };
  return { id, prefix, nexthops, sequenceNumber, localPreference };
}

function readEntry(entry: Element, form: EntryForm): EntryValue {
  const prefix = decodePrefix(entry);
  const elements = (child(entry, 'next-hops') ?? entry).getChildren('next-hop');
  if (elements.length === 0) throw malformed('it has no next-hop');
  const label = child(entry, 'label');
  // A kernel's nexthop group refuses to have a member twice, and says so only when all else is programmed.
  const nexthops = new Map<string, VpnNexthop>();
  for (const element of elements) {
    const nexthop = decodeNexthop(element, label);
    const key = `${nexthop.address} ${nexthop.label}`;
    if (!nexthops.has(key)) nexthops.set(key, nexthop);
  }
  return {
    prefix,
    nexthops: [...nexthops.values()],
    sequenceNumber: form.contrail ? contrailSequenceNumber(entry) : draftSequenceNumber(entry),
    localPreference: decodeNumber(child(entry, 'local-preference'), 'local-preference'),
  };
}

/** @param labelOfAll of next-hops that have none of their own. */
function decodeNexthop(element: Element, labelOfAll: Element | undefined): VpnNexthop {
  const family = decodeFamily(element);
  const address = parseIpAddress(addressText(element));
  if (addressFamily(address) !== family) {
    throw malformed(`the next-hop says ${family}, but its address is ${address}`);
  }
  if (isUnspecified(address)) throw malformed(`the next-hop ${address} is the unspecified address`);
  const label = child(element, 'label') ?? labelOfAll;
  if (label === undefined) throw malformed(`the next-hop ${address} has no label`);
  return {
    address,
    label: parseLabel(parseNumber(textOf(label), 'label')),
    encapsulations: decodeEncapsulations(element),
  };
}

function decodeEncapsulations(nexthop: Element): Encapsulation[] {
  const names = (child(nexthop, 'tunnel-encapsulation-list')?.getChildren('tunnel-encapsulation') ?? []).map(
    textOf,
  );
  const known = new Set<Encapsulation>();
  for (const name of names) {
    const encapsulation = encapsulations.get(name);
    if (encapsulation !== undefined) known.add(encapsulation);
  }
  if (names.length > 0 && known.size === 0) {
    throw malformed(
      `none of the encapsulations ${quote(names.join(', '))} is known: ${[...encapsulations.keys()].join(' and ')} are`,
    );
  }
  return [...known];
}

/** `sequence-number` since draft-ietf-03; before that `version`, with its value in an `id` attribute or as text. */
function draftSequenceNumber(entry: Element): number | undefined {
  const sequenceNumber = child(entry, 'sequence-number');
  if (sequenceNumber !== undefined) return decodeNumber(sequenceNumber, 'sequence-number');
  const version = child(entry, 'version');
  if (version === undefined) return undefined;
  return parseNumber(attribute(version, 'id') ?? textOf(version), 'version');
}

/** `mobility` is before `sequence-number`, but agents write 0 there and the number into the latter; `version` says nothing. */
function contrailSequenceNumber(entry: Element): number | undefined {
  const mobility = child(entry, 'mobility');
  const seqno = mobility && attribute(mobility, 'seqno');
  const moved = seqno === undefined ? 0 : parseNumber(seqno, 'seqno of the mobility');
  return moved > 0 ? moved : decodeNumber(child(entry, 'sequence-number'), 'sequence-number');
}

/** The address family of an `nlri` or `next-hop`: its attribute, or its child since draft-ietf-00. */
function decodeFamily(element: Element): AddressFamily {
  const af = child(element, 'af');
  const text = af === undefined ? attribute(element, 'af') : textOf(af);
  if (text === undefined) throw malformed(`the ${element.getName()} has no af`);
  const family = families.get(text.trim());
  if (family === undefined) {
    throw malformed(`af ${quote(text)} of the ${element.getName()} is not known: 1 (IPv4) and 2 (IPv6) are`);
  }
  return family;
}

function decodeNumber(element: Element | undefined, what: string): number | undefined {
  return element === undefined ? undefined : parseNumber(textOf(element), what);
}

/** The text of the `address` child, or the element's own where it has none. */
function addressText(element: Element): string {
  return textOf(child(element, 'address') ?? element);
}
