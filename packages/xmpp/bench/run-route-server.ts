// Runs a benchmark of the route server in a folder of its own, and leaves neither that nor a process behind.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  configure,
  type RouteServerProcess,
  type RouteServerSettings,
  startRouteServer,
} from './route-server-process.ts';

export interface BenchRun {
  readonly ca: string;
  /** Ended with the run. */
  readonly children: ChildProcess[];
  /** Starts the route server. @param port 0: any. */
  readonly start: (port?: number) => Promise<RouteServerProcess>;
}

export async function runRouteServer<Result>(
  settings: Omit<RouteServerSettings, 'folder'>,
  measure: (run: BenchRun) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'hostpe-bench-'));
  const children: ChildProcess[] = [];
  const start = async (port?: number): Promise<RouteServerProcess> => {
    const server = await startRouteServer(folder, port);
    children.push(server.child);
    return server;
  };
  try {
    return await measure({ ca: configure({ folder, ...settings }), children, start });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}
