// All that a forwarder puts into the kernel of its host, read with the tools of others, so that two looks can be compared: ids, labels and
// settings included, and nothing that changes by itself (interface indexes, counters, handles, ages).
import type { Host } from '@hostpe/netns-lab';

const sysctls = [
  'ipv4/ip_forward',
  'ipv4/nexthop_compat_mode',
  'ipv4/fib_multipath_hash_policy',
  'ipv4/conf/all/rp_filter',
  'ipv4/conf/v-*/rp_filter',
  'ipv4/conf/v-*/proxy_arp',
  'ipv6/conf/all/forwarding',
  'ipv6/conf/hostpe-*/disable_ipv6',
  'ipv6/conf/v-*/disable_ipv6',
  'ipv6/fib_multipath_hash_policy',
  'ipv6/fwmark_reflect',
  'mpls/platform_labels',
  'mpls/conf/hostpe-*/input',
  'mpls/conf/v-*/input',
  'vrf/strict_mode',
].map((path) => `/proc/sys/net/${path}`);

// Others are filled by packets.
const sets = ['vrfs', 'attachments', 'sources_ipv4', 'sources_ipv6', 'self', 'pes']
  .map((name) => `list set inet hostpe ${name}`)
  .join('; ');

// Few processes: to make one takes 0.1 s and more under emulation. Each part is told from the next by a line of its own; what a missing device makes
// a tool say is no part of the state.
const ipv4 = {
  links: 'link',
  addresses: 'address',
  nexthops: 'nexthop',
  'ipv4 routes': 'route show table all',
};
const more = { 'ipv4 rules': 'rule', neighbours: 'neigh show nud permanent' };
const script = `
exec 2> /dev/null
ip -force -batch - -j -d <<'END' || true
${Object.values({ ...ipv4, ...more }).join('\n')}
END
ip -6 -force -batch - -j -d <<'END' || true
route show table all
rule
END
echo '@ label routes'; ip -j -f mpls route || true
echo '@ UDP ports'; ip fou show || true
echo '@ filters'; tc filter show dev hostpe-udp egress || true
echo '@ guard'; nft -s -t list ruleset || true; nft '${sets}' || true
echo '@ settings'; grep -H . ${sysctls.join(' ')} || true
`;

/** Of the two batches: each answer is one line. */
const batched = [...Object.keys({ ...ipv4, ...more }), 'ipv6 routes', 'ipv6 rules'];

const changing = new Set(['ifindex', 'link_index', 'link_netnsid', 'cacheinfo', 'expires', 'used', 'qdisc']);
const linkFacts = ['ifname', 'mtu', 'master', 'operstate', 'ifalias', 'link'];

type Facts = Readonly<Record<string, unknown>>;

/** What is compared of a link: `-d` has many figures that are none of ours. */
function linkOf(link: Facts): Facts {
  const { info_kind, info_data } = (link['linkinfo'] ?? {}) as Facts;
  const flags = (link['flags'] as string[]).filter((flag) => flag === 'UP');
  // Of devices that are made anew it is drawn by lot.
  const address = String(link['ifname']).startsWith('v-') ? { address: link['address'] } : {};
  const facts = Object.fromEntries(linkFacts.map((fact) => [fact, link[fact]]));
  return { ...facts, ...address, flags, info_kind, info_data };
}

function addressesOf(link: Facts): string[] {
  const addresses = link['addr_info'] as Facts[];
  return addresses.map((one) => `${link['ifname']} ${one['local']}/${one['prefixlen']}`);
}

function stable(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !changing.has(key))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Elements of a set come in any order. */
function withElementsInOrder(text: string): string {
  return text.replace(/elements = \{([^}]*)\}/g, (_, elements: string) => {
    const sorted = elements.split(',').map((one) => one.trim());
    return `elements = { ${sorted.sort().join(', ')} }`;
  });
}

function linesOf(part: string, text: string): string[] {
  if (!text.startsWith('[')) {
    // Actions of filters are numbered through, and count.
    const isNumber = /\s*\bindex \d+ ref \d+ bind \d+/;
    return withElementsInOrder(text)
      .split('\n')
      .map((line) => line.replace(isNumber, ''));
  }
  const objects = JSON.parse(text) as Facts[];
  const facts: readonly unknown[] =
    part === 'links'
      ? objects.map(linkOf)
      : part === 'addresses'
        ? objects.flatMap(addressesOf)
        : objects.filter((object) => Object.keys(object).length > 0);
  return facts.map((one) => JSON.stringify(one, stable)).sort();
}

/** @returns one line an object, each with the part that it is of. */
export async function kernelState(host: Host): Promise<string[]> {
  const { stdout } = await host.run('sh', ['-s'], { input: script });
  const [batches = '', ...sections] = stdout.split(/^@ /m);
  const answers = batches.split('\n').filter((line) => line.startsWith('['));
  if (answers.length !== batched.length)
    throw new Error(`${answers.length} answers of ip, not ${batched.length}`);
  const parts = [
    ...batched.map((part, at): [string, string] => [part, answers[at] ?? '']),
    ...sections.map((section): [string, string] => {
      const end = section.indexOf('\n');
      return [section.slice(0, end), section.slice(end + 1).trim()];
    }),
  ];
  return parts.flatMap(([part, text]) =>
    text === '' ? [] : linesOf(part, text).map((line) => `${part}: ${line}`),
  );
}

interface PrintedNexthop {
  readonly id: number;
  readonly dev?: string;
  readonly gateway?: string;
  readonly dst?: string;
  readonly group?: readonly { readonly id: number }[];
}

/** The same state with what nexthop objects lead to in place of their ids: where the kernel has lost them they come back under any. */
export function withoutNexthopIds(state: readonly string[]): string[] {
  const prefix = 'nexthops: ';
  const nexthops = state
    .filter((line) => line.startsWith(prefix))
    .map((line) => JSON.parse(line.slice(prefix.length)) as PrintedNexthop);
  const names = new Map(nexthops.map(({ id, dev, gateway, dst }) => [id, `${dev} ${gateway} ${dst}`]));
  for (const { id, group } of nexthops)
    if (group !== undefined) names.set(id, `group of ${group.map((one) => names.get(one.id)).sort()}`);
  return state
    .map((line) =>
      line
        .replace(/"(id|nhid)":(\d+)/g, (_, key, id) => `"${key}":"${names.get(Number(id)) ?? id}"`)
        .replace(/"group":\[([^\]]*)\]/g, (_, members: string) => `"group":[${members.split(',').sort()}]`),
    )
    .sort();
}

/** What is in one of two states and not in the other, `-` before and `+` now. */
export function stateDifference(before: readonly string[], now: readonly string[]): string[] {
  const [earlier, later] = [new Set(before), new Set(now)];
  return [
    ...before.filter((line) => !later.has(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !earlier.has(line)).map((line) => `+ ${line}`),
  ];
}
