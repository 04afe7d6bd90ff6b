// A forwarder's session for load: logs in over TLS and then only hands on the bytes that come, so that it is cheap. Never parses a stream.
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { ScramClient } from '../src/scram.ts';

export interface RawSessionOptions {
  readonly port: number;
  readonly domain: string;
  readonly ca: string;
  readonly password: string;
}

const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const NS_BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
const PUBSUB = 'http://jabber.org/protocol/pubsub';

/** @returns the socket of a session that is bound. */
export async function logIn(
  account: string,
  { port, domain, ca, password }: RawSessionOptions,
): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ca, servername: domain });
  await once(socket, 'secureConnect');
  const header =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' " +
    `xmlns:stream='http://etherx.jabber.org/streams' to='${domain}' version='1.0'>`;
  const ask = async (text: string, answer: RegExp): Promise<string> => {
    socket.write(text);
    let received = '';
    for (;;) {
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      received += bytes.toString('latin1');
      const match = answer.exec(received);
      if (match) return match[1] ?? '';
      if (received.includes('error>')) throw new Error(`${account}: ${received}`);
    }
  };
  const features = /(<\/stream:features>)/;
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const decode = (text: string): string => Buffer.from(text, 'base64').toString();

  await ask(header, features);
  const scram = new ScramClient(account, password);
  const auth = `<auth xmlns='${NS_SASL}' mechanism='SCRAM-SHA-256'>${encode(scram.first())}</auth>`;
  const challenge = await ask(auth, /<challenge[^>]*>([^<]*)<\/challenge>/);
  const response = `<response xmlns='${NS_SASL}'>${encode(await scram.final(decode(challenge)))}</response>`;
  scram.verify(decode(await ask(response, /<success[^>]*>([^<]*)<\/success>/)));
  await ask(header, features);
  const bind = `<bind xmlns='${NS_BIND}'><resource>bench</resource></bind>`;
  await ask(`<iq type='set' id='bind'>${bind}</iq>`, /<jid>([^<]*)<\/jid>/);
  return socket;
}

export function subscribe(socket: TLSSocket, vpn: string): void {
  socket.write(
    `<iq type='set' id='subscribe'><pubsub xmlns='${PUBSUB}'><subscribe node='${vpn}'/></pubsub></iq>`,
  );
}

/** Whether the bytes of a stream have had a text yet, however they are cut. */
export class Search {
  readonly #wanted: Buffer;
  #tail: Buffer = Buffer.alloc(0);

  constructor(text: string) {
    this.#wanted = Buffer.from(text);
  }

  found(bytes: Buffer): boolean {
    const length = this.#wanted.length - 1;
    const seam = Buffer.concat([this.#tail, bytes.subarray(0, length)]);
    if (seam.includes(this.#wanted) || bytes.includes(this.#wanted)) return true;
    this.#tail = Buffer.from((bytes.length >= length ? bytes : seam).subarray(-length));
    return false;
  }
}
