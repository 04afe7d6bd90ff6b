// A ping that runs while things happen to the daemons, and says afterwards which packets were lost.
import type { Daemon, Host } from '@hostpe/netns-lab';
import { eventually } from './eventually.ts';

export interface PingResult {
  /** Highest sequence number that was answered: all up to it were sent and had the time to come back. */
  readonly highest: number;
  readonly received: number;
  /** Sequence numbers up to the highest that never came back. */
  readonly lost: readonly number[];
}

export class RunningPing {
  readonly #daemon: Daemon;

  private constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** 100 packets a second, until `stop`. Resolves after the first answer. @param more options of ping */
  static async start(host: Host, address: string, ...more: readonly string[]): Promise<RunningPing> {
    const daemon = await host.start(`ping-${address}`, 'ping', ['-n', '-i', '0.01', ...more, address], {
      ready: (line) => line.includes('icmp_seq='),
    });
    return new RunningPing(daemon);
  }

  #answered(): number[] {
    return this.#daemon.lines.flatMap((line) => {
      const [, sequence] = /bytes from .* icmp_seq=(\d+) ttl=/.exec(line) ?? [];
      return sequence === undefined ? [] : [Number(sequence)];
    });
  }

  /** Waits until 100 more answers have come: whatever just happened had its effect. */
  async another100(): Promise<void> {
    const start = this.#answered().length;
    await eventually('100 more answers', async () => this.#answered().length >= start + 100);
  }

  async stop(): Promise<PingResult> {
    await this.#daemon.kill('SIGINT');
    const answered = new Set(this.#answered());
    const highest = Math.max(0, ...answered);
    const lost: number[] = [];
    for (let sequence = 1; sequence <= highest; sequence++) if (!answered.has(sequence)) lost.push(sequence);
    return { highest, received: answered.size, lost };
  }
}
