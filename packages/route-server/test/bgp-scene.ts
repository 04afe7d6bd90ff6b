// Route servers as they run, from configuration files, with BGP between them and to others on addresses of loopback.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callApi } from '@hostpe/daemon';
import type { Log } from '@hostpe/xmpp';
import { afterEach } from 'vitest';
import { startRouteServer } from '../src/server.ts';
import { writeCertificate } from './certificate.ts';
import { Forwarder } from './forwarder.ts';

const PASSWORD = 'correct horse battery staple';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task();
});

export interface Running {
  readonly lines: string[];
  /** As the control socket tells them. */
  peers(): Promise<readonly { readonly name: string; readonly state: string; readonly announced: number }[]>;
  /** As Prometheus reads them. */
  metrics(): Promise<readonly string[]>;
  /** What the control socket answers. */
  ask(path: string, method?: string, body?: unknown): Promise<unknown>;
  /** Of its files. */
  readonly directory: string;
  restart(): Promise<void>;
  /** Of the paths that a VPN has by BGP. */
  rds(vpn: string): Promise<readonly string[]>;
  forwarder(account: string): Promise<Forwarder>;
  /** Replaces texts in the configuration file, each of which has to be there, and has it read anew. */
  reconfigure(...changes: readonly (readonly [before: string, after: string])[]): Promise<void>;
  stop(): Promise<void>;
}

/** h1 (10.255.0.1) and h2 (10.255.0.2) may join red and blue. @param bgp lines of YAML, as they stand below `bgp:` */
export async function routeServer(bgp: string): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'hostpe-rs-'));
  const tls = writeCertificate(directory, 'dc1.example');
  writeFileSync(join(directory, 'secret'), `${PASSWORD}\n`, { mode: 0o600 });
  const file = join(directory, 'rs.yaml');
  const forwarder = (address: string) => `
    password-file: ${directory}/secret
    addresses: [${address}]
    vpns: [red, blue]`;
  writeFileSync(
    file,
    `domain: dc1.example
listen: [{ address: 127.0.0.1, port: 0 }]
tls: { certificate: ${directory}/rs.pem, key: ${directory}/rs.key }
control-socket: ${directory}/rs.sock
state-directory: ${directory}/state
timers: { restart-delay: 0 }
metrics: { address: 127.0.0.1, port: 0 }
vpns:
  red: { import: ['65000:1'], export: ['65000:1'] }
  blue: { import: ['65000:2'], export: ['65000:2'] }
forwarders:
  h1:${forwarder('10.255.0.1')}
  h2:${forwarder('10.255.0.2')}
bgp:
${bgp.replaceAll(/^/gm, '  ')}
`,
  );
  const lines: string[] = [];
  const take = (_: object, text: string) => {
    lines.push(text);
  };
  const log: Log = { debug: () => {}, info: take, warn: take, error: take };
  let server = await startRouteServer({ configFile: file, log });
  let isRunning = true;
  const stop = async () => {
    if (!isRunning) return;
    isRunning = false;
    await server.stop();
    rmSync(directory, { recursive: true });
  };
  cleanUp.push(stop);
  const ask = (path: string, method = 'GET', body?: unknown) =>
    callApi(join(directory, 'rs.sock'), method, path, body);
  return {
    lines,
    stop,
    ask,
    directory,
    async restart() {
      await server.stop();
      server = await startRouteServer({ configFile: file, log });
    },
    async metrics() {
      const [url = ''] = lines.flatMap((line) => /^metrics: (\S+),/.exec(line)?.[1] ?? []);
      return (await (await fetch(url)).text()).split('\n');
    },
    peers: async () => (await ask('/bgp')) as Awaited<ReturnType<Running['peers']>>,
    async rds(vpn) {
      const routes = (await ask(`/routes?vpn=${vpn}`)) as readonly {
        readonly paths: readonly { readonly kind: string; readonly vpn: string }[];
      }[];
      return routes.flatMap(({ paths }) => paths.flatMap((path) => (path.kind === 'bgp' ? [path.vpn] : [])));
    },
    async reconfigure(...changes) {
      let text = readFileSync(file, 'utf8');
      for (const [before, after] of changes) {
        if (!text.includes(before)) throw new Error(`not in the configuration: ${before}`);
        text = text.replace(before, after);
      }
      writeFileSync(file, text);
      await server.reload();
    },
    async forwarder(account) {
      const port = Number(server.listening[0]?.split(':').at(-1));
      const one = new Forwarder({ port, account, password: PASSWORD, ca: tls.certificate });
      cleanUp.push(() => one.client.stop());
      return one.online();
    },
  };
}
