// Enforces the layers of docs/architecture.md: imports go down only. Each package names below what it may import;
// every other import of a workspace package, and every relative import that leaves its package, is an error.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

const mayImport: Readonly<Record<string, readonly string[]>> = {
  'packages/net': [],
  'packages/rtnetlink': ['@hostpe/net'],
  'packages/signaling': ['@hostpe/net'],
  'packages/xmpp': ['@hostpe/net'],
  'packages/bgp': ['@hostpe/net'],
  'packages/reconciler': ['@hostpe/net', '@hostpe/rtnetlink'],
  'packages/daemon': [],
  'packages/forwarder': [
    '@hostpe/net',
    '@hostpe/rtnetlink',
    '@hostpe/reconciler',
    '@hostpe/signaling',
    '@hostpe/xmpp',
    '@hostpe/daemon',
  ],
  'packages/route-server': [
    '@hostpe/net',
    '@hostpe/signaling',
    '@hostpe/xmpp',
    '@hostpe/bgp',
    '@hostpe/daemon',
  ],
  'packages/hostpe': ['@hostpe/daemon', '@hostpe/forwarder', '@hostpe/route-server'],
  'packages/bench': [],
  'netns-lab': [],
};

/** Benchmarks measure what packages do together, and tell it the same way. */
const benchMayImport: Readonly<Record<string, readonly string[]>> = {
  'packages/rtnetlink': ['@hostpe/bench'],
  'packages/xmpp': ['@hostpe/bench', '@hostpe/signaling'],
  'packages/bgp': ['@hostpe/bench'],
  'packages/forwarder': ['@hostpe/bench'],
};

const specifiers = /(?:\bfrom\s+|\bimport\s*\(?\s*)(['"])([^'"\n]+)\1/g;
const errors: string[] = [];

for (const [folder, allowed] of Object.entries(mayImport)) {
  const files = globSync('{src,test,bench}/**/*.ts', { cwd: join(root, folder) });
  if (files.length === 0)
    errors.push(`${folder}: no source found; is the table of ${relative(root, import.meta.filename)} right?`);
  for (const file of files) {
    const path = join(root, folder, file);
    for (const [, , specifier = ''] of readFileSync(path, 'utf8').matchAll(specifiers)) {
      if (specifier.startsWith('.')) {
        const target = relative(join(root, folder), resolve(dirname(path), specifier));
        if (target.startsWith('..')) errors.push(`${folder}/${file}: '${specifier}' leaves its package`);
      } else if (/^(@hostpe\/|hostpe(\/|$))/.test(specifier)) {
        const name = specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/');
        const more = file.startsWith('bench/') ? (benchMayImport[folder] ?? []) : [];
        if (!allowed.includes(name) && !more.includes(name))
          errors.push(
            `${folder}/${file}: may not import '${name}' (may: ${allowed.join(', ') || 'no package'})`,
          );
      }
    }
  }
}

for (const error of errors) process.stderr.write(`${error}\n`);
process.stdout.write(`layers: ${Object.keys(mayImport).length} packages, ${errors.length} errors\n`);
process.exitCode = errors.length === 0 ? 0 : 1;
