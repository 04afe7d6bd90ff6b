// The operator's side of a daemon's API.
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { ApiError, ControlSocketError, systemCode } from './errors.ts';

/** Milliseconds without a byte after which a daemon counts as stuck. */
const patience = 60_000;

/**
 * Asks the daemon behind a control socket.
 * @param path with its query: `/routes?vpn=red`; parts that come from the operator percent-encoded by the caller.
 * @returns the answer's JSON, undefined where it has none.
 * @throws ApiError for an answer that is no success; ControlSocketError where no daemon answers.
 */
export async function callApi(
  socket: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const { status, content } = await exchange(socket, method, path, body);
  const value = parsedAnswer(content, socket);
  if (status < 400) return value;
  const message =
    typeof value === 'object' && value !== null && 'error' in value
      ? String(value.error)
      : `HTTP status ${status}`;
  throw new ApiError(status, message);
}

function exchange(
  socket: string,
  method: string,
  path: string,
  body: unknown,
): Promise<{ status: number; content: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(explained(error, socket));
    const asked = request(
      {
        socketPath: socket,
        method,
        path,
        agent: false,
        timeout: patience,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      },
      (response) => {
        text(response).then((content) => resolve({ status: response.statusCode ?? 500, content }), fail);
      },
    );
    asked.once('timeout', () =>
      asked.destroy(
        new ControlSocketError(
          'broken-answer',
          socket,
          `the daemon on ${socket} did not answer ${method} ${path} within ${patience / 1000} s`,
        ),
      ),
    );
    asked.once('error', fail);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function parsedAnswer(content: string, socket: string): unknown {
  if (content === '') return undefined;
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new ControlSocketError(
      'broken-answer',
      socket,
      `what answers on ${socket} is not a hostpe daemon`,
      {
        cause: error,
      },
    );
  }
}

function explained(error: unknown, socket: string): unknown {
  if (error instanceof ControlSocketError) return error;
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new ControlSocketError(
        'not-running',
        socket,
        `no daemon answers on ${socket}: is it running, with this control-socket?`,
        { cause: error },
      );
    case 'EACCES':
      return new ControlSocketError(
        'not-permitted',
        socket,
        `not permitted to use ${socket}: only its owner and its group are`,
        { cause: error },
      );
    case undefined:
      return error;
    default:
      return new ControlSocketError(
        'broken-answer',
        socket,
        `the daemon on ${socket} broke off: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
  }
}
