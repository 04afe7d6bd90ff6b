// OPENs of all kinds at a route server as it runs: what each is answered with, and what an operator reads.
import { createServer, type Server } from 'node:net';
import {
  type Capability,
  decodeMessage,
  encodeMessage,
  initialOptions,
  type Message,
  MessageReader,
  type OpenMessage,
} from '@hostpe/bgp';
import { parseIpAddress } from '@hostpe/net';
import { afterEach, expect, test, vi } from 'vitest';
import { type Running, routeServer } from '../bgp-scene.ts';

const address = '127.0.1.9';
const deadline = { timeout: 20_000, interval: 10 };

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server = undefined;
});

const capabilities: readonly Capability[] = [
  { kind: 'multiprotocol', family: 'vpnv4' },
  { kind: 'as4', as: 65_000 },
];
const good: OpenMessage = {
  type: 'open',
  as: 65_000,
  holdTime: 90,
  identifier: parseIpAddress('192.0.2.9'),
  capabilities,
};

/** Answers each connection with an OPEN, and an OPEN with KEEPALIVE. @returns its port, and what it hears */
async function peer(open: OpenMessage): Promise<{ port: number; heard: Message[] }> {
  const heard: Message[] = [];
  const made = createServer((socket) => {
    const reader = new MessageReader();
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      reader.push(Uint8Array.from(chunk));
      for (let bytes = reader.next(); bytes !== undefined; bytes = reader.next()) {
        const message = decodeMessage(bytes, { ...initialOptions, as4: true, families: ['vpnv4'] });
        if (message !== undefined) heard.push(message);
        if (message?.type === 'open') socket.write(encodeMessage({ type: 'keepalive' }, initialOptions));
      }
    });
    socket.write(encodeMessage(open, initialOptions));
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, address, resolve));
  const bound = made.address();
  return { port: typeof bound === 'object' && bound !== null ? bound.port : 0, heard };
}

const peeredAt = (port: number): Promise<Running> =>
  routeServer(`as: 65000
identifier: 192.0.2.1
peers:
  other: { address: ${address}, port: ${port}, local-address: 127.0.1.1, as: 65000, no-password: true }
`);

test.each([
  [
    'another AS',
    { as: 65_001, capabilities: [{ kind: 'as4', as: 65_001 }] },
    2,
    'AS 65001; 65000 is configured',
  ],
  ['a hold time of 1', { holdTime: 1 }, 6, 'a hold time of 1 s; 0 or at least 3 is possible'],
  [
    'our own identifier',
    { identifier: parseIpAddress('192.0.2.1') },
    3,
    'BGP identifier 192.0.2.1, which is our own',
  ],
] as const)('%s is refused, and the log says why', async (_, changes, subcode, reason) => {
  const { port, heard } = await peer({ ...good, ...changes });
  const rs = await peeredAt(port);
  await vi.waitFor(
    () => expect(heard.find(({ type }) => type === 'notification')).toMatchObject({ code: 2, subcode }),
    deadline,
  );
  await vi.waitFor(
    () => expect(rs.lines.filter((line) => line.startsWith('BGP peer other: no session: '))).toHaveLength(1),
    deadline,
  );
  expect(rs.lines.join('\n')).toContain(reason);
  expect((await rs.peers())[0]?.state).not.toBe('established');
});

test.each([
  ['a hold time of 0', { holdTime: 0 }],
  [
    'a capability that is not known',
    { capabilities: [...capabilities, { kind: 'unknown', code: 200, value: Uint8Array.of(1, 2, 3) }] },
  ],
  [
    'a family that is not spoken',
    { capabilities: [...capabilities, { kind: 'multiprotocol', family: { afi: 25, safi: 70 } }] },
  ],
] as const)('%s is no hindrance', async (_, changes) => {
  const { port, heard } = await peer({ ...good, ...changes });
  const rs = await peeredAt(port);
  await vi.waitFor(async () => expect((await rs.peers())[0]?.state).toBe('established'), deadline);
  await vi.waitFor(
    () => expect(heard.map(({ type }) => type)).toEqual(['open', 'keepalive', 'update']),
    deadline,
  );
});
