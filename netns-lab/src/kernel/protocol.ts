/**
 * What goes over the control port between this program and process 1 of the lab kernel (guest/lab.sh). Pure.
 *
 *   guest: booted                  the root is in place
 *   host:  OUTPUT                  the folder to mount writable, or an empty line
 *   host:  yes | no                whether the command gets the terminal
 *   host:  END                     what ends the streams of stdout and stderr, after a zero byte
 *   host:  LENGTH                  bytes of the script, which follows
 *   guest: ready                   modules are loaded, the command starts
 *   guest: exit CODE               nothing follows here; the streams may still have to be read to their ends
 *   guest: failed: REASON          in place of the above
 */
export interface GuestCommand {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly output: string | undefined;
  readonly terminal: boolean;
  /** Cannot be guessed by the command. */
  readonly end: string;
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The host's part of the conversation, as one piece: the guest reads it once it is up. */
export function guestMessage(guest: GuestCommand): Buffer {
  const script = Buffer.from(
    [
      ...Object.entries(guest.env).map(([name, value]) => `export ${name}=${quote(value)}`),
      `cd ${quote(guest.cwd)} || exit 125`,
      `exec ${guest.command.map(quote).join(' ')}`,
      '',
    ].join('\n'),
  );
  const head = `${guest.output ?? ''}\n${guest.terminal ? 'yes' : 'no'}\n${guest.end}\n${script.length}\n`;
  return Buffer.concat([Buffer.from(head), script]);
}

export type GuestEvent =
  | { readonly kind: 'booted' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'failed'; readonly reason: string };

/** One line of the guest; `undefined` for a line that is none of its words. */
export function parseGuestLine(line: string): GuestEvent | undefined {
  if (line === 'booted' || line === 'ready') return { kind: line };
  const exit = /^exit (\d{1,3})$/.exec(line);
  if (exit !== null) return { kind: 'exit', code: Number(exit[1]) };
  if (line.startsWith('failed: ')) return { kind: 'failed', reason: line.slice('failed: '.length) };
  return undefined;
}

/**
 * Cuts a stream at its end mark (a zero byte, then `end`). `push` gives what is certainly output: at most the few last
 * bytes that could begin the mark are held back, so that output appears as it comes.
 */
export class EndMark {
  readonly #mark: Buffer;
  #held: Buffer = Buffer.alloc(0);

  constructor(end: string) {
    this.#mark = Buffer.from(`\0${end}`);
  }

  /** Whether the mark was seen, and so everything before it. */
  get reached(): boolean {
    return this.#held.length === this.#mark.length;
  }

  push(chunk: Buffer): Buffer {
    const all = Buffer.concat([this.#held, chunk]);
    let held = Math.min(all.length, this.#mark.length);
    while (held > 0 && all.compare(this.#mark, 0, held, all.length - held) !== 0) held--;
    this.#held = all.subarray(all.length - held);
    return all.subarray(0, all.length - held);
  }
}
