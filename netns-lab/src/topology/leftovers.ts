/** Namespaces of labs that are there, of this process or of one that was killed, and how they go. */
import { readdir, readlink, stat } from 'node:fs/promises';
import { execa } from 'execa';
import { LabError } from '../error.ts';
import { waitFor } from '../wait.ts';
import { namespaceOf } from './commands.ts';

const NAMESPACES = '/run/netns';

/** Every namespace whose name begins as those of the lab do; of all labs for ''. */
export async function namespacesOf(lab: string): Promise<string[]> {
  const names = await readdir(NAMESPACES).catch(() => []);
  return names.filter((name) => name.startsWith(namespaceOf(lab, ''))).sort();
}

/** Removes the namespaces of all labs; gives their names. */
export async function removeAllLabs(): Promise<readonly string[]> {
  const names = await namespacesOf('');
  await removeNamespaces(names);
  return names;
}

/** Kills every process in the namespaces, then deletes these. LabError `command` if one cannot be deleted. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await killProcesses(names);
  await ipBatch(names.map((name) => `netns delete ${name}`));
}

async function killProcesses(names: readonly string[]): Promise<void> {
  const inodes = new Set<string>();
  for (const name of names) {
    const inode = (await stat(`${NAMESPACES}/${name}`).catch(() => undefined))?.ino;
    if (inode !== undefined) inodes.add(`net:[${inode}]`);
  }
  // Again until none is found: a process may start another while this goes through the list.
  await waitFor(
    `the processes in ${names.join(', ')} are gone`,
    async () => {
      let found = false;
      for (const pid of await readdir('/proc')) {
        if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
        const namespace = await readlink(`/proc/${pid}/ns/net`).catch(() => '');
        if (!inodes.has(namespace)) continue;
        found = true;
        try {
          process.kill(Number(pid), 'SIGKILL');
        } catch {
          // it ended by itself
        }
      }
      return !found;
    },
    { timeout: 10_000, interval: 10 },
  );
}

/** One `ip` process for all lines; stops at the first that fails. `namespace`: where, if not here. */
export async function ipBatch(lines: readonly string[], namespace?: string): Promise<void> {
  const args = [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'];
  const result = await execa('ip', args, { input: `${lines.join('\n')}\n`, reject: false });
  if (result.exitCode === 0) return;
  const line = /Command failed -:(\d+)/.exec(result.stderr)?.[1];
  const failed = line === undefined ? '' : ` at 'ip ${lines[Number(line) - 1]}'`;
  throw new LabError('command', `ip failed${failed}: ${result.stderr.trim() || result.shortMessage}`, {
    facts: { exitCode: result.exitCode, stderr: result.stderr },
  });
}
