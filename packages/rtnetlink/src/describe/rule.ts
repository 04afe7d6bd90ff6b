// Rules in the words of `ip rule`.
import type { Rule } from '../objects.ts';
import { join, pair, type Word } from './words.ts';

export function ruleWords(rule: Rule): Word[] {
  return [
    'pref',
    rule.priority,
    ...pair('from', rule.source),
    ...pair('to', rule.destination),
    ...pair('iif', rule.inputDevice),
    ...pair('oif', rule.outputDevice),
    ...pair('fwmark', markWords(rule.mark)),
    ...pair('ipproto', rule.ipProtocol),
    actionWords(rule),
    ...pair('suppress_prefixlength', rule.suppressPrefixLength),
  ];
}

function markWords(mark: Rule['mark']): string | undefined {
  return mark && `0x${mark.value.toString(16)}/0x${mark.mask.toString(16)}`;
}

function actionWords({ action, l3mdev, table, target }: Rule): string {
  if (action !== undefined) return join(action, target);
  return l3mdev === true ? 'l3mdev' : `table ${table}`;
}
