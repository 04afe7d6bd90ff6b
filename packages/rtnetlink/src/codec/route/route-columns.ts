// Routes of a dump as columns: a few reads a route and no object, for tables of a million. Knows struct rtmsg and the attributes that have a
// column (linux/rtnetlink.h); route.ts reads them all.
import type { IpPrefix } from '@hostpe/net';
import { addressFromBytes } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import type { RouteColumns, RouteFilter } from '../../kernel.ts';
import type { IpRoute } from '../../objects.ts';
import { present } from '../wire/attributes.ts';
import { familyNumber } from '../wire/family.ts';
import { littleEndian } from '../wire/host-order.ts';
import { malformed, typeMask } from '../wire/reader.ts';
import { alignment, attributeHeaderLength, messageHeaderLength } from '../wire/writer.ts';
import { routeTypes } from './route.ts';
import { routeHeaderLength } from './route-header.ts';

const attribute = { destination: 1, metric: 6, table: 15, nexthopId: 30 } as const;
/** RTM_F_CLONED: an exception such as a learned path MTU, not a route. */
const flagCloned = 0x200;
const fixedLength = messageHeaderLength + routeHeaderLength;
const firstCapacity = 4096;

interface Columns {
  addresses: Uint32Array<ArrayBuffer>;
  prefixLengths: Uint8Array<ArrayBuffer>;
  tables: Uint32Array<ArrayBuffer>;
  nexthopIds: Uint32Array<ArrayBuffer>;
  metrics: Uint32Array<ArrayBuffer>;
  protocols: Uint8Array<ArrayBuffer>;
  types: Uint8Array<ArrayBuffer>;
}

export class RouteColumnsBuilder {
  readonly #filter: RouteFilter;
  readonly #family: number;
  /** Words of an address. */
  readonly #words: 1 | 4;
  readonly #columns: Columns;
  #capacity = firstCapacity;
  #length = 0;

  constructor(filter: RouteFilter) {
    this.#filter = filter;
    this.#family = familyNumber[filter.family];
    this.#words = filter.family === 'ipv4' ? 1 : 4;
    this.#columns = {
      addresses: new Uint32Array(firstCapacity * this.#words),
      prefixLengths: new Uint8Array(firstCapacity),
      tables: new Uint32Array(firstCapacity),
      nexthopIds: new Uint32Array(firstCapacity),
      metrics: new Uint32Array(firstCapacity),
      protocols: new Uint8Array(firstCapacity),
      types: new Uint8Array(firstCapacity),
    };
  }

