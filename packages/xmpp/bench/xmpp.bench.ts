// VPN routes from the bytes of a stream to records, per second of CPU: our parser beside saxes and the tree of @xmpp/xml, on the same
// bytes. Sides take turns; each has to have given all routes. Then, each once and over TLS, a client that is told very many routes, and a
// route server that tells very many clients.
//
//   node xmpp.bench.ts
//   BENCH_ROUTES=10000    so many routes a round; 50,000 otherwise
//   BENCH_ROUNDS=3        an odd number; 9 otherwise
//   BENCH_RECEIVED=10000  so many routes to one client over TLS; 1,000,000 otherwise
//   BENCH_SESSIONS=100    so many sessions of a route server, each with TLS; 1,000 otherwise
//   BENCH_FANNED_OUT=1000 so many routes to all of them; 10,000 otherwise
import { resolve } from 'node:path';
import { type Figure, figure, formatTable, writeFigures } from '@hostpe/bench';
import { endToEnd } from './end-to-end.ts';
import { fanOut } from './fan-out.ts';
import { routeStream } from './route-stream.ts';
import { ours, ourTags, ourTree, type Side, saxes, xmppTree } from './sides.ts';

const routes = Number(process.env['BENCH_ROUTES'] ?? 50_000);
const routesReceived = Number(process.env['BENCH_RECEIVED'] ?? 1_000_000);
const sessions = Number(process.env['BENCH_SESSIONS'] ?? 1_000);
const routesFannedOut = Number(process.env['BENCH_FANNED_OUT'] ?? 10_000);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 9);
/** Until V8 has compiled what runs. */
const WARM_UP = 2;

const sides = {
  ours,
  'our tags': ourTags,
  'our tree': ourTree,
  'saxes with namespaces': saxes(true),
  'saxes without namespaces': saxes(false),
  '@xmpp/xml tree': xmppTree,
} satisfies Readonly<Record<string, Side>>;
type Name = keyof typeof sides;
const names = Object.keys(sides) as Name[];

/** Seconds of CPU a route; other threads of V8 included. */
function cost(name: Name, chunks: readonly Buffer[]): number {
  let count = 0;
  let labels = 0;
  const start = process.cpuUsage();
  sides[name](chunks, (route) => {
    count += 1;
    labels += route.nexthops[0]?.label ?? 0;
  });
  const { user, system } = process.cpuUsage(start);
  if (count !== routes || labels !== sumOfLabels)
    throw new Error(`${name} gave ${count} of ${routes} routes`);
  return (user + system) / 1e6 / routes;
}

const sumOfLabels = Array.from({ length: routes }, (_, at) => 16 + (at % 1_000_000)).reduce(
  (a, b) => a + b,
  0,
);

function compare(perStanza: number, goals: readonly (readonly [Name, number | null])[]): Figure[] {
  const chunks = routeStream(routes, perStanza);
  const costs = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const name of names) {
      const one = cost(name, chunks);
      if (round >= 0) costs.get(name)?.push(one);
    }
  }
  return goals.map(([against, goal]) =>
    figure(
      { metric: `to records, ${perStanza} a stanza`, unit: 'routes/CPU s', against, goal },
      { ours: costs.get('ours') ?? [], other: costs.get(against) ?? [] },
      (seconds) => 1 / seconds,
    ),
  );
}

const parsed = compare(100, [
  ['saxes with namespaces', 2],
  // 500,000/s where saxes, which did not look at namespaces, does 345,000/s.
  ['saxes without namespaces', 1.45],
  ['@xmpp/xml tree', null],
  ['our tags', null],
  ['our tree', null],
]);
const saxesRate = parsed.find(({ against }) => against === 'saxes without namespaces')?.other ?? Number.NaN;
/** Sides that are processes of their own run once or thrice: what they take is long. */
const figures = [
  ...parsed,
  ...compare(1, [
    ['saxes with namespaces', null],
    ['@xmpp/xml tree', null],
  ]),
  ...(await endToEnd(routesReceived, saxesRate)),
  ...(await fanOut(sessions, routesFannedOut)),
];
writeFigures(resolve(import.meta.dirname, '../../../bench-results/xmpp.json'), figures);
process.stdout.write(`Medians of ${rounds} rounds. Ratio > 1: we are ahead.\n${formatTable(figures)}\n`);
