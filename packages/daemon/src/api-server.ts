// The API of a daemon: HTTP and JSON on a unix socket. Access is the socket's file permissions: owner and group. Owns the
// socket file; knows none of the routes.
import { lstat, mkdir, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ApiError, ControlSocketError, StateFileError, systemCode } from './errors.ts';
import type { Log } from './log.ts';

/**
 * Answers one request. The result is the answer's JSON, undefined for none. A generator is answered as a list, read as fast as the other end reads, with all
 * else having its turn in between: what it yields is what is there then. One that throws before its first value is an error like any other.
 * @param body the request's JSON, undefined where it has none.
 * @param parameters those of the path (`DELETE /attachments/:interface`) and of the query, decoded.
 * @throws ApiError for an answer other than success; anything else is a defect, logged and answered by 500.
 */
export type ApiHandler = (body: unknown, parameters: Readonly<Record<string, string>>) => Promise<unknown>;

export interface ApiOptions {
  readonly socket: string;
  /** Keys: `METHOD /path/:parameter`. */
  readonly routes: Readonly<Record<string, ApiHandler>>;
  readonly log: Pick<Log, 'error'>;
}

interface Route {
  readonly method: string;
  readonly segments: readonly string[];
  readonly handler: ApiHandler;
}

const mostBodyBytes = 1 << 20;
/** Characters that are made at a time of a list: some tenths of a millisecond. */
const listChunk = 1 << 16;
/** Milliseconds that requests in progress get to end when the API is closed. */
const closePatience = 2_000;

/**
 * Serves the API until it is closed. The socket has mode 0660; its folder is made where it is missing.
 * @throws ControlSocketError `already-running` where a daemon answers on it; a socket that nobody answers on is replaced.
 */
export async function serveApi({ socket, routes, log }: ApiOptions): Promise<{ close(): Promise<void> }> {
  const table = Object.entries(routes).map(([key, handler]): Route => {
    const [method = '', path = ''] = key.split(' ');
    return { method, segments: path.split('/'), handler };
  });
  await mkdir(dirname(socket), { recursive: true, mode: 0o755 });
  await removeStaleSocket(socket);
  const server = createServer((request, response) => {
    answer(request, response, table, log).catch((error: unknown) => {
      // The connection broke while it was answered.
      log.error({ error }, `API: ${request.method} ${request.url} was not answered`);
      response.destroy();
    });
  });
  await listen(server, socket);
  return {
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), closePatience);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The file is made inside listen(): with this mask nobody else can connect, not even before a chmod would come.
    const mask = process.umask(0o117);
    try {
      server.listen(socket, () => {
        server.removeListener('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

async function removeStaleSocket(socket: string): Promise<void> {
  const file = await lstat(socket).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return;
  if (!file.isSocket()) {
    throw new ControlSocketError(
      'no-socket',
      socket,
      `${socket} is there and is not a socket; it was left alone`,
    );
  }
  if (await answers(socket)) {
    throw new ControlSocketError(
      'already-running',
      socket,
      `already running: a daemon answers on ${socket}; stop it first, or give this one another control-socket`,
    );
  }
  await unlink(socket);
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', (error) => {
      if (systemCode(error) === 'ECONNREFUSED') resolve(false);
      else reject(error);
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  table: readonly Route[],
  log: Pick<Log, 'error'>,
): Promise<void> {
  try {
    const { handler, parameters } = routeOf(request, table);
    const result = await handler(await bodyOf(request), parameters);
    if (result === undefined) response.writeHead(204).end();
    else if (isGenerator(result)) await sendList(response, result);
    else send(response, 200, result);
  } catch (error) {
    if (error instanceof ApiError) {
      send(response, error.status, { error: error.message });
      return;
    }
    // A disk that is full is no defect: whoever asked is told why nothing changed.
    if (error instanceof StateFileError) {
      send(response, 500, { error: error.message });
      return;
    }
    log.error({ error }, `API: ${request.method} ${request.url} failed`);
    send(response, 500, { error: 'internal error; the log of the daemon has it' });
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  // First the text: where that fails no header must be out yet.
  const text = `${JSON.stringify(value)}\n`;
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

function isGenerator(value: unknown): value is Generator {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Symbol.iterator in value;
}

async function sendList(response: ServerResponse, values: Generator): Promise<void> {
  let next = values.next();
  response.writeHead(200, { 'content-type': 'application/json' });
  let text = '[';
  let separator = '';
  for (; !next.done; next = values.next()) {
    text += `${separator}${JSON.stringify(next.value)}`;
    separator = ',';
    if (text.length < listChunk) continue;
    if (!response.write(text)) await roomOrEnd(response);
    if (response.destroyed) {
      values.return(undefined);
      return;
    }
    text = '';
    await setImmediate();
  }
  response.end(`${text}]\n`);
}

/** Until more can be written, or nobody is there any more. */
function roomOrEnd(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
}

function routeOf(request: IncomingMessage, table: readonly Route[]) {
  const { method = '', url = '/' } = request;
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const segments = pathname.split('/').map(decoded);
  const there = table.filter((route) => matches(route, segments));
  const route = there.find((candidate) => candidate.method === method);
  if (route === undefined) {
    throw there.length === 0
      ? new ApiError(404, `there is no ${pathname}`)
      : new ApiError(
          405,
          `${pathname} takes ${there.map((other) => other.method).join(', ')}, not ${method}`,
        );
  }
  const parameters: Record<string, string> = Object.fromEntries(searchParams);
  route.segments.forEach((name, index) => {
    const value = segments[index];
    if (name.startsWith(':') && value !== undefined) parameters[name.slice(1)] = value;
  });
  return { handler: route.handler, parameters };
}

function matches({ segments }: Route, given: readonly string[]): boolean {
  return (
    segments.length === given.length &&
    segments.every((segment, index) =>
      segment.startsWith(':') ? given[index] !== '' : segment === given[index],
    )
  );
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiError(400, `${segment} is not percent-encoded UTF-8`);
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBodyBytes) throw new ApiError(413, `the body has more than ${mostBodyBytes} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new ApiError(400, 'the body is not JSON');
  }
}
