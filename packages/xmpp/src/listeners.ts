// Typed listeners whose failure stays their own: one that throws is reported, the others are called, and the
// stream that called them goes on.

export class Listeners<Events extends Record<keyof Events, (...facts: never[]) => void>> {
  readonly #listeners = new Map<keyof Events, Set<(...facts: never[]) => void>>();
  readonly #onThrow: (event: keyof Events, thrown: unknown) => void;

  constructor(onThrow: (event: keyof Events, thrown: unknown) => void) {
    this.#onThrow = onThrow;
  }

  /** Returns what removes the listener again. */
  on<Name extends keyof Events>(event: Name, listener: Events[Name]): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  emit<Name extends keyof Events>(event: Name, ...facts: Parameters<Events[Name]>): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        listener(...facts);
      } catch (thrown) {
        this.#onThrow(event, thrown);
      }
    }
  }

  /** The same, for listeners that may return promises: a promise of all of theirs, which never rejects, where any does. */
  emitInTurn<Name extends keyof Events>(
    event: Name,
    ...facts: Parameters<Events[Name]>
  ): Promise<void> | undefined {
    const unsettled: Promise<unknown>[] = [];
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        const result: unknown = listener(...facts);
        if (result instanceof Promise)
          unsettled.push(result.catch((thrown: unknown) => this.#onThrow(event, thrown)));
      } catch (thrown) {
        this.#onThrow(event, thrown);
      }
    }
    return unsettled.length === 0 ? undefined : Promise.all(unsettled).then(() => {});
  }
}
