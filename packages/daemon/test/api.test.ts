import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ApiError, type ApiHandler, ControlSocketError, callApi, serveApi } from '../src/index.ts';
import { folder } from './folder.ts';

async function serve(routes: Record<string, ApiHandler>, socket?: string) {
  const path = socket ?? join(await folder(), 'run', 'hostpe.sock');
  const log = { error: vi.fn() };
  const api = await serveApi({ socket: path, routes, log });
  onTestFinished(() => api.close());
  return { socket: path, log, api };
}

const echo: ApiHandler = async (body, parameters) => ({ body, parameters });

describe('serveApi and callApi', () => {
  test('bodies, path parameters and queries come as they were sent', async () => {
    const { socket } = await serve({
      'GET /routes': echo,
      'POST /attachments': echo,
      'DELETE /attachments/:interface': echo,
    });
    expect(await callApi(socket, 'GET', '/routes?vpn=a%20b&x=')).toEqual({
      parameters: { vpn: 'a b', x: '' },
    });
    expect(await callApi(socket, 'POST', '/attachments', { vpn: 'röd' })).toEqual({
      body: { vpn: 'röd' },
      parameters: {},
    });
    expect(await callApi(socket, 'DELETE', `/attachments/${encodeURIComponent('v%/1')}`)).toEqual({
      parameters: { interface: 'v%/1' },
    });
  });

  test('no answer is undefined', async () => {
    const { socket } = await serve({ 'GET /': async () => undefined });
    expect(await callApi(socket, 'GET', '/')).toBeUndefined();
  });

  test('a generator is answered as a list, in between which others have their turn', async () => {
    let made = 0;
    const seen: number[] = [];
    const { socket } = await serve({
      'GET /many': async () =>
        (function* () {
          for (; made < 100_000; made++) yield { number: made };
        })(),
      'GET /made': async () => made,
      'GET /none': async () => (function* () {})(),
    });
    const many = callApi(socket, 'GET', '/many');
    while (seen.at(-1) !== 100_000) seen.push((await callApi(socket, 'GET', '/made')) as number);
    const answer = (await many) as { number: number }[];
    expect(answer).toHaveLength(100_000);
    expect(answer.every(({ number }, at) => number === at)).toBe(true);
    expect(seen.some((number) => number > 0 && number < 100_000)).toBe(true);
    expect(await callApi(socket, 'GET', '/none')).toEqual([]);
  });

  test('a generator that nobody reads to its end is let go of', async () => {
    const ended = Promise.withResolvers<void>();
    const { socket } = await serve({
      'GET /': async () =>
        (function* () {
          try {
            for (;;) yield 'x'.repeat(1000);
          } finally {
            ended.resolve();
          }
        })(),
    });
    const asked = request({ socketPath: socket, path: '/', agent: false }, (response) => {
      response.once('data', () => response.destroy());
    });
    asked.once('error', () => {});
    asked.end();
    await ended.promise;
  });

  test('an ApiError goes to the caller', async () => {
    const { socket, log } = await serve({
      'GET /': async () => {
        throw new ApiError(404, 'VPN red is not known here');
      },
    });
    const error = await callApi(socket, 'GET', '/').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 404, message: 'VPN red is not known here' });
    expect(log.error).not.toHaveBeenCalled();
  });

  test.each<[string, ApiHandler]>([
    ['throws', async () => Promise.reject(new Error('the password is hunter2'))],
    ['answers what JSON does not have', async () => 1n],
  ])('a handler that %s is a defect: logged, told without its words', async (_, handler) => {
    const { socket, log } = await serve({ 'GET /': handler });
    await expect(callApi(socket, 'GET', '/')).rejects.toMatchObject({
      status: 500,
      message: 'internal error; the log of the daemon has it',
    });
    expect(log.error).toHaveBeenCalledWith({ error: expect.any(Error) }, 'API: GET / failed');
  });

  test.each([
    ['GET', '/nothing', 404, 'there is no /nothing'],
    ['GET', '/attachments/', 404, 'there is no /attachments/'],
    ['PUT', '/routes', 405, '/routes takes GET, POST, not PUT'],
    ['DELETE', '/attachments/%ff', 400, '%ff is not percent-encoded UTF-8'],
  ])('%s %s is answered by %i', async (method, path, status, message) => {
    const { socket } = await serve({
      'GET /routes': echo,
      'POST /routes': echo,
      'DELETE /attachments/:interface': echo,
    });
    await expect(callApi(socket, method, path)).rejects.toMatchObject({ status, message });
  });

  test('a body that is too long', async () => {
    const { socket } = await serve({ 'POST /': echo });
    await expect(callApi(socket, 'POST', '/', 'x'.repeat(1 << 20))).rejects.toMatchObject({ status: 413 });
    expect(await callApi(socket, 'POST', '/', 'x')).toMatchObject({ body: 'x' });
  });

  test('a body that is not JSON', async () => {
    const { socket } = await serve({ 'POST /': echo });
    const asked = request({ socketPath: socket, method: 'POST', path: '/' }).end('{');
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(400);
    response.resume();
  });
});

