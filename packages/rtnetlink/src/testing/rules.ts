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
    if (this.held.some((other) => factsOf(other) === factsOf(rule))) refuse('EEXIST');
    this.replace(rule);
  }

  /** The kernel replaces no rule: it adds one, also beside one that is alike. */
  replace(rule: Rule): void {
    if (rule.action === 'goto' && (rule.target ?? 0) <= rule.priority) {
      refuse('EINVAL', 'Backward goto not supported');
    }
    const { l3mdev, ...rest } = rule;
    const held: Rule = { ...rest, ...(l3mdev === true ? { l3mdev } : {}) };
    this.held.push(held);
    this.notifications.notify('rule', 'new', held);
  }

  /** The first rule that has all the facts of the request goes, whatever else it has. */
  delete(rule: Rule): void {
    const old = this.dump(rule.family).find((other) => isMeant(rule, other)) ?? refuse('ENOENT');
    this.held = this.held.filter((other) => other !== old);
    this.notifications.notify('rule', 'delete', old);
  }

  addL3mdev(): void {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const rule: Rule = { object: 'rule', family, priority: l3mdevPriority, table: 0, l3mdev: true };
      if (!this.held.some((other) => factsOf(other) === factsOf(rule))) this.replace(rule);
    }
  }
}

/** Everything that makes two rules two. */
function factsOf(rule: Rule): string {
  return JSON.stringify([
    rule.family,
    rule.priority,
    rule.action,
    rule.table,
    rule.l3mdev ?? false,
    rule.target,
    rule.source,
    rule.destination,
    rule.inputDevice,
    rule.outputDevice,
    rule.mark?.value,
    rule.mark?.mask,
    rule.ipProtocol,
    rule.suppressPrefixLength,
  ]);
}

function isMeant(rule: Rule, other: Rule): boolean {
  return (
    other.priority === rule.priority &&
    other.action === rule.action &&
    (rule.table === 0 || other.table === rule.table) &&
    (rule.l3mdev !== true || other.l3mdev === true) &&
    isSameIfAsked(rule.target, other.target) &&
    isSameIfAsked(rule.source, other.source) &&
    isSameIfAsked(rule.destination, other.destination) &&
    isSameIfAsked(rule.inputDevice, other.inputDevice) &&
    isSameIfAsked(rule.outputDevice, other.outputDevice) &&
    isSameIfAsked(rule.mark?.value, other.mark?.value) &&
    isSameIfAsked(rule.mark?.mask, other.mark?.mask) &&
    isSameIfAsked(rule.ipProtocol, other.ipProtocol) &&
    isSameIfAsked(rule.suppressPrefixLength, other.suppressPrefixLength)
  );
}

function isSameIfAsked<T>(asked: T | undefined, held: T | undefined): boolean {
  return asked === undefined || asked === held;
}
