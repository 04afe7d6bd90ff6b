// The route server's configuration file as a schema: YAML values in, checked values out, with the defaults, and with what the
// files that it names hold. Units: seconds in the file, as the operator writes them, milliseconds in the values.
import { X509Certificate } from 'node:crypto';
import type { SpeakerConfiguration } from '@hostpe/bgp';
import type { MetricsListener } from '@hostpe/daemon';
import type { IpAddress } from '@hostpe/net';
import { type Dialect, dialectNames } from '@hostpe/signaling';
import type { ListenAddress, ScramCredentials, ServerTls } from '@hostpe/xmpp';
import { z } from 'zod';
import { bgp } from './bgp/config.ts';
import { certificateFiles, passwordFile, path } from './files.ts';
import {
  type OpenStreamDoor,
  type OpenStreamIdentity,
  openStreamDoor,
  openStreamIdentity,
  openStreamProblems,
} from './open-stream.ts';
import { account, address, routeTarget, vpnName } from './values.ts';
import type { VpnPolicy } from './vpns.ts';

interface ForwarderSettings {
  /** Undefined: it has no password, only a certificate, or nothing. */
  readonly credentials: ScramCredentials | undefined;
  /** There where it needs no authentication, and can have none. */
  readonly openStream: OpenStreamIdentity | undefined;
  /** The next-hops that it may announce. */
  readonly addresses: ReadonlySet<IpAddress>;
  /** The VPNs that it may join. */
  readonly vpns: ReadonlySet<string>;
  readonly dialect: Dialect;
  readonly maxRoutes: number | undefined;
  /** Two that are equal log in alike, but for the password. */
  readonly login: string;
}

