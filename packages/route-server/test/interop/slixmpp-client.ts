// Drives slixmpp-client.py: an XMPP client of others in the place of a forwarder. Dead with the test run, however that ends.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { expect, vi } from 'vitest';

export interface SlixmppOptions {
  readonly port: number;
  readonly tls?: 'direct' | 'starttls';
  readonly jid: string;
  readonly password?: string;
  /** Files in PEM. */
  readonly ca: string;
  readonly certificate?: string;
  readonly key?: string;
  /** The SASL mechanism; what it likes best of what is offered, if absent. */
  readonly mechanism?: string;
}

export interface SlixmppRequest {
  readonly do: 'subscribe' | 'unsubscribe' | 'publish' | 'retract' | 'end-of-rib' | 'ping';
  readonly node?: string;
  readonly id?: string;
  readonly entry?: string;
}

/** Of every wait: far more than anything takes on a busy machine. Milliseconds. */
const DEADLINE = 20_000;

// Debian's own: slixmpp comes as its package.
const PYTHON = '/usr/bin/python3';

export class SlixmppClient {
  /** `NODE +PREFIX NEXTHOP/LABEL,…`, `NODE -ID` and `NODE end-of-rib`, in order. */
  readonly heard: string[] = [];
  /** `online`, `offline`: what it said of its session, the latest. */
  session: Readonly<Record<string, unknown>> = {};

  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #closed: Promise<unknown>;
  readonly #answers: Readonly<Record<string, unknown>>[] = [];
  #complaints = '';

  constructor(options: SlixmppOptions) {
    const program = join(import.meta.dirname, 'slixmpp-client.py');
    const told = JSON.stringify({ address: '127.0.0.1', tls: 'direct', ...options });
    // The kernel kills it with the thread that started it.
    const line = ['--pdeathsig', 'KILL', '--', PYTHON, program, told];
    this.#child = spawn('setpriv', line, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#closed = once(this.#child, 'close');
    // Written to after its end, which the wait for an answer tells.
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints += text;
    });
    createInterface(this.#child.stdout).on('line', (text) => this.#take(JSON.parse(text)));
  }

  async online(): Promise<this> {
    await this.until(() => this.session['event'] !== undefined);
    expect(this.session).toMatchObject({ event: 'online' });
    return this;
  }

  /** The answer, or the type and condition of the error with its text. */
  async request(request: SlixmppRequest): Promise<Readonly<Record<string, unknown>>> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    await this.until(() => this.#answers.length > 0);
    return this.#answers.shift() ?? {};
  }

  /** Waits until it heard this, and checks that it heard nothing else since the last call. */
  async hears(...lines: readonly string[]): Promise<void> {
    await vi.waitFor(() => expect(this.heard).toEqual(lines), { timeout: DEADLINE, interval: 10 });
    this.heard.length = 0;
  }

  async until(condition: () => boolean): Promise<void> {
    const ended = () => this.#child.exitCode !== null || this.#child.signalCode !== null;
    await vi.waitUntil(() => condition() || ended(), { timeout: DEADLINE, interval: 10 }).catch(() => {});
    if (!condition())
      throw new Error(
        `python3-slixmpp (\`apt-get install python3-slixmpp\`): ${this.#complaints || 'no answer'}`,
      );
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #take(line: Readonly<Record<string, unknown>>): void {
    if (line['event'] === 'heard') this.#hear(String(line['node']), line['items']);
    else if (line['event'] === undefined) this.#answers.push(line);
    else this.session = line;
  }

  #hear(node: string, items: unknown): void {
    const said = Array.isArray(items) && items.length > 0 ? items : ['end-of-rib'];
    this.heard.push(...said.map((item) => `${node} ${item}`));
  }
}
