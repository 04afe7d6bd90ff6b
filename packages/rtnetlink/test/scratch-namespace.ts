// A network namespace for one test, and a pair of devices in it.
import { execFileSync } from 'node:child_process';

let made = 0;

export const needsRoot = process.getuid?.() === 0 ? false : 'needs root, to make network namespaces';

export class ScratchNamespace {
  readonly name: string;

  constructor() {
    this.name = `rtnl-${process.pid}-${++made}`;
    execFileSync('ip', ['netns', 'add', this.name]);
  }

  /** @returns what iproute2 prints as JSON: the independent witness. */
  json(...args: string[]): unknown {
    return JSON.parse(execFileSync('ip', ['-n', this.name, '-j', ...args], { encoding: 'utf8' }));
  }

  ip(...args: string[]): void {
    execFileSync('ip', ['-n', this.name, ...args]);
  }

  exec(command: string, ...args: string[]): void {
    execFileSync('ip', ['netns', 'exec', this.name, command, ...args]);
  }

  /** @param line command and arguments, separated by single spaces. @returns whether it succeeds. */
  agrees(line: string): boolean {
    try {
      execFileSync('ip', ['netns', 'exec', this.name, ...line.split(' ')], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }

  remove(): void {
    execFileSync('ip', ['netns', 'delete', this.name]);
  }
}