  /**
   * Appends the route of an RTM_NEWROUTE message, unless it is none or not what was asked for.
   * @param start of the message; @param end of it: both inside the view.
   * @throws RtnetlinkError `decode`
   */
  append(view: DataView, start: number, end: number): void {
    if (end - start < fixedLength) throw malformed(`a route of ${end - start} bytes`);
    const header = start + messageHeaderLength;
    if (view.getUint8(header) !== this.#family) return;
    if ((view.getUint32(header + 8, littleEndian) & flagCloned) !== 0) return;
    // Of a source prefix or a type of service.
    if (view.getUint8(header + 2) !== 0 || view.getUint8(header + 3) !== 0) return;
    const prefixLength = view.getUint8(header + 1);
    if (prefixLength > this.#words * 32) throw malformed(`a prefix of ${prefixLength} bits`);
    if (this.#length === this.#capacity) this.#grow();
    const columns = this.#columns;
    const at = this.#length;
    let table = view.getUint8(header + 4);
    let metric = 0;
    let nexthopId = 0;
    let destination = 0;
    for (let next = start + fixedLength; end - next >= attributeHeaderLength; ) {
      const length = view.getUint16(next, littleEndian);
      if (length < attributeHeaderLength || next + length > end)
        throw malformed(`an attribute of ${length} bytes`);
      const value = next + attributeHeaderLength;
      const type = view.getUint16(next + 2, littleEndian) & typeMask;
      const words = type === attribute.destination ? this.#words : 1;
      if (isRead(type) && length !== attributeHeaderLength + words * 4)
        throw malformed(`attribute ${type} of ${length} bytes`);
      if (type === attribute.destination) destination = value;
      else if (type === attribute.table) table = view.getUint32(value, littleEndian);
      else if (type === attribute.metric) metric = view.getUint32(value, littleEndian);
      else if (type === attribute.nexthopId) nexthopId = view.getUint32(value, littleEndian);
      next += (length + alignment - 1) & -alignment;
    }
    const protocol = view.getUint8(header + 5);
    if ((this.#filter.table ?? table) !== table || (this.#filter.protocol ?? protocol) !== protocol) return;
    for (let word = 0; word < this.#words; word++) {
      // The default route has no destination.
      const bits = destination === 0 ? 0 : view.getUint32(destination + word * 4, false);
      columns.addresses[at * this.#words + word] = bits;
    }
    columns.prefixLengths[at] = prefixLength;
    columns.tables[at] = table;
    columns.nexthopIds[at] = nexthopId;
    columns.metrics[at] = metric;
    columns.protocols[at] = protocol;
    columns.types[at] = view.getUint8(header + 7);
    this.#length++;
  }

  /** The routes so far. The builder is not to be used any more. */
  take(): RouteColumns {
    const { addresses, prefixLengths, tables, nexthopIds, metrics, protocols, types } = this.#columns;
    const length = this.#length;
    return {
      family: this.#filter.family,
      length,
      addresses: addresses.subarray(0, length * this.#words),
      prefixLengths: prefixLengths.subarray(0, length),
      tables: tables.subarray(0, length),
      nexthopIds: nexthopIds.subarray(0, length),
      metrics: metrics.subarray(0, length),
      protocols: protocols.subarray(0, length),
      types: types.subarray(0, length),
    };
  }

  /** Column by column, so that never more than one is there twice. */
  #grow(): void {
    this.#capacity *= 2;
    const columns = this.#columns;
    columns.addresses = new Uint32Array(columns.addresses.buffer.transfer(this.#capacity * this.#words * 4));
    for (const name of ['tables', 'nexthopIds', 'metrics'] as const)
      columns[name] = new Uint32Array(columns[name].buffer.transfer(this.#capacity * 4));
    for (const name of ['prefixLengths', 'protocols', 'types'] as const)
      columns[name] = new Uint8Array(columns[name].buffer.transfer(this.#capacity));
  }
}

/** The route of that number, in the form that a dump of objects has it. */
export function routeAt(columns: RouteColumns, at: number): IpRoute {
  const width = columns.family === 'ipv4' ? 1 : 4;
  const bytes = new Uint8Array(width * 4);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < width; word++)
    view.setUint32(word * 4, columns.addresses[at * width + word] ?? 0, false);
  const type = routeTypes[columns.types[at] ?? 0] ?? 'other';
  // Not parsed: it may be what is wrong with it.
  const prefix = `${addressFromBytes(bytes)}/${columns.prefixLengths[at]}` as IpPrefix;
  return {
    object: 'route',
    family: columns.family,
    table: columns.tables[at] ?? 0,
    prefix,
    protocol: columns.protocols[at] ?? 0,
    ...present<IpRoute>({
      type: type === 'unicast' ? undefined : type,
      metric: columns.metrics[at] || undefined,
      nexthopId: columns.nexthopIds[at] || undefined,
    }),
  };
}

function isRead(type: number): boolean {
  return (
    type === attribute.destination ||
    type === attribute.table ||
    type === attribute.metric ||
    type === attribute.nexthopId
  );
}

/** @throws RtnetlinkError `invalid` where a column has not as many elements as there are routes. */
export function checkColumns({ family, length, ...columns }: RouteColumns): void {
  for (const [name, column] of Object.entries(columns)) {
    const wanted = name === 'addresses' && family === 'ipv6' ? length * 4 : length;
    if (column.length !== wanted)
      throw new RtnetlinkError('invalid', `${length} ${family} routes with ${column.length} ${name}`);
  }
}

/**
 * Columns to be filled, of memory that threads share: `executeRoutes` takes them as they are, where it has to copy others. All is 0 but the
 * type, which is unicast.
 * @param length how many routes
 */
export function newRouteColumns(family: RouteColumns['family'], length: number): RouteColumns {
  const bytes = (): Uint8Array => new Uint8Array(new SharedArrayBuffer(length));
  const numbers = (width = 1): Uint32Array => new Uint32Array(new SharedArrayBuffer(length * width * 4));
  return {
    family,
    length,
    addresses: numbers(family === 'ipv4' ? 1 : 4),
    prefixLengths: bytes(),
    tables: numbers(),
    nexthopIds: numbers(),
    metrics: numbers(),
    protocols: bytes(),
    types: bytes().fill(routeTypes.indexOf('unicast')),
  };
}

/** Columns that another thread may have: shared ones as they are, others as copies, which have no more memory than they need. */
export function columnsToHandOver(columns: RouteColumns): RouteColumns {
  const { family, length, addresses, prefixLengths, tables, nexthopIds, metrics, protocols, types } = columns;
  return {
    family,
    length,
    addresses: sharedOrCopied(addresses),
    prefixLengths: sharedOrCopied(prefixLengths),
    tables: sharedOrCopied(tables),
    nexthopIds: sharedOrCopied(nexthopIds),
    metrics: sharedOrCopied(metrics),
    protocols: sharedOrCopied(protocols),
    types: sharedOrCopied(types),
  };
}

function sharedOrCopied<T extends Uint8Array | Uint32Array>(column: T): T {
  return column.buffer instanceof SharedArrayBuffer ? column : (column.slice() as T);
}

/** What the columns are made of, to hand it over; what is shared is not handed over. */
export function columnBuffers(columns: RouteColumns): ArrayBuffer[] {
  const { addresses, prefixLengths, tables, nexthopIds, metrics, protocols, types } = columns;
  return [addresses, prefixLengths, tables, nexthopIds, metrics, protocols, types]
    .map(({ buffer }) => buffer)
    .filter((buffer) => buffer instanceof ArrayBuffer);
}
