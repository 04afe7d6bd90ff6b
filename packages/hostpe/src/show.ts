// `hostpe show`: asks a daemon and prints its answer, as a table or as JSON.
import { ask, forwarderSocket, routeServerSocket } from './sockets.ts';
import { formatTable, type Row } from './table.ts';
import { formatStatus, tables } from './tables.ts';
import type { Terminal } from './terminal.ts';

export interface ShowOptions {
  readonly json?: boolean;
  readonly socket?: string;
}

/** Which daemon of this host is meant where no socket is given: the first that runs. By the first word of what is asked for. */
const socketsOf: Readonly<Record<string, readonly string[]>> = {
  rt: [routeServerSocket],
  attachments: [forwarderSocket],
  sessions: [forwarderSocket],
  drops: [forwarderSocket],
  forwarders: [routeServerSocket],
  bgp: [routeServerSocket],
};
const anyDaemon = [forwarderSocket, routeServerSocket];

/**
 * @param noun what is asked for, which is its path in the API too
 * @param filter parameters of the query
 * @throws ApiError, ControlSocketError
 */
export async function show(
  noun: string,
  filter: Readonly<Record<string, string>>,
  options: ShowOptions,
  terminal: Terminal,
): Promise<void> {
  const [word = noun] = noun.split('/');
  const sockets = options.socket === undefined ? (socketsOf[word] ?? anyDaemon) : [options.socket];
  const query = new URLSearchParams(filter).toString();
  const { socket, answer } = await ask(sockets, 'GET', `/${noun}${query && `?${query}`}`);
  if (options.json === true) {
    terminal.out(`${JSON.stringify(answer, undefined, 2)}\n`);
    return;
  }
  if (noun === 'status') {
    terminal.out(formatStatus(isRow(answer) ? answer : {}));
    return;
  }
  const role = await roleOf(socket);
  const table = tables[role]?.[noun];
  const rows = Array.isArray(answer) ? answer.filter(isRow) : [];
  if (table === undefined) terminal.out(`${JSON.stringify(answer, undefined, 2)}\n`);
  else
    terminal.out(formatTable(table.columns, table.expand === undefined ? rows : rows.flatMap(table.expand)));
}

/** Both daemons know VPNs and routes, and not the same of them. */
async function roleOf(socket: string): Promise<string> {
  const { answer } = await ask([socket], 'GET', '/status');
  return isRow(answer) ? String(answer['role']) : '';
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
