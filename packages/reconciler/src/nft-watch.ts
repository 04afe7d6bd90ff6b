// Listens to nftables: tables of one name, and what is in them, deleted by whomever. A child process, `nft --json monitor`, that is started again
// when it ends. Owns the process; knows no rules. Times are milliseconds.
import { execa } from 'execa';
import type { WatchNft } from './doors.ts';
import type { Json } from './guard-expressions.ts';
import { isRecord } from './guard-ruleset.ts';

const firstDelay = 1_000;
const lastDelay = 30_000;

/** What is started: a test has another. */
const monitor = ['nft', '-j', 'monitor', 'destroy'] as const;

/** @returns the door to the notifications of this process's network namespace. */
export function openNftWatch([command, ...args]: readonly [string, ...string[]] = monitor): WatchNft {
  return (table, listener) => {
    let end = () => {};
    let delay = firstDelay;
    const listen = () => {
      const child = execa(command, args, {
        stdin: 'ignore',
        buffer: false,
        reject: false,
        env: { LC_ALL: 'C' },
      });
      let isOver = false;
      end = () => {
        isOver = true;
        child.kill();
      };
      void (async () => {
        for await (const line of child) {
          delay = firstDelay;
          if (!isOver && isDeletion(line, table)) listener();
        }
        const { exitCode, signal, shortMessage } = await child;
        if (isOver) return;
        const how = exitCode === undefined ? (signal ?? shortMessage) : `exit code ${exitCode}`;
        const timer = setTimeout(listen, delay);
        end = () => clearTimeout(timer);
        delay = Math.min(delay * 2, lastDelay);
        listener(`nft monitor ended: ${how}`);
      })();
    };
    listen();
    return () => end();
  };
}

/** Whether a line of the monitor tells that a table of this name, or something in one that is no element, is gone. */
export function isDeletion(line: string, table: string): boolean {
  // Most lines may be of other programs' tables.
  if (!line.includes(`"${table}"`)) return false;
  let event: Json;
  try {
    event = JSON.parse(line) as Json;
  } catch {
    return false;
  }
  const object = isRecord(event) ? event['delete'] : undefined;
  const [kind, body] = isRecord(object) ? (Object.entries(object)[0] ?? []) : [];
  if (!isRecord(body)) return false;
  return kind === 'table' ? body['name'] === table : kind !== 'element' && body['table'] === table;
}
