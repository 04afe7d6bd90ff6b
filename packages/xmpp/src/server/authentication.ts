// The server's side of SASL on one connection (RFC 6120 section 6), SCRAM-SHA-256 only: elements in, answers out.
// Never sends, never logs, never tells whether an account exists.
import { Element } from 'ltx';
import { NS_SASL } from '../namespaces.ts';
import {
  decoyCredentials,
  parseClientFirst,
  SCRAM_SHA_256,
  type ScramCredentials,
  ScramServer,
} from '../scram.ts';
import { attribute, isLocalpart } from '../stanza.ts';

export type CredentialsLookup = (
  account: string,
) => ScramCredentials | undefined | Promise<ScramCredentials | undefined>;

export interface SaslAnswer {
  readonly element: Element;
  readonly outcome:
    | { readonly kind: 'challenge' }
    | { readonly kind: 'success'; readonly account: string }
    /** `account` is the name that was tried, where one was understood; it comes from the peer. */
    | { readonly kind: 'failure'; readonly condition: string; readonly account?: string };
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export class SaslExchange {
  readonly #domain: string;
  readonly #lookup: CredentialsLookup;
  readonly #decoySecret: Uint8Array;
  #exchange: { readonly account: string; readonly scram: ScramServer } | undefined;

  /** `decoySecret` is the server's, the same for all connections. */
  constructor(domain: string, lookup: CredentialsLookup, decoySecret: Uint8Array) {
    this.#domain = domain;
    this.#lookup = lookup;
    this.#decoySecret = decoySecret;
  }

  /** Takes one SASL element; after a failure another exchange may begin. Throws what the lookup throws. */
  async take(element: Element): Promise<SaslAnswer> {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (element.is('abort')) return failure('aborted');
    const begins = element.is('auth');
    if (begins === (exchange !== undefined)) return failure('malformed-request');
    if (begins && attribute(element, 'mechanism') !== SCRAM_SHA_256) return failure('invalid-mechanism');
    const text = element.getText();
    if (!BASE64.test(text)) return failure('incorrect-encoding');
    const message = Buffer.from(text, 'base64').toString();
    if (!exchange) return await this.#begin(message);

    const { account, scram } = exchange;
    const result = scram.finish(message);
    if ('failure' in result) return failure(result.failure, account);
    return { element: sasl('success', result.success), outcome: { kind: 'success', account } };
  }

  async #begin(message: string): Promise<SaslAnswer> {
    const first = parseClientFirst(message);
    if (!first || !isLocalpart(first.account)) return failure('malformed-request');
    const { account, authorisation } = first;
    if (authorisation !== '' && authorisation !== `${account}@${this.#domain}`)
      return failure('invalid-authzid', account);
    const credentials = await this.#lookup(account);
    const scram = new ScramServer(first, credentials ?? decoyCredentials(account, this.#decoySecret));
    this.#exchange = { account, scram };
    return { element: sasl('challenge', scram.challenge), outcome: { kind: 'challenge' } };
  }
}

/** RFC 6120 section 6.5. */
export function failure(condition: string, account?: string): SaslAnswer {
  const element = new Element('failure', { xmlns: NS_SASL });
  element.c(condition);
  return {
    element,
    outcome: { kind: 'failure', condition, ...(account === undefined ? {} : { account }) },
  };
}

function sasl(name: 'challenge' | 'success', message: string): Element {
  return new Element(name, { xmlns: NS_SASL }).t(Buffer.from(message).toString('base64'));
}
