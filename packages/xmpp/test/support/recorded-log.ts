// A log that remembers its lines.
import type { Log } from '../../src/log.ts';

export interface Line {
  readonly level: keyof Log;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export class RecordedLog implements Log {
  readonly lines: Line[] = [];

  debug(facts: object, message: string): void {
    this.#add('debug', facts, message);
  }

  info(facts: object, message: string): void {
    this.#add('info', facts, message);
  }

  warn(facts: object, message: string): void {
    this.#add('warn', facts, message);
  }

  error(facts: object, message: string): void {
    this.#add('error', facts, message);
  }

  of(level: keyof Log): Line[] {
    return this.lines.filter((line) => line.level === level);
  }

  #add(level: keyof Log, facts: object, message: string): void {
    this.lines.push({ level, facts: { ...facts }, message });
  }
}
