// A client of others against our server: go-sendxmpp logs in and sends a message, which a route server has no use for.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { DOMAIN, PASSWORD, Setting } from '../support/setting.ts';
import { PeerProcess, peerFolder, unpacked } from './peer-process.ts';

const setting = new Setting();
let peer: PeerProcess | undefined;
afterEach(async () => {
  await peer?.stop();
  await setting.end();
});
afterAll(() => setting.ca.remove());

describe.each(['direct', 'starttls'] as const)('go-sendxmpp, TLS: %s', (tls) => {
  /** Sends a message to h2 as h1. */
  async function sends(options: { plain: boolean; password?: string }): Promise<PeerProcess> {
    const { plain, password = PASSWORD } = options;
    const { port } = await setting.server({ listen: [{ address: '127.0.0.1', port: 0, tls, plain }] });
    const program = unpacked('usr/bin/go-sendxmpp');
    const folder = peerFolder('go-sendxmpp');
    writeFileSync(join(folder, 'message'), 'hello');
    writeFileSync(join(folder, 'ca.pem'), setting.ca.certificate);
    peer = new PeerProcess(
      [
        program,
        ...['--debug', ...(tls === 'direct' ? ['--tls'] : []), '--jserver', `127.0.0.1:${port}`],
        ...['--username', `h1@${DOMAIN}`, '--password', password, '--message', 'message', `h2@${DOMAIN}`],
      ],
      folder,
      { SSL_CERT_FILE: join(folder, 'ca.pem') },
    );
    return peer;
  }

  test('logs in by PLAIN, the only mechanism that it has, where that is allowed', async () => {
    const run = await sends({ plain: true });
    expect(await run.ended(), run.output).toBe(0);
    expect(setting.log.of('info')).toMatchObject([
      { message: 'XMPP: session established', facts: { jid: expect.stringMatching(/^h1@dc1\.example\/./) } },
      { message: 'XMPP: session closed' },
    ]);
    expect(setting.log.of('warn')).toEqual([]);
  });

  test('a wrong password', async () => {
    const run = await sends({ plain: true, password: 'wrong' });
    expect(await run.ended()).toBe(1);
    expect(run.output).toContain('<not-authorized');
    expect(setting.log.of('info')).toEqual([]);
  });

  test('does not show its password where PLAIN is not allowed', async () => {
    const run = await sends({ plain: false });
    expect(await run.ended()).toBe(1);
    expect(run.output).toContain('PLAIN authentication is not an option: [SCRAM-SHA-256]');
    expect(setting.log.of('info')).toEqual([]);
  });
});
