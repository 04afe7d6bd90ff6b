// Run by itself, as a child of scale.ts: sessions that publish very many routes, or that hear of them. Cheap on purpose: text out, and in only counts.
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { logIn, type RawSessionOptions, subscribe } from './raw-session.ts';

export interface ScaleTask extends RawSessionOptions {
  readonly accounts: readonly string[];
  readonly vpn: string;
  readonly nexthop: string;
  /** Each publishes so many. */
  readonly routes: number;
}

/** What the child is told; it answers with `done`. */
export type ScaleCommand =
  | { readonly kind: 'log-in' | 'subscribe' | 'publish' | 'leave' }
  /** Until each session has heard so many of `text` from now on: `listening` at once, `heard` then. */
  | { readonly kind: 'hear'; readonly text: string; readonly count: number };

const PER_STANZA = 100;
/** White space so often, in milliseconds: who says nothing for longer is pinged, and these do not answer. */
const KEEP_ALIVE = 10_000;

const task = JSON.parse(process.argv[2] ?? '') as ScaleTask;

/** Counts the occurrences of a text in a stream. */
class Count {
  readonly #text: Buffer;
  #tail: Buffer = Buffer.alloc(0);
  #left: number;

  constructor(text: string, count: number) {
    this.#text = Buffer.from(text);
    this.#left = count;
  }

  /** @returns whether it has been there often enough. */
  reached(bytes: Buffer): boolean {
    const all = Buffer.concat([this.#tail, bytes]);
    let end = 0;
    for (let at = all.indexOf(this.#text); at >= 0; at = all.indexOf(this.#text, end)) {
      end = at + this.#text.length;
      this.#left -= 1;
    }
    this.#tail = all.subarray(Math.max(end, all.length - this.#text.length + 1));
    return this.#left <= 0;
  }
}

class Session {
  readonly #socket: TLSSocket;
  #isCut = false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    const keepAlive = setInterval(() => socket.write(' '), KEEP_ALIVE);
    socket.on('close', () => {
      clearInterval(keepAlive);
      if (!this.#isCut) process.exit(1);
    });
  }

  /** Resolves when the text came so often from now on. */
  hears(text: string, times: number): Promise<void> {
    const count = new Count(text, times);
    return new Promise((resolve) => {
      const listen = (bytes: Buffer): void => {
        if (!count.reached(bytes)) return;
        this.#socket.off('data', listen);
        // What comes is read, whether or not somebody counts.
        this.#socket.resume();
        resolve();
      };
      this.#socket.on('data', listen);
    });
  }

  async subscribe(): Promise<void> {
    const answered = this.hears('subscription="subscribed"', 1);
    subscribe(this.#socket, task.vpn);
    await answered;
  }

  /** As by a power failure. */
  cut(): void {
    this.#isCut = true;
    this.#socket.destroy();
  }

  async publish(first: number): Promise<void> {
    const answered = this.hears(' type="result"', Math.ceil(task.routes / PER_STANZA));
    for (let from = first; from < first + task.routes; from += PER_STANZA) {
      const count = Math.min(PER_STANZA, first + task.routes - from);
      if (!this.#socket.write(publishStanza(from, count))) await once(this.#socket, 'drain');
    }
    await answered;
  }
}

function publishStanza(first: number, count: number): string {
  let items = '';
  for (let number = first; number < first + count; number++) {
    const prefix = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}/32`;
    items +=
      `<item id='${task.nexthop}:1:${prefix}'><entry xmlns='urn:ietf:params:xml:ns:bgp:l3vpn:unicast'><nlri><af>1</af><safi>1</safi>` +
      `<address>${prefix}</address></nlri><next-hops><next-hop><af>1</af><address>${task.nexthop}</address>` +
      `<label>${16 + (number % 1_000_000)}</label></next-hop></next-hops></entry></item>`;
  }
  return (
    `<iq type='set' id='publish-${first}'><pubsub xmlns='http://jabber.org/protocol/pubsub'>` +
    `<publish node='${task.vpn}'>${items}</publish></pubsub></iq>`
  );
}

const sessions: Session[] = [];

async function obey(command: ScaleCommand): Promise<unknown> {
  switch (command.kind) {
    case 'log-in':
      for (const account of task.accounts) sessions.push(new Session(await logIn(account, task)));
      return;
    case 'subscribe':
      return Promise.all(sessions.map((session) => session.subscribe()));
    case 'publish':
      return Promise.all(sessions.map((session, at) => session.publish(at * task.routes)));
    case 'leave':
      return sessions.shift()?.cut();
    case 'hear':
      return Promise.all(sessions.map((session) => session.hears(command.text, command.count)));
  }
}

process.on('message', async (command: ScaleCommand) => {
  const obeyed = obey(command);
  if (command.kind === 'hear') process.send?.('listening');
  await obeyed;
  process.send?.(command.kind === 'hear' ? 'heard' : 'done');
});
