// Who is to hear what of a VPN: which subscribers had its whole table and hear of every change, and which of them wait for End-of-RIB. Never knows why
// End-of-RIB is held back.
interface Listeners {
  /** Had the whole table. */
  readonly informed: Set<string>;
  /** And waits for its End-of-RIB. */
  readonly awaiting: Set<string>;
}

export class Audience {
  /** By VPN; of one without any there is nothing. */
  readonly #listeners = new Map<string, Listeners>();

  /** It is told the whole table. */
  joined(account: string, vpn: string): void {
    const { informed, awaiting } = this.#listeners.get(vpn) ?? { informed: new Set(), awaiting: new Set() };
    this.#listeners.set(vpn, { informed: informed.add(account), awaiting: awaiting.add(account) });
  }

  /** It asked for the table again: End-of-RIB comes behind that. */
  asksAgain(account: string, vpn: string): void {
    this.#listeners.get(vpn)?.awaiting.delete(account);
  }

  left(account: string, vpn: string): void {
    const listeners = this.#listeners.get(vpn);
    if (listeners === undefined) return;
    listeners.informed.delete(account);
    listeners.awaiting.delete(account);
    if (listeners.informed.size === 0) this.#listeners.delete(vpn);
  }

  /** Its session is gone. */
  gone(account: string): void {
    for (const vpn of [...this.#listeners.keys()]) this.left(account, vpn);
  }

  /** Accounts that hear of a change; live, undefined for none. */
  informed(vpn: string): ReadonlySet<string> | undefined {
    return this.#listeners.get(vpn)?.informed;
  }

  /** Accounts that waited for End-of-RIB of a VPN, and wait no more. */
  release(vpn: string): readonly string[] {
    const awaiting = this.#listeners.get(vpn)?.awaiting;
    if (awaiting === undefined) return [];
    const accounts = [...awaiting];
    awaiting.clear();
    return accounts;
  }
}
