// Types of the untyped @xmpp packages 0.14: only what the client session uses, as their sources have it.

declare module '@xmpp/tls/lib/Connection.js' {
  import type { EventEmitter } from 'node:events';
  import type { Element } from 'ltx';

  interface Socket extends EventEmitter {
    write(text: string): void;
  }

  interface Parser extends EventEmitter {
    write(bytes: Uint8Array): void;
  }

  /** With what it has from @xmpp/connection. */
  export default class ConnectionTLS extends EventEmitter {
    constructor(options: { domain: string; timeout: number });
    parser: { write(bytes: Uint8Array): void } | null;
    Parser: new () => Parser;
    open(options: { domain: string }): Promise<void>;
    send(element: Element): Promise<void>;
    write(text: string): Promise<void>;
    header(): string;
    _attachSocket(socket: Socket): void;
    _jid(jid: string): unknown;
    _onData(bytes: Uint8Array): void;
    _onElement(element: Element): void;
    _streamError(condition: string): Promise<unknown>;
  }
}

declare module '@xmpp/middleware' {
  import type { EventEmitter } from 'node:events';
  import type { Element } from 'ltx';

  export interface Middleware {
    use(step: (context: { stanza: Element }, next: () => Promise<unknown>) => unknown): void;
  }
  export default function middleware(parts: { entity: EventEmitter }): Middleware;
}

declare module '@xmpp/stream-features' {
  import type { Middleware } from '@xmpp/middleware';

  export interface StreamFeatures {
    use(name: string, xmlns: string, handler: (...context: readonly unknown[]) => unknown): void;
  }
  export default function streamFeatures(parts: { middleware: Middleware }): StreamFeatures;
}

declare module '@xmpp/iq/caller.js' {
  import type { EventEmitter } from 'node:events';
  import type { Middleware } from '@xmpp/middleware';
  import type { Element } from 'ltx';

  export interface IqCaller {
    readonly handlers: Map<
      string,
      { readonly promise: Promise<Element>; readonly reject: (reason: Error) => void }
    >;
    request(iq: Element, timeout: number): Promise<Element>;
  }
  export default function iqCaller(parts: { middleware: Middleware; entity: EventEmitter }): IqCaller;
}

declare module '@xmpp/sasl' {
  import type { StreamFeatures } from '@xmpp/stream-features';

  /** Strings are binary: one character a byte. */
  export interface Mechanism {
    readonly name: string;
    readonly clientFirst: boolean;
    challenge(message: string): Promise<void> | void;
    response(credentials: object): Promise<string> | string;
  }
  export interface MechanismFactory {
    readonly _mechs: readonly { readonly name: string }[];
    create(names: readonly string[]): Mechanism | null;
  }
  export default function sasl(
    parts: { streamFeatures: StreamFeatures; saslFactory: MechanismFactory },
    onAuthenticate: (
      authenticate: (credentials: object, mechanism: string) => Promise<void>,
      mechanisms: readonly string[],
    ) => Promise<void>,
  ): void;
}

declare module '@xmpp/resource-binding' {
  import type { IqCaller } from '@xmpp/iq/caller.js';
  import type { StreamFeatures } from '@xmpp/stream-features';

  export default function resourceBinding(
    parts: { streamFeatures: StreamFeatures; iqCaller: IqCaller },
    resource: string,
  ): void;
}
