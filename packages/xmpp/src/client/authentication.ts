// The client's side of SASL on one stream: what is offered, what is chosen, and whether success is one. Sends nothing
// itself: @xmpp/sasl does. Never keeps the password.
import type { MechanismFactory } from '@xmpp/sasl';
import type { Element } from 'ltx';
import { NS_SASL } from '../namespaces.ts';
import { type Credential, present } from './credential.ts';
import { chooseMechanism, type Login, loginFactory, loginWith, type MechanismName } from './mechanism.ts';
import { refusal } from './negotiation.ts';

export interface AuthenticationOptions {
  readonly account: string;
  readonly domain: string;
  readonly password?: Credential | undefined;
  readonly certificate?: Credential | undefined;
  /** Whether PLAIN may be used, where nothing better is offered. */
  readonly plain?: boolean;
}

export class ClientAuthentication {
  readonly #options: AuthenticationOptions;
  #mechanism: MechanismName | undefined;
  #login: Login | undefined;
  #success = '';
  #done = false;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** Whether both sides have proved what they have to. */
  get done(): boolean {
    return this.#done;
  }

  /** For @xmpp/sasl. */
  get factory(): MechanismFactory {
    return loginFactory(() => this.#login);
  }

  /** Of the stream's first features, inside TLS. @throws XmppError 'authentication' */
  choose(features: Element): void {
    const offered = features.getChild('mechanisms', NS_SASL)?.getChildren('mechanism', NS_SASL) ?? [];
    const { certificate, password, plain = false } = this.#options;
    this.#mechanism = chooseMechanism(
      offered.map((mechanism) => mechanism.getText()),
      { certificate: certificate !== undefined, password: password !== undefined, plain },
    );
  }

  /** Takes what the server says with success. */
  take(success: Element): void {
    this.#success = Buffer.from(success.getText(), 'base64').toString();
  }

  /** Authenticates by means of @xmpp/sasl. @throws XmppError, SASLError */
  async run(authenticate: (credentials: object, mechanism: string) => Promise<void>): Promise<void> {
    const { account, domain } = this.#options;
    const mechanism = this.#mechanism;
    if (mechanism === undefined) throw refusal('policy-violation', 'authentication out of turn');
    const password = await present(this.#options.password, 'password', 'authentication');
    const login = loginWith(mechanism, account, domain, password ?? '');
    this.#login = login;
    await authenticate({}, mechanism);
    this.#login = undefined;
    login.verify(this.#success);
    this.#done = true;
  }
}
