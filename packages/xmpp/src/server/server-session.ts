// A forwarder's session as who serves it sees it, whatever kind of stream carries it. Sizes in bytes.
import type { Element } from 'ltx';
import type { MessageSource } from './output.ts';

export type RequestHandler = (payload: Element) => Promise<Element | undefined> | Element | undefined;

export interface SessionEvents {
  /** Once; `reason` is for an operator. */
  close: (reason: string) => void;
}

export interface ServerSession {
  /** Full. */
  readonly jid: string;
  readonly account: string;
  readonly remoteAddress: string;
  /**
   * Takes requests, one after another in the order in which they came. A StanzaError thrown is sent as the answer, where the peer
   * gets answers; anything else thrown is logged and answered with internal-server-error.
   */
  onRequest(handler: RequestHandler): void;
  /**
   * Sends a message with this payload, which may be serialised already; it must then declare its own namespace. When
   * more than `maxOutputBytes` would wait for the reader, the session is closed instead.
   */
  sendMessage(payload: Element | string): void;
  /**
   * Sends messages as fast as the peer reads them, and no faster: asks `source` for one payload after the other, each
   * declaring its own namespace, until it has none. Payloads may be shared between sessions and are not changed. What waits
   * for the reader is some 200 KiB at the most, and a reader however slow is not cut off as long as it reads at all.
   * @returns what is to be called when the source has a payload again.
   */
  sendFrom(source: MessageSource): () => void;
  /** With a condition of RFC 6120 section 4.9.3: as a stream error, where the peer knows them. Resolves when the connection is closed. */
  close(condition?: string, text?: string): Promise<void>;
  /** Returns what removes the listener again. */
  on<Name extends keyof SessionEvents>(event: Name, listener: SessionEvents[Name]): () => void;
}
