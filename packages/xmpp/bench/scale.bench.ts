// What a route server takes that holds very many routes; and one that is restarted, until very many forwarders are back. Each once, for they are long.
//
//   node scale.bench.ts
//   BENCH_HELD=100000     so many routes in one VPN; 1,000,000 otherwise
//   BENCH_READERS=20      so many that are told all of them; 4 otherwise
//   BENCH_FORWARDERS=200  so many that come back to a restarted route server; 2,000 otherwise
import { resolve } from 'node:path';
import { formatTable, writeFigures } from '@hostpe/bench';
import { scale } from './scale.ts';
import { storm } from './storm.ts';

const routes = Number(process.env['BENCH_HELD'] ?? 1_000_000);
const readers = Number(process.env['BENCH_READERS'] ?? 4);

const forwarders = Number(process.env['BENCH_FORWARDERS'] ?? 2_000);

const figures = [...(await scale(routes, readers)), ...(await storm(forwarders))];
writeFigures(resolve(import.meta.dirname, '../../../bench-results/scale.json'), figures);
process.stdout.write(`Ratio > 1: better than the goal.\n${formatTable(figures)}\n`);
