// A sender that is never ahead of the network, so that one sees when nothing is read at the other end.

export interface Sending {
  readonly sent: number;
  /** Waits until nothing more was sent during ten `beat`s. */
  stalled(beat: () => Promise<void>): Promise<void>;
}

/** `send` calls back when the network has taken it. */
export function sendOneByOne<T>(items: readonly T[], send: (item: T, done: () => void) => void): Sending {
  let sent = 0;
  const next = (): void => {
    const item = items[sent];
    if (item === undefined) return;
    send(item, () => {
      sent += 1;
      next();
    });
  };
  next();
  return {
    get sent() {
      return sent;
    },
    async stalled(beat) {
      for (let beats = 0, before = -1; beats < 10; beats++) {
        if (before !== sent) beats = 0;
        before = sent;
        await beat();
      }
    },
  };
}