export interface RouteServerConfig {
  /** Domain of every JID; forwarders check the certificate against it. */
  readonly domain: string;
  readonly listen: readonly ListenAddress[];
  /** Without authentication. */
  readonly openStreams: readonly OpenStreamDoor[];
  readonly tls: ServerTls;
  readonly vpns: ReadonlyMap<string, VpnPolicy>;
  /** Accounts by the name in their certificate, in lower case. */
  readonly certificateNames: ReadonlyMap<string, string>;
  /** By account, in order of name. */
  readonly forwarders: ReadonlyMap<string, ForwarderSettings>;
  readonly withdrawDelay: number;
  readonly restartDelay: number;
  /** Whether the routes of a lost session are the least preferred at once. */
  readonly lowerStale: boolean;
  /** Undefined: the route server speaks no BGP. */
  readonly bgp: SpeakerConfiguration | undefined;
  /** Where Prometheus may ask; undefined: nowhere. */
  readonly metrics: MetricsListener | undefined;
  readonly controlSocket: string;
  /** Where VPNs made by command are kept. */
  readonly stateDirectory: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const defaultControlSocket = '/run/hostpe/route-server.sock';

const week = 7 * 24 * 60 * 60;
const hostLabel = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

const maxRoutes = z.int().min(1);
const delay = z.number().min(0).max(week);
/** Forwarders sweep what is stale 300 s after they subscribed, End-of-RIB or not: it has to be said well before. */
const longestRestartDelay = 240;
const restartDelay = z
  .number()
  .min(0)
  .max(longestRestartDelay, `is ${longestRestartDelay} s at the most: forwarders wait 300 s for End-of-RIB`);
const domain = z
  .string()
  .max(253)
  .regex(new RegExp(`^${hostLabel}(\\.${hostLabel})*$`), 'is not a domain name in lower case');

const forwarder = z.strictObject({
  'password-file': passwordFile.optional(),
  'certificate-name': z.string().min(1).max(253).toLowerCase().optional(),
  'open-stream': openStreamIdentity.optional(),
  addresses: z.array(address).min(1),
  vpns: z.array(vpnName),
  dialect: z.enum(dialectNames).default('end-system-06'),
  'max-routes': maxRoutes.optional(),
});

const listen = z
  .strictObject({
    address,
    port: z.int().min(0).max(65535).optional(),
    transport: z.enum(['tcp', 'websocket']).default('tcp'),
    tls: z.enum(['direct', 'starttls']).default('direct'),
    plain: z.boolean().default(false),
  })
  .refine(({ transport, tls }) => transport === 'tcp' || tls === 'direct', {
    path: ['tls'],
    message: 'a WebSocket has no STARTTLS',
  })
  .transform(({ port, ...listening }) => ({ port: port ?? usualPort(listening), ...listening }));

export const routeServerConfigSchema: z.ZodType<RouteServerConfig> = z
  .strictObject({
    domain,
    // Port 0 lets the system choose; the log says what it chose.
    listen: z.array(listen).min(1),
    'open-stream': z.array(openStreamDoor).default([]),
    tls: certificateFiles,
    vpns: z.record(
      vpnName,
      z.strictObject({
        import: z.array(routeTarget),
        export: z.array(routeTarget),
        'max-routes': maxRoutes.optional(),
      }),
    ),
    forwarders: z.record(account, forwarder),
    timers: z
      .strictObject({ 'withdraw-delay': delay.default(60), 'restart-delay': restartDelay.default(120) })
      .prefault({}),
    'lower-stale-routes': z.boolean().default(false),
    bgp: bgp.optional(),
    metrics: z.strictObject({ address, port: z.int().min(0).max(65535) }).optional(),
    'control-socket': path.default(defaultControlSocket),
    'state-directory': path.default('/var/lib/hostpe'),
    'log-level': z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  })
  .superRefine((written, context) => {
    if (new X509Certificate(written.tls.certificate).checkHost(written.domain) === undefined)
      context.addIssue({
        code: 'custom',
        path: ['tls', 'certificate'],
        message: `is not for ${written.domain}: no forwarder would accept it`,
      });
    checkLogins(written, context);
    for (const problem of openStreamProblems(written['open-stream'], written.forwarders, written.domain))
      context.addIssue({ code: 'custom', ...problem });
    for (const [name, { vpns }] of Object.entries(written.forwarders))
      for (const [index, vpn] of vpns.entries())
        if (!Object.hasOwn(written.vpns, vpn))
          context.addIssue({
            code: 'custom',
            path: ['forwarders', name, 'vpns', index],
            message: `${vpn} is not among the VPNs of this file`,
          });
  })
  .transform(
    (written): RouteServerConfig => ({
      domain: written.domain,
      listen: written.listen,
      openStreams: written['open-stream'],
      tls: {
        certificate: written.tls.certificate,
        key: written.tls.key,
        ...(written.tls['client-ca'] === undefined ? {} : { clientCa: written.tls['client-ca'] }),
      },
      certificateNames: new Map(
        Object.entries(written.forwarders).flatMap(([name, forwarder]) =>
          forwarder['certificate-name'] === undefined ? [] : [[forwarder['certificate-name'], name]],
        ),
      ),
      vpns: new Map(
        Object.entries(written.vpns).map(([name, { 'max-routes': maxRoutes, ...policy }]) => [
          name,
          { ...policy, maxRoutes },
        ]),
      ),
      forwarders: new Map(
        Object.entries(written.forwarders)
          // Their files are read at the same time: they come in the order in which that ended.
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, { addresses, vpns, dialect, 'max-routes': maxRoutes, ...files }]) => [
            name,
            {
              credentials: files['password-file'],
              openStream: files['open-stream'],
              addresses: new Set(addresses),
              vpns: new Set(vpns),
              dialect,
              maxRoutes,
              login: JSON.stringify([
                dialect,
                files['certificate-name'],
                files['open-stream']?.jid,
                [...(files['open-stream']?.addresses ?? [])].toSorted(),
              ]),
            },
          ]),
      ),
      withdrawDelay: written.timers['withdraw-delay'] * 1000,
      restartDelay: written.timers['restart-delay'] * 1000,
      lowerStale: written['lower-stale-routes'],
      bgp: written.bgp,
      metrics: written.metrics,
      controlSocket: written['control-socket'],
      stateDirectory: written['state-directory'],
      logLevel: written['log-level'],
    }),
  );

function usualPort({ transport, tls }: Pick<ListenAddress, 'transport' | 'tls'>): number {
  if (transport === 'websocket') return 443;
  return tls === 'starttls' ? 5222 : 5223;
}

interface WrittenLogins {
  readonly tls: { readonly 'client-ca'?: string | undefined };
  readonly forwarders: Readonly<
    Record<
      string,
      { 'password-file'?: unknown; 'certificate-name'?: string | undefined; 'open-stream'?: unknown }
    >
  >;
}

/** Every forwarder has a way to log in, or needs none, and no certificate is two forwarders'. */
function checkLogins({ tls, forwarders }: WrittenLogins, context: z.RefinementCtx): void {
  const accounts = new Map<string, string>();
  for (const [name, written] of Object.entries(forwarders).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const certificateName = written['certificate-name'];
    const problem = (message: string, ...key: string[]) =>
      context.addIssue({ code: 'custom', path: ['forwarders', name, ...key], message });
    if (written['open-stream'] !== undefined) {
      if (written['password-file'] !== undefined || certificateName !== undefined)
        problem('a forwarder that needs no authentication cannot have any beside', 'open-stream');
      continue;
    }
    if (certificateName === undefined) {
      if (written['password-file'] === undefined) problem('needs password-file, certificate-name or both');
      continue;
    }
    const other = accounts.get(certificateName);
    if (tls['client-ca'] === undefined) problem('needs tls.client-ca', 'certificate-name');
    if (other !== undefined) problem(`is that of ${other} too`, 'certificate-name');
    accounts.set(certificateName, name);
  }
}
