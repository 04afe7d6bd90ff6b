// Bundles the executable: bundle/hostpe.js and the worker threads beside it. One file starts three times faster than the sources,
// of which Node has to strip the types, and needs no node_modules but koffi, which carries a native library.
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

const outdir = join(import.meta.dirname, 'bundle');
const sockets = join(import.meta.dirname, '../rtnetlink/src/socket');

/** Worker threads are found beside the file that starts them: in the bundle that file is JavaScript. */
const workersAreJavaScript: Plugin = {
  name: 'workers-are-javascript',
  setup({ onLoad }) {
    onLoad({ filter: /\/rtnetlink\/src\/socket\/[^/]+\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        /new URL\('(\.\/[a-z-]+-worker)\.ts'/g,
        "new URL('$1.js'",
      ),
      loader: 'ts',
    }));
  },
};

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: [
    { in: join(import.meta.dirname, 'src/main.ts'), out: 'hostpe' },
    { in: join(sockets, 'request-worker.ts'), out: 'request-worker' },
    { in: join(sockets, 'notification-worker.ts'), out: 'notification-worker' },
  ],
  outdir,
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  external: ['koffi'],
  // Some dependencies are CommonJS and call require for Node's own modules.
  banner: { js: "import { createRequire as cjs } from 'node:module'; const require = cjs(import.meta.url);" },
  legalComments: 'linked',
  logLevel: 'warning',
  plugins: [workersAreJavaScript],
});
