// One attempt at one open stream to a control node: TCP, STARTTLS where it is configured, both headers, stanzas. Used once and thrown
// away. Whatever the server sends ends in `ended`, never in an exception. Never retries. Times in milliseconds, sizes in bytes.
import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { Element } from 'ltx';
import { type Credential, present } from '../client/credential.ts';
import { connectionClosed, failureOf, type Step, stepTimeout } from '../client/failure.ts';
import { Inbox } from '../client/inbox.ts';
import type { AttemptEvents } from '../client/steady-client.ts';
import { tlsParameters } from '../client/wire.ts';
import { XmppError } from '../errors.ts';
import { sayFarewell } from '../farewell.ts';
import { NS_STREAM, NS_TLS } from '../namespaces.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import { STREAM_END, streamErrorFrom } from '../stanza.ts';
import { STREAM_LIMITS, StreamParser } from '../stream-parser.ts';
import { openHeaderText, readOpenHeader } from './header.ts';
import { Keepalive } from './keepalive.ts';
import { PlaintextEnd, STARTTLS } from './starttls.ts';

interface OpenStreamTls {
  /** The server's certificate is checked against it. */
  readonly domain: string;
  /** See XmppClientOptions. */
  readonly ca?: Credential | undefined;
  readonly certificate?: Credential | undefined;
  readonly key?: Credential | undefined;
}

export interface ClientOpenStreamOptions {
  readonly host: string;
  readonly port: number;
  /** Whom we say that we are. */
  readonly name: string;
  /** JID of the server. */
  readonly server: string;
  /** STARTTLS is demanded where there is one, and refused where there is none. */
  readonly tls?: OpenStreamTls;
  readonly holdTime: number;
  /** For each step until the stream is there. */
  readonly timeout: number;
  readonly readers?: () => readonly SubtreeReader[];
}

/** What may wait for a server that does not read. */
const MAX_UNSENT = 16 * 1024 * 1024;

export class ClientOpenStream {
  readonly #options: ClientOpenStreamOptions;
  readonly #events: AttemptEvents;
  readonly #inbox: Inbox;
  #socket: Socket;
  #parser: StreamParser | undefined;
  #plaintext = new PlaintextEnd();
  #asked = false;
  #secure = false;
  /** The default namespace of the server's stream. */
  #namespace = '';
  #step: Step = 'connect';
  #watchdog: NodeJS.Timeout | undefined;
  #keepalive: Keepalive | undefined;
  #ended = false;
  #closed: Promise<void> = Promise.resolve();

