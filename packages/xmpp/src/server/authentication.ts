// The server's side of SASL on one connection (RFC 6120 section 6): SCRAM-SHA-256, and EXTERNAL and PLAIN where they are offered.
// Elements in, answers out. Never sends, never logs, never tells whether an account exists.
import { isUtf8 } from 'node:buffer';
import { Element } from 'ltx';
import { NS_SASL } from '../namespaces.ts';
import {
  decoyCredentials,
  isPasswordOf,
  parseClientFirst,
  SCRAM_SHA_256,
  type ScramCredentials,
  ScramServer,
} from '../scram.ts';
import { attribute, isLocalpart } from '../stanza.ts';

export type CredentialsLookup = (
  account: string,
) => ScramCredentials | undefined | Promise<ScramCredentials | undefined>;

export interface SaslOptions {
  readonly domain: string;
  readonly lookup: CredentialsLookup;
  /** The server's, the same for all connections. */
  readonly decoySecret: Uint8Array;
  /** Accounts that the client's certificate names, which TLS has verified; EXTERNAL is offered where there is one. */
  readonly certified: readonly string[];
  readonly plain: boolean;
}

export interface SaslAnswer {
  readonly element: Element;
  readonly outcome:
    | { readonly kind: 'challenge' }
    | { readonly kind: 'success'; readonly account: string }
    /** `account` is the name that was tried, where one was understood; it comes from the peer. */
    | { readonly kind: 'failure'; readonly condition: string; readonly account?: string };
}

/** Takes the client's next message. */
type Step = (message: string) => SaslAnswer | Promise<SaslAnswer>;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Nobody has a longer one, and each costs time to check. */
const MAX_PASSWORD = 1024;

export class SaslExchange {
  /** What is offered, best first. */
  readonly mechanisms: readonly string[];
  readonly #options: SaslOptions;
  readonly #steps: ReadonlyMap<string, Step>;
  #next: Step | undefined;

  constructor(options: SaslOptions) {
    this.#options = options;
    const steps = new Map<string, Step>();
    if (options.certified.length > 0) steps.set('EXTERNAL', (message) => this.#external(message));
    steps.set(SCRAM_SHA_256, (message) => this.#scram(message));
    if (options.plain) steps.set('PLAIN', (message) => this.#plain(message));
    this.#steps = steps;
    this.mechanisms = [...steps.keys()];
  }

  /** Takes one SASL element; after a failure another exchange may begin. Throws what the lookup throws. */
  async take(element: Element): Promise<SaslAnswer> {
    const expected = this.#next;
    this.#next = undefined;
    if (element.is('abort')) return failure('aborted');
    const begins = element.is('auth');
    if (begins === (expected !== undefined)) return failure('malformed-request');
    const mechanism = attribute(element, 'mechanism') ?? '';
    const step = begins ? this.#steps.get(mechanism) : expected;
    if (step === undefined) return failure('invalid-mechanism');
    const text = element.getText();
    // RFC 6120 section 6.4.2: nothing is no message yet, `=` an empty one.
    if (begins && text === '' && mechanism !== SCRAM_SHA_256) return this.#challenge('', step);
    const bytes = Buffer.from(text, 'base64');
    if (text !== '=' && !BASE64.test(text)) return failure('incorrect-encoding');
    return isUtf8(bytes) ? await step(bytes.toString()) : failure('malformed-request');
  }

  async #scram(message: string): Promise<SaslAnswer> {
    const first = parseClientFirst(message);
    if (!first || !isLocalpart(first.account)) return failure('malformed-request');
    const { account, authorisation } = first;
    if (!this.#mayBe(account, authorisation)) return failure('invalid-authzid', account);
    const scram = new ScramServer(first, await this.#credentials(account));
    return this.#challenge(scram.challenge, (final) => {
      const result = scram.finish(final);
      return 'failure' in result ? failure(result.failure, account) : success(account, result.success);
    });
  }

  /** XEP-0178 section 3. */
  #external(authorisation: string): SaslAnswer {
    const { certified } = this.#options;
    const meant = certified.filter((account) => this.#mayBe(account, authorisation));
    const [account] = meant;
    // Of several the client has to say which.
    if (account === undefined || meant.length > 1) return failure('invalid-authzid', certified[0]);
    return success(account);
  }

  /** RFC 4616. */
  async #plain(message: string): Promise<SaslAnswer> {
    const [authorisation = '', account = '', password = '', ...more] = message.split('\0');
    if (more.length > 0 || !isLocalpart(account) || password === '' || password.length > MAX_PASSWORD)
      return failure('malformed-request');
    if (!this.#mayBe(account, authorisation)) return failure('invalid-authzid', account);
    const right = await isPasswordOf(await this.#credentials(account), password);
    return right ? success(account) : failure('not-authorized', account);
  }

  #mayBe(account: string, authorisation: string): boolean {
    return authorisation === '' || authorisation === `${account}@${this.#options.domain}`;
  }

  /** For an unknown account such that nobody sees it. */
  async #credentials(account: string): Promise<ScramCredentials> {
    const { lookup, decoySecret } = this.#options;
    return (await lookup(account)) ?? decoyCredentials(account, decoySecret);
  }

  #challenge(message: string, next: Step): SaslAnswer {
    this.#next = next;
    return { element: sasl('challenge', message), outcome: { kind: 'challenge' } };
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

function success(account: string, message = ''): SaslAnswer {
  return { element: sasl('success', message), outcome: { kind: 'success', account } };
}

function sasl(name: 'challenge' | 'success', message: string): Element {
  return new Element(name, { xmlns: NS_SASL }).t(Buffer.from(message).toString('base64'));
}
