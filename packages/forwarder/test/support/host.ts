// A hypervisor for tests: a fake kernel with a machine's interface or two, and a forwarder that can be started and stopped on it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callApi } from '@hostpe/daemon';
import type { Nft } from '@hostpe/reconciler';
import { FORWARDER_PROTOCOL } from '@hostpe/reconciler';
import type { IpRoute } from '@hostpe/rtnetlink';
import { FakeKernel } from '@hostpe/rtnetlink/testing';
import type { Log } from '@hostpe/xmpp';
import { vi } from 'vitest';
import { forwarderConfigSchema } from '../../src/config.ts';
import { runForwarder } from '../../src/start.ts';
import { defaultTimers, type Timers } from '../../src/timers.ts';
import type { ScriptedRouteServer } from './scripted-route-server.ts';
import { domain, password } from './scripted-route-server.ts';

/** Keeps no rules: the guard is the reconciler's own matter. */
class NoNft implements Nft {
  async apply(): Promise<void> {}
  async list(): Promise<undefined> {
    return undefined;
  }
}

class RecordedLog implements Log {
  readonly lines: string[] = [];
  debug(): void {}
  info(_facts: object, message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(_facts: object, message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(_facts: object, message: string): void {
    this.lines.push(`error ${message}`);
  }
}

/** Where one is, and what it speaks. */
type RouteServer = Pick<ScriptedRouteServer, 'dialect' | 'port'>;

export class Host {
  readonly kernel = new FakeKernel();
  readonly log = new RecordedLog();
  readonly folder = mkdtempSync(join(tmpdir(), 'hostpe-forwarder-'));
  readonly socket = join(this.folder, 'forwarder.sock');
  readonly #routeServers: readonly RouteServer[];
  readonly #ca: string;
  #running: { stop(): Promise<void> } | undefined;

  constructor(routeServers: readonly RouteServer[], ca: string) {
    this.#routeServers = routeServers;
    this.#ca = ca;
  }

  /** A veth pair, up at both ends, as a hypervisor makes it for a machine. */
  addMachine(name: string): void {
    const peer = `${name}-m`;
    this.kernel.apply(
      { op: 'add', object: { object: 'link', name, info: { kind: 'veth', peer } } },
      { op: 'set', object: { object: 'link', name, up: true } },
      { op: 'set', object: { object: 'link', name: peer, up: true } },
    );
  }

  /** The first label is 1000, as no chance says where allocation begins. */
  async start(some: object = {}, timers: Partial<Timers> = {}): Promise<void> {
    const written = forwarderConfigSchema.parse({
      name: 'h1',
      underlay: { address: '10.255.0.1' },
      'route-servers': this.#routeServers.map(({ port }) => ({
        host: '127.0.0.1',
        port,
        domain,
        account: 'h1',
        'password-file': '/not/read',
      })),
      'control-socket': this.socket,
      'state-directory': join(this.folder, 'lib'),
      ...some,
    });
    // After the schema, so that a test can have what a dialect has no words for.
    const config = {
      ...written,
      routeServers: written.routeServers.map((settings, index) => ({
        ...settings,
        dialect: this.#routeServers[index]?.dialect ?? settings.dialect,
      })),
    };
    const credentials = new Map(
      config.routeServers.map((settings) => [
        settings,
        {
          password: () => Promise.resolve(password),
          certificate: undefined,
          key: undefined,
          ca: () => Promise.resolve(this.#ca),
        },
      ]),
    );
    const kernel = {
      rtnetlink: this.kernel,
      sysctl: this.kernel.sysctl,
      nft: new NoNft(),
      steering: { enable: async () => false },
    };
    const random = vi.spyOn(Math, 'random').mockReturnValue(0);
    try {
      this.#running = await runForwarder({ config, credentials }, kernel, this.log, {
        ...defaultTimers,
        ...timers,
      });
    } finally {
      random.mockRestore();
    }
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  ask(method: string, path: string, body?: unknown): Promise<unknown> {
    return callApi(this.socket, method, path, body);
  }

  /** Label routes as `LABEL dev NAME`. */
  labels(): string[] {
    const names = new Map(this.kernel.objects({ object: 'link' }).map(({ index, name }) => [index, name]));
    return this.kernel
      .objects({ object: 'route', family: 'mpls' })
      .flatMap((route) => (route.family === 'mpls' ? [`${route.label} dev ${names.get(route.device)}`] : []));
  }

  /** Our IPv4 routes of a VPN as `PREFIX label LABEL` or `PREFIX dev NAME`. */
  routes(table: number): string[] {
    const nexthops = new Map(
      this.kernel.objects({ object: 'nexthop' }).map((nexthop) => [nexthop.id, nexthop]),
    );
    const names = new Map(this.kernel.objects({ object: 'link' }).map(({ index, name }) => [index, name]));
    return this.kernel
      .objects({ object: 'route', family: 'ipv4', table, protocol: FORWARDER_PROTOCOL })
      .filter((route): route is IpRoute => route.family === 'ipv4' && route.nexthopId !== undefined)
      .map(({ prefix, nexthopId = 0 }) => {
        const nexthop = nexthops.get(nexthopId);
        const [label] = nexthop?.encapLabels ?? [];
        return label === undefined
          ? `${prefix} dev ${names.get(nexthop?.device)}`
          : `${prefix} label ${label}`;
      })
      .sort();
  }
}