  /** Begins at once. */
  constructor(options: ClientOpenStreamOptions, events: AttemptEvents) {
    this.#options = options;
    this.#events = events;
    this.#inbox = new Inbox({
      deliver: events.message,
      pause: () => this.#socket.pause(),
      resume: () => this.#socket.resume(),
    });
    const { host, port } = options;
    this.#expect('connect');
    this.#socket = connect({ host, port, noDelay: true, keepAlive: true });
    this.#read(this.#socket);
    this.#socket.once('connect', () => this.#open());
  }

  /** Ends it in order where it is up, at once where it is not. `ended` is told before this resolves. */
  close(): Promise<void> {
    this.#end(new XmppError('closed', 'stopped'));
    return this.#closed;
  }

  /** Resolves when it is with the network. @throws XmppError where the stream ends before. */
  send(stanza: Element): Promise<void> {
    const text = stanza.toString();
    const waits = this.#socket.writableLength;
    if (waits + text.length > MAX_UNSENT)
      this.#end(new XmppError('timeout', `the server does not read: ${waits >> 20} MiB wait to be sent`));
    if (this.#keepalive === undefined || this.#ended)
      return Promise.reject(new XmppError('closed', 'the stream is closed'));
    return new Promise((resolve, reject) => {
      this.#socket.write(text, (error) => {
        if (!error) return resolve();
        this.#fail(error);
        reject(failureOf('session', error));
      });
    });
  }

  #read(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => {
      if (this.#step === 'starttls') this.#plaintext.read(bytes);
      this.#keepalive?.received();
      this.#parser?.write(bytes);
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#end(connectionClosed(this.#step)));
  }

  /** Our header; a stream begins, before STARTTLS and after it. */
  #open(): void {
    const { name, server, readers = () => [] } = this.#options;
    const parser = new StreamParser(STREAM_LIMITS, { readers: readers(), contrail: true });
    const current = (): boolean => this.#parser === parser && !this.#ended;
    parser.on('start', (root) => current() && this.#onHeader(root));
    parser.on('element', (element) => current() && this.#onElement(element));
    parser.on('end', () => current() && this.#end(new XmppError('closed', 'the server ended the stream')));
    parser.on('error', (error) => current() && this.#end(error));
    this.#parser = parser;
    this.#expect('header');
    this.#socket.write(openHeaderText({ from: name, to: server, namespace: '' }));
  }

  #onHeader(root: Element): void {
    const { tls, holdTime } = this.#options;
    try {
      this.#namespace = readOpenHeader(root).namespace;
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (tls !== undefined && !this.#secure) {
      this.#expect('features');
      return;
    }
    clearTimeout(this.#watchdog);
    this.#step = 'session';
    this.#keepalive = new Keepalive({
      holdTime,
      fill: () => this.#socket.writableLength === 0 && this.#socket.write('\n'),
      // What we do not read is not the server's silence.
      dead: () => !this.#inbox.paused && this.#end(stepTimeout('session', holdTime)),
    });
    this.#events.online(this.#options.name);
  }

  #onElement(element: Element): void {
    if (element.is('error', NS_STREAM)) this.#end(streamErrorFrom(element));
    else if (element.is('features', NS_STREAM)) this.#onFeatures(element);
    else if (this.#step === 'session') this.#onStanza(element);
    else if (this.#step !== 'starttls' || !element.is('proceed', NS_TLS))
      this.#end(new XmppError('tls', 'the server does not offer STARTTLS; nothing is sent in plaintext'));
    // Whether more came with it is known when the whole chunk is read.
    else setImmediate(() => void this.#upgrade());
  }

  #onFeatures(features: Element): void {
    const offers = features.getChild('starttls', NS_TLS);
    if (this.#step === 'session') {
      if (offers?.getChild('required'))
        this.#end(new XmppError('tls', 'the server demands STARTTLS, which is not configured here'));
    } else if (this.#step !== 'features' || !offers)
      this.#end(new XmppError('tls', 'the server does not offer STARTTLS; nothing is sent in plaintext'));
    else {
      this.#expect('starttls');
      this.#socket.write(STARTTLS);
    }
  }

  #onStanza(stanza: Element): void {
    // Its iqs are of the graph of configuration, which we do not have.
    const isOfStream = (stanza.getNS() ?? '') === this.#namespace;
    if (isOfStream && stanza.getName() === 'message') this.#inbox.take(stanza);
  }

  async #upgrade(): Promise<void> {
    const { tls } = this.#options;
    if (this.#ended || this.#asked || tls === undefined) return;
    this.#asked = true;
    if (!this.#plaintext.isWith('proceed')) {
      this.#end(new XmppError('tls', 'somebody slips in plaintext behind <proceed/>'));
      return;
    }
    this.#expect('tls');
    const plain = this.#socket;
    plain.removeAllListeners('data').pause();
    try {
      const parameters = tlsParameters({
        domain: tls.domain,
        ca: await present(tls.ca, 'CA certificates', 'tls'),
        certificate: await present(tls.certificate, 'certificate', 'tls'),
        key: await present(tls.key, 'key', 'tls'),
      });
      if (this.#ended) return;
      const secure = tlsConnect({ socket: plain, ...parameters });
      this.#socket = secure;
      this.#secure = true;
      this.#read(secure);
      secure.once('secureConnect', () => this.#open());
    } catch (error) {
      this.#fail(error);
    }
  }

  #expect(step: Step): void {
    const { timeout } = this.#options;
    this.#step = step;
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#end(stepTimeout(step, timeout)), timeout);
  }

  #fail(error: unknown): void {
    this.#end(failureOf(this.#step, error));
  }

  #end(reason: XmppError): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#watchdog);
    this.#inbox.close();
    // Before a stream is there none is to be ended.
    if (this.#keepalive) this.#closed = sayFarewell(this.#socket, STREAM_END);
    else this.#socket.destroy();
    this.#keepalive?.stop();
    this.#events.ended(reason);
  }
}
