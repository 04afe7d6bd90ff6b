// Which columns each daemon's answers are printed in. Pure.
import type { Column, Row } from './table.ts';
import { formatCell, formatDuration } from './table.ts';

export interface Table {
  readonly columns: readonly Column[];
  /** Where an entry takes several lines: the rows that it becomes. */
  readonly expand?: (entry: Row) => readonly Row[];
}

/** By role of the daemon, then by noun. */
export const tables: Readonly<Record<string, Readonly<Record<string, Table>>>> = {
  forwarder: {
    attachments: {
      columns: [
        column('INTERFACE', 'interface'),
        column('VPN', 'vpn'),
        column('LABEL', 'label'),
        column('STATE', 'state'),
        column('MTU', 'mtu'),
        column('ADDRESSES', 'addresses'),
        column('BY', 'origin'),
        column('REASON', 'reason'),
      ],
    },
    vpns: {
      columns: [
        column('VPN', 'vpn'),
        column('DEVICE', 'device'),
        column('TABLE', 'table'),
        column('INSTANCE', 'instanceId'),
        column('ENCAPSULATIONS', 'encapsulations'),
        column('ATTACHMENTS', 'attachments'),
        column('ROUTES', 'routes'),
        column('COMPLETE', 'complete'),
      ],
    },
    routes: {
      columns: [
        column('VPN', 'vpn'),
        column('PREFIX', 'prefix'),
        { title: 'NEXTHOP', cell: (row) => (row['kind'] === 'local' ? row['interface'] : row['address']) },
        column('LABEL', 'label'),
        { title: 'ENCAPSULATION', cell: (row) => (row['kind'] === 'local' ? 'local' : row['encapsulation']) },
        column('PREFERENCE', 'localPreference'),
        column('SEQUENCE', 'sequenceNumber'),
        column('STALE', 'stale'),
        column('PROBLEM', 'problem'),
      ],
      expand: byNexthop,
    },
    drops: {
      columns: [
        column('REASON', 'reason'),
        column('PACKETS', 'packets'),
        column('BYTES', 'bytes'),
        column('TABLE', 'table'),
      ],
    },
    sessions: {
      columns: [
        column('SERVER', 'server'),
        column('STATE', 'state'),
        { title: 'FOR', cell: (row) => duration(row['seconds']) },
        column('PUBLISHED', 'published'),
        column('VPNS', 'vpns'),
        column('JID', 'jid'),
        column('REASON', 'reason'),
      ],
    },
  },
  'route-server': {
    vpns: {
      columns: [
        column('VPN', 'vpn'),
        column('IMPORT', 'import'),
        column('EXPORT', 'export'),
        column('ROUTES', 'routes'),
        column('MOST', 'maxRoutes'),
        column('KEPT-BACK', 'keptBack'),
        column('SUBSCRIBERS', 'subscribers'),
        column('BY', 'origin'),
        column('WAITING-FOR', 'waitingFor'),
      ],
    },
    routes: {
      columns: [
        column('VPN', 'vpn'),
        column('PREFIX', 'prefix'),
        column('NEXTHOP', 'address'),
        column('LABEL', 'label'),
        column('ENCAPSULATIONS', 'encapsulations'),
        column('PREFERENCE', 'localPreference'),
        column('SEQUENCE', 'sequenceNumber'),
        column('FROM', 'from'),
        column('USED', 'used'),
        column('WHY', 'reason'),
        column('STALE', 'stale'),
      ],
      expand: (entry) =>
        list(entry['paths']).flatMap((path) =>
          byNexthop({ ...path, from: fromOf(path), vpn: entry['vpn'], prefix: entry['prefix'] }),
        ),
    },
    bgp: {
      columns: [
        column('PEER', 'name'),
        column('ADDRESS', 'address'),
        column('AS', 'as'),
        column('STATE', 'state'),
        { title: 'FOR', cell: (row) => duration(row['seconds']) },
        column('FAMILIES', 'families'),
        column('RECEIVED', 'received'),
        column('ANNOUNCED', 'announced'),
        column('UPDATES-IN', 'updatesReceived'),
        column('UPDATES-OUT', 'updatesSent'),
        column('STALE', 'stale'),
        column('REASON', 'lastError'),
      ],
    },
    'bgp/routes': {
      columns: [
        { title: 'BEST', cell: (row) => (row['best'] === true ? '>' : '') },
        column('RD', 'rd'),
        column('PREFIX', 'prefix'),
        column('NEXTHOP', 'nexthop'),
        column('LABEL', 'label'),
        column('ENCAPSULATIONS', 'encapsulations'),
        column('PREFERENCE', 'localPreference'),
        column('MED', 'med'),
        column('AS-PATH', 'asPath'),
        column('TARGETS', 'routeTargets'),
        { title: 'FROM', cell: (row) => row['peer'] ?? 'a forwarder' },
        column('STALE', 'stale'),
      ],
    },
    rt: {
      columns: [
        column('TARGET', 'target'),
        column('IMPORTED-BY', 'importedBy'),
        column('EXPORTED-BY', 'exportedBy'),
        column('HELD', 'held'),
        column('PEERS', 'peers'),
        column('PATHS', 'paths'),
      ],
    },
    forwarders: {
      columns: [
        column('FORWARDER', 'account'),
        column('STATE', 'state'),
        column('SINCE', 'since'),
        column('FROM', 'remoteAddress'),
        column('ROUTES', 'routes'),
        column('STALE', 'staleRoutes'),
        {
          title: 'SUBSCRIBED',
          cell: (row) => list(row['subscriptions']).map((subscription) => subscription['vpn']),
        },
        column('MAY-JOIN', 'vpns'),
      ],
    },
  },
};

/** One line a fact: `attachments.ready  2`. */
export function formatStatus(status: Row): string {
  const facts = flatten(status);
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

function flatten(facts: Row, prefix = ''): readonly (readonly [string, string])[] {
  return Object.entries(facts).flatMap(([key, value]): readonly (readonly [string, string])[] => {
    const name = `${prefix}${key}`;
    if (Array.isArray(value) && value.some((one) => typeof one === 'object'))
      return value.flatMap((one, index) => flatten(one, `${name}[${index}].`));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return flatten({ ...value }, `${name}.`);
    return [[name, key === 'uptime' ? duration(value) : formatCell(value)]];
  });
}

function column(title: string, field: string): Column {
  return { title, cell: (row) => row[field] };
}

/** A forwarder, or a BGP peer with the RD of its path. */
function fromOf(path: Row): unknown {
  return path['kind'] === 'bgp'
    ? `${formatCell(path['account'])} RD ${formatCell(path['vpn'])}`
    : path['account'];
}

/** A route without a usable nexthop is one line all the same. */
function byNexthop(entry: Row): readonly Row[] {
  const nexthops = list(entry['nexthops']);
  return nexthops.length === 0 ? [entry] : nexthops.map((nexthop) => ({ ...entry, ...nexthop }));
}

function list(value: unknown): readonly Row[] {
  return Array.isArray(value) ? value : [];
}

function duration(value: unknown): string {
  return typeof value === 'number' ? formatDuration(value) : formatCell(value);
}
