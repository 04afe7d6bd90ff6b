// Notifications of the kernel, by a worker thread of their own. One that cannot be read counts as lost: an overrun.

import { decodeObject } from '../codec/object.ts';
import { forEachMessage } from '../codec/wire/message.ts';
import { RtnetlinkError } from '../errors.ts';
import type { Notification, NotificationGroup } from '../kernel.ts';
import { startWorker } from './worker-thread.ts';

/** RTNLGRP_* */
const groupNumbers: Readonly<Record<NotificationGroup, readonly number[]>> = {
  link: [1],
  neighbour: [3],
  address: [5, 9],
  'route-ipv4': [7],
  'route-ipv6': [11],
  'route-mpls': [27],
  rule: [8, 19],
  nexthop: [32],
  netconf: [24, 25, 29],
};

export interface SubscriptionOptions {
  readonly groups: readonly NotificationGroup[];
  /** Path of the network namespace's file; undefined: that of the process. */
  readonly namespace: string | undefined;
  /** Port of the request socket whose changes are not to be told. */
  readonly unheardPort: number | undefined;
}

/**
 * @param died called when the thread is gone without having been asked to.
 * @returns the function that ends the subscription: `listener` is not called any more from then on.
 */
export async function openSubscription(
  { groups, namespace, unheardPort }: SubscriptionOptions,
  listener: (notification: Notification) => void,
  died: (error: RtnetlinkError) => void,
): Promise<() => Promise<void>> {
  let ended = false;
  const tell = (notification: Notification): void => {
    if (!ended) listener(notification);
  };
  const worker = await startWorker(
    new URL('./notification-worker.ts', import.meta.url),
    { namespace, unheardPort, groups: [...new Set(groups.flatMap((group) => groupNumbers[group]))] },
    (reply) => {
      if (reply.kind === 'overrun') tell({ type: 'overrun' });
      if (reply.kind !== 'notifications') return;
      try {
        tellEach(reply.bytes, tell);
      } finally {
        worker.release(reply.bytes);
      }
    },
    died,
  );
  return () => {
    ended = true;
    return worker.end();
  };
}

/** Bytes that cannot be read cost what is behind them: an overrun. */
function tellEach(bytes: Uint8Array, tell: (notification: Notification) => void): void {
  const notifications: Notification[] = [];
  try {
    forEachMessage(bytes, (message) => {
      const notification = decodeObject(message);
      if (notification !== undefined) notifications.push(notification);
    });
  } catch (error) {
    if (!(error instanceof RtnetlinkError)) throw error;
    notifications.push({ type: 'overrun' });
  }
  for (const notification of notifications) tell(notification);
}
