// `hostpe show`: asks a daemon and prints its answer, as a table or as JSON.
import { ask, forwarderSocket, routeServerSocket } from './sockets.ts';
import { formatTable, type Row } from './table.ts';
import { formatStatus, tables } from './tables.ts';
import type { Terminal } from './terminal.ts';

export interface ShowOptions {
  readonly json?: boolean;
  readonly socket?: string;
}

/** Which daemon of this host is meant where no socket is given: the first that runs. */
const socketsOf: Readonly<Record<string, readonly string[]>> = {
  attachments: [forwarderSocket],
  sessions: [forwarderSocket],
  drops: [forwarderSocket],
  forwarders: [routeServerSocket],
  bgp: [routeServerSocket],
};
const anyDaemon = [forwarderSocket, routeServerSocket];

/** @param vpn only for `routes`. @throws ApiError, ControlSocketError */
export async function show(
  noun: string,
  vpn: string | undefined,
  options: ShowOptions,
  terminal: Terminal,
): Promise<void> {
  const sockets = options.socket === undefined ? (socketsOf[noun] ?? anyDaemon) : [options.socket];
  const path = vpn === undefined ? `/${noun}` : `/${noun}?vpn=${encodeURIComponent(vpn)}`;
  const { socket, answer } = await ask(sockets, 'GET', path);
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
