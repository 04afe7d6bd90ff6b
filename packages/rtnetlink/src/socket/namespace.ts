// Network namespaces by name or path, as `ip netns` keeps them.
import { closeSync, openSync } from 'node:fs';
import { RtnetlinkError } from '../errors.ts';
import { enterNetworkNamespace } from './netlink-socket.ts';

const directory = '/run/netns';

/** @param namespace a name known to `ip netns`, or a path such as /proc/PID/ns/net. */
export function namespacePath(namespace: string): string {
  return namespace.includes('/') ? namespace : `${directory}/${namespace}`;
}

/** Moves the calling thread. @throws RtnetlinkError `socket` naming the path. */
export function enterNamespace(path: string): void {
  try {
    const fd = openSync(path, 'r');
    try {
      enterNetworkNamespace(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RtnetlinkError('socket', `network namespace ${path} cannot be entered: ${reason}`, { cause });
  }
}
