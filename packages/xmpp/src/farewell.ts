// The end of a connection: the last words are sent, and then it ends even where the peer never reads them.
import type { Duplex } from 'node:stream';

/** How long the peer may take to read the last words and close, in milliseconds. */
const FAREWELL_TIME = 2_000;

/** Sends `text`, then closes `socket`. Resolves when it is closed, which takes two seconds at the most. */
export function sayFarewell(socket: Duplex, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    const timer = setTimeout(() => socket.destroy(), FAREWELL_TIME);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    // What still comes is thrown away: unread it would keep the end of the connection from being seen.
    socket.removeAllListeners('data');
    socket.resume();
    if (socket.writable) socket.end(text);
    else socket.destroy();
  });
}
