// Notifications of the fake kernel on their way to subscribers. As on a socket they arrive in order and after the request
// that caused them was answered, and an overrun loses what was still on its way.
import type { Notification, NotificationGroup } from '../kernel.ts';
import type { KernelObject } from '../objects.ts';

interface Subscriber {
  readonly groups: ReadonlySet<NotificationGroup>;
  readonly listener: (notification: Notification) => void;
  pending: Notification[];
}

export class NotificationQueue {
  private readonly subscribers = new Set<Subscriber>();
  private scheduled = false;

  /** @returns ends the subscription; nothing is delivered after it. */
  subscribe(groups: readonly NotificationGroup[], listener: Subscriber['listener']): () => void {
    const subscriber: Subscriber = { groups: new Set(groups), listener, pending: [] };
    this.subscribers.add(subscriber);
    return () => {
      this.subscribers.delete(subscriber);
      subscriber.pending = [];
    };
  }

  notify(group: NotificationGroup, type: 'new' | 'delete', object: KernelObject): void {
    for (const subscriber of this.subscribers) {
      if (subscriber.groups.has(group)) this.send(subscriber, { type, object });
    }
  }

  /** Loses what no listener has seen yet and says so to each. */
  overrun(): void {
    for (const subscriber of this.subscribers) {
      subscriber.pending = [];
      this.send(subscriber, { type: 'overrun' });
    }
  }

  close(): void {
    for (const subscriber of this.subscribers) subscriber.pending = [];
    this.subscribers.clear();
  }

  private send(subscriber: Subscriber, notification: Notification): void {
    subscriber.pending.push(notification);
    if (this.scheduled) return;
    this.scheduled = true;
    // Behind the promise of the call that caused it, which the caller goes on from first.
    setImmediate(() => this.deliver());
  }

  private deliver(): void {
    this.scheduled = false;
    for (const subscriber of this.subscribers) {
      const notifications = subscriber.pending;
      subscriber.pending = [];
      for (const notification of notifications) subscriber.listener(notification);
    }
  }
}