describe('the socket', () => {
  test('is for owner and group', async () => {
    const { socket } = await serve({});
    expect((await lstat(socket)).mode & 0o777).toBe(0o660);
  });

  test('goes when the API is closed', async () => {
    const { socket, api } = await serve({ 'GET /': echo });
    await api.close();
    await expect(lstat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(callApi(socket, 'GET', '/')).rejects.toMatchObject({
      name: 'ControlSocketError',
      code: 'not-running',
      message: `no daemon answers on ${socket}: is it running, with this control-socket?`,
    });
  });

  test('a request in progress is answered before the API is closed, a silent connection does not hold it up', async () => {
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const { socket, api } = await serve({
      'GET /': async () => {
        entered.resolve();
        await leave.promise;
        return 'late';
      },
    });
    const silent = connect(socket);
    await once(silent, 'connect');
    const answer = callApi(socket, 'GET', '/');
    await entered.promise;
    const closed = api.close();
    leave.resolve();
    expect(await answer).toBe('late');
    await closed;
    silent.destroy();
  });

  test('of a daemon that answers is left alone', async () => {
    const { socket } = await serve({ 'GET /': async () => 'first' });
    await expect(serve({}, socket)).rejects.toMatchObject({
      name: 'ControlSocketError',
      code: 'already-running',
      message: expect.stringContaining('already running'),
    });
    expect(await callApi(socket, 'GET', '/')).toBe('first');
  });

  test('of a daemon that was killed is replaced', async () => {
    const socket = join(await folder(), 'hostpe.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', script], { stdio: 'inherit' }), 'exit');
    expect((await lstat(socket)).isSocket()).toBe(true);
    await expect(callApi(socket, 'GET', '/')).rejects.toMatchObject({ code: 'not-running' });
    await serve({ 'GET /': async () => 'second' }, socket);
    expect(await callApi(socket, 'GET', '/')).toBe('second');
  });

  test('something else at its path is left alone', async () => {
    const file = join(await folder(), 'hostpe.sock');
    await writeFile(file, 'precious');
    await expect(serve({}, file)).rejects.toMatchObject({ code: 'no-socket' });
    expect(await readFile(file, 'utf8')).toBe('precious');
    await mkdir(`${file}.d`);
    await expect(serve({}, `${file}.d`)).rejects.toThrow(ControlSocketError);
  });

  test('of something that is no daemon of ours', async () => {
    const socket = join(await folder(), 'other.sock');
    const server = createServer((_, response) => response.end('<html>')).listen(socket);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    await expect(callApi(socket, 'GET', '/')).rejects.toMatchObject({ code: 'broken-answer' });
  });

  test('of a daemon that breaks off', async () => {
    const socket = join(await folder(), 'broken.sock');
    const server = createNetServer((connection) =>
      connection.once('data', () => connection.destroy()),
    ).listen(socket);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    await expect(callApi(socket, 'GET', '/')).rejects.toMatchObject({ code: 'broken-answer' });
  });
});
