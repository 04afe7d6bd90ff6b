// RTM_*RULE of the fake kernel: the rules that a new namespace has, and those that VRFs bring.
import type { Rule } from '../objects.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refuse } from './refusal.ts';

const localTable = 255;
const mainTable = 254;
const defaultTable = 253;
/** Where the kernel puts the l3mdev rule of the first VRF. */
const l3mdevPriority = 1000;

export class Rules {
  private held: Rule[] = [
    { object: 'rule', family: 'ipv4', priority: 0, table: localTable },
    { object: 'rule', family: 'ipv4', priority: 32766, table: mainTable },
    { object: 'rule', family: 'ipv4', priority: 32767, table: defaultTable },
    { object: 'rule', family: 'ipv6', priority: 0, table: localTable },
    { object: 'rule', family: 'ipv6', priority: 32766, table: mainTable },
  ];
  private readonly notifications: NotificationQueue;

  constructor(notifications: NotificationQueue) {
    this.notifications = notifications;
  }

  /** In the order in which the kernel asks them. */
  dump(family: Rule['family']): Rule[] {
    return this.held.filter((rule) => rule.family === family).sort((a, b) => a.priority - b.priority);
  }

  add(rule: Rule): void {
    if (this.same(rule) !== undefined) refuse('EEXIST');
    this.held.push(rule);
    this.notifications.notify('rule', 'new', rule);
  }

  delete(rule: Rule): void {
    const old = this.same(rule) ?? refuse('ENOENT');
    this.held = this.held.filter((other) => other !== old);
    this.notifications.notify('rule', 'delete', old);
  }

  addL3mdev(): void {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const rule: Rule = { object: 'rule', family, priority: l3mdevPriority, table: 0, l3mdev: true };
      if (this.same(rule) === undefined) this.add(rule);
    }
  }

  private same(rule: Rule): Rule | undefined {
    return this.held.find(
      (other) =>
        other.family === rule.family &&
        other.priority === rule.priority &&
        other.table === rule.table &&
        (other.l3mdev ?? false) === (rule.l3mdev ?? false),
    );
  }
}
