// Our speaker as a process of its own, as the route server runs it, but without VPNs. Told by IPC whom to expect; says how many paths it has.
import { parseIpAddress } from '@hostpe/net';
import { Speaker } from '../src/index.ts';
import { peerAddress } from './peers-process.ts';
import { localAs } from './routes.ts';
import type { SidePeer } from './sides.ts';

export interface SpeakerOrder {
  readonly address: string;
  readonly peers: readonly SidePeer[];
}

export type SpeakerReport =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'paths'; readonly paths: number };

const say = (report: SpeakerReport) => process.send?.(report);

/** Milliseconds of a turn of what is done step by step. */
const turn = 5;
const work: { readonly steps: Iterator<void>; readonly done: () => void }[] = [];
function takeTurn(): void {
  const end = performance.now() + turn;
  for (let [one] = work; one !== undefined && performance.now() < end; [one] = work)
    if (one.steps.next().done) {
      work.shift();
      one.done();
    }
  if (work.length > 0) setImmediate(takeTurn);
}

async function start({ address, peers }: SpeakerOrder): Promise<void> {
  const local = parseIpAddress(address);
  const speaker: Speaker = new Speaker({
    configuration: {
      as: localAs,
      identifier: parseIpAddress('192.0.2.1'),
      clusterId: parseIpAddress('192.0.2.1'),
      listen: [{ address: local, port: 0 }],
      restartTime: 120,
      peers: peers.map(({ host, isClient }) => ({
        name: `peer${host}`,
        address: parseIpAddress(peerAddress(host)),
        port: 179,
        localAddress: local,
        as: localAs,
        families: ['vpnv4', 'rtc'],
        protection: { key: undefined, hops: undefined },
        passive: true,
        holdTime: 90,
        routeReflectorClient: isClient,
        encapsulation: 'community',
        addPathReceive: [],
        addPathSend: [],
        gracefulRestart: true,
        longLivedTime: 0,
      })),
    },
    clock: {
      after(delay, callback) {
        const timer = setTimeout(callback, delay);
        return () => clearTimeout(timer);
      },
    },
    now: () => performance.now(),
    random: Math.random,
    defer: setImmediate,
    run: (steps, done) => {
      work.push({ steps: steps[Symbol.iterator](), done });
      if (work.length === 1) setImmediate(takeTurn);
    },
    log: { debug: () => {}, info: () => {}, warn: () => {} },
    changed: () => {},
    complete: () => {},
  });
  const [bound] = await speaker.start();
  speaker.complete();
  process.on('message', (message) => {
    if (message === 'paths') say({ kind: 'paths', paths: speaker.rib.paths });
  });
  say({ kind: 'listening', port: bound?.port ?? 0 });
}

// What watches for stalls lets go of the channel, which is all that keeps the process until it listens.
process.channel?.ref();
process.once('message', (order: SpeakerOrder) => void start(order));
process.on('disconnect', () => process.exit());
