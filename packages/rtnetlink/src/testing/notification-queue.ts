// Notifications of the fake kernel on their way to subscribers. As on a socket they arrive in order and after the request
// that caused them was answered, and an overrun loses what was still on its way.
import type { Notification, NotificationGroup, Request } from '../kernel.ts';
import type { KernelObject } from '../objects.ts';

type Told = Exclude<Notification, { readonly type: 'overrun' }>;

interface Subscriber {
  readonly groups: ReadonlySet<NotificationGroup>;
  readonly listener: (notification: Notification) => void;
  /** Whether it hears what requests of the door changed. */
  readonly own: boolean;
  pending: Notification[];
}

export class NotificationQueue {
  private readonly subscribers = new Set<Subscriber>();
  private scheduled = false;
  private cause: Request | undefined;
  /** How many notifications from now on each loss is away; 1 is the next. */
  private losses: number[] = [];

  /** @returns ends the subscription; nothing is delivered after it. */
  subscribe(
    groups: readonly NotificationGroup[],
    listener: Subscriber['listener'],
    own: boolean,
  ): () => void {
    const subscriber: Subscriber = { groups: new Set(groups), listener, own, pending: [] };
    this.subscribers.add(subscriber);
    return () => {
      this.subscribers.delete(subscriber);
      subscriber.pending = [];
    };
  }

  /** Runs `change` as done by a request of the door. */
  causedBy(request: Request, change: () => void): void {
    this.cause = request;
    try {
      change();
    } finally {
      this.cause = undefined;
    }
  }

  notify(group: NotificationGroup, type: Told['type'], object: KernelObject): void {
    const told: Told = { type, object };
    const own = this.cause !== undefined && isOwn(this.cause, told);
    const hearing = [...this.subscribers].filter(
      (subscriber) => subscriber.groups.has(group) && (subscriber.own || !own),
    );
    if (hearing.length === 0 || this.isLost()) return;
    for (const subscriber of hearing) this.send(subscriber, told);
  }

  /** @param n counts notifications that somebody would hear, from now on; the first is 1. */
  loseNth(n: number): void {
    this.losses.push(n);
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

  private isLost(): boolean {
    const left = this.losses.map((n) => n - 1);
    this.losses = left.filter((n) => n > 0);
    return left.includes(0);
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

/**
 * Whether the kernel says that the request's sender did it. It does for what the request names and for what a nexthop that is replaced leads to;
 * consequences are the kernel's own doing, and of links, IPv6 addresses and the end of a neighbour it never says.
 */
function isOwn({ object: cause }: Request, { type, object }: Told): boolean {
  switch (object.object) {
    case 'link':
    case 'netconf':
      return false;
    case 'address':
      return cause.object === 'address' && !object.address.includes(':');
    case 'neighbour':
      return cause.object === 'neighbour' && type === 'new';
    case 'route':
      return cause.object === 'route' || (cause.object === 'nexthop' && type === 'new');
    default:
      return cause.object === object.object;
  }
}
