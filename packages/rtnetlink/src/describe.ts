// Requests and objects in iproute2's words, for logs and errors: what one would type to do the same. A device is its index, `if7`,
// as iproute2 writes one whose name it does not know. The words of each kind are in describe/.
import { addressWords, neighbourWords } from './describe/address.ts';
import { linkWords } from './describe/link.ts';
import { netconfWords } from './describe/netconf.ts';
import { nexthopWords } from './describe/nexthop.ts';
import { describeRoute } from './describe/route.ts';
import { ruleWords } from './describe/rule.ts';
import { filterWords, qdiscWords } from './describe/traffic-control.ts';
import { device, familyOption, join, pair } from './describe/words.ts';
import type { DumpFilter, Operation, Request } from './kernel.ts';
import type { KernelObject } from './objects.ts';

/** For example `route replace 10.1.0.2/32 table 1001 nhid 1761607681 proto 200`; without the operation where an object is given. */
export function describe(what: Request | KernelObject): string {
  return 'op' in what ? words(what.object, what.op) : words(what, undefined);
}

/** For example `-6 route show table 1001`. */
export function describeDump(filter: DumpFilter): string {
  switch (filter.object) {
    case 'route':
      return join(
        familyOption(filter.family),
        'route show',
        ...pair('table', filter.table),
        ...pair('proto', filter.protocol),
      );
    case 'rule':
    case 'netconf':
      return join(familyOption(filter.family), filter.object, 'show');
    case 'qdisc':
      return join('qdisc show', device(filter.index));
    case 'filter':
      return join('filter show', device(filter.index), filter.hook);
    case 'neighbour':
      return join('neighbour show', filter.index !== undefined && device(filter.index));
    default:
      return join(filter.object, 'show');
  }
}

function words(object: KernelObject, op: Operation | undefined): string {
  switch (object.object) {
    case 'link':
      return join('link', op, ...linkWords(object, op));
    case 'address':
      return join('address', op, ...addressWords(object));
    case 'neighbour':
      return join('neighbour', op, ...neighbourWords(object));
    case 'route':
      return describeRoute(object, op);
    case 'nexthop':
      return join('nexthop', op, ...nexthopWords(object));
    case 'rule':
      return join(familyOption(object.family), 'rule', op, ...ruleWords(object));
    case 'qdisc':
      return join('qdisc', op, ...qdiscWords(object));
    case 'filter':
      return join('filter', op, ...filterWords(object));
    case 'fou':
      return join(
        'fou',
        op,
        'port',
        object.port,
        'ipproto',
        object.protocol,
        object.family === 'ipv6' && '-6',
      );
    case 'netconf':
      return join(familyOption(object.family), 'netconf', op, ...netconfWords(object));
  }
}
