// Which daemon an operator's command talks to. The defaults are written again here, since to load a daemon for its default would cost half a second.
import { ControlSocketError, callApi } from '@hostpe/daemon';

/** As the configuration of the daemons has it: see docs. */
export const forwarderSocket = '/run/hostpe/forwarder.sock';
export const routeServerSocket = '/run/hostpe/route-server.sock';

/**
 * Asks the first daemon that answers.
 * @throws ControlSocketError of the first socket where none does; ApiError
 */
export async function ask(sockets: readonly string[], method: string, path: string, body?: unknown) {
  let refusal: ControlSocketError | undefined;
  for (const socket of sockets) {
    try {
      return { socket, answer: await callApi(socket, method, path, body) };
    } catch (error) {
      if (!(error instanceof ControlSocketError) || error.code !== 'not-running') throw error;
      refusal ??= error;
    }
  }
  throw refusal ?? new TypeError('no socket to ask');
}
