// Foo-over-UDP receive ports of the fake kernel.
import type { FouPort } from '../objects.ts';
import { refuse } from './refusal.ts';

export class FouPorts {
  private held: FouPort[] = [];

  dump(): FouPort[] {
    return [...this.held];
  }

  add(port: FouPort): void {
    if (this.held.some((other) => isSame(other, port))) refuse('EADDRINUSE');
    this.held.push(port);
  }

  delete(port: FouPort): void {
    if (!this.held.some((other) => isSame(other, port))) refuse('EINVAL');
    this.held = this.held.filter((other) => !isSame(other, port));
  }
}

function isSame(a: FouPort, b: FouPort): boolean {
  return a.family === b.family && a.port === b.port;
}
