// The route server's configuration file as a schema: YAML values in, checked values out, with the defaults, and with what the
// files that it names hold. Units: seconds in the file, as the operator writes them, milliseconds in the values.
import { X509Certificate } from 'node:crypto';
import { type IpAddress, NetError, parseIpAddress, parseRouteTarget } from '@hostpe/net';
import { type Dialect, dialectNames, isVpnName } from '@hostpe/signaling';
import type { ScramCredentials } from '@hostpe/xmpp';
import { z } from 'zod';
import { certificateFiles, passwordFile, path } from './files.ts';
import type { VpnPolicy } from './vpns.ts';

interface ForwarderSettings {
  readonly credentials: ScramCredentials;
  /** The next-hops that it may announce. */
  readonly addresses: ReadonlySet<IpAddress>;
  /** The VPNs that it may join. */
  readonly vpns: ReadonlySet<string>;
  readonly dialect: Dialect;
}

export interface RouteServerConfig {
  /** Domain of every JID; forwarders check the certificate against it. */
  readonly domain: string;
  readonly listen: readonly { readonly address: IpAddress; readonly port: number }[];
  /** PEM. */
  readonly tls: { readonly certificate: string; readonly key: string };
  readonly vpns: ReadonlyMap<string, VpnPolicy>;
  /** By account, in order of name. */
  readonly forwarders: ReadonlyMap<string, ForwarderSettings>;
  readonly withdrawDelay: number;
  readonly restartDelay: number;
  readonly controlSocket: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const defaultControlSocket = '/run/hostpe/route-server.sock';

const week = 7 * 24 * 60 * 60;
const hostLabel = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

const delay = z.number().min(0).max(week);
const address = z.string().transform(parsedBy(parseIpAddress));
const routeTarget = z.string().transform(parsedBy(parseRouteTarget));
const vpnName = z.string().refine(isVpnName, 'is not a VPN name: 1 to 128 printable ASCII characters');
const account = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'is not an account: 1 to 64 of a-z, 0-9, dot, hyphen and underscore');
const domain = z
  .string()
  .max(253)
  .regex(new RegExp(`^${hostLabel}(\\.${hostLabel})*$`), 'is not a domain name in lower case');

const forwarder = z.strictObject({
  'password-file': passwordFile,
  addresses: z.array(address).min(1),
  vpns: z.array(vpnName),
  dialect: z
    .enum(dialectNames)
    .default('end-system-06')
    .refine(
      (name) => name !== 'contrail',
      'contrail needs an open-stream listener, which this version lacks',
    ),
});

export const routeServerConfigSchema: z.ZodType<RouteServerConfig> = z
  .strictObject({
    domain,
    // Port 0 lets the system choose; the log says what it chose.
    listen: z.array(z.strictObject({ address, port: z.int().min(0).max(65535).default(5223) })).min(1),
    tls: certificateFiles,
    vpns: z.record(vpnName, z.strictObject({ import: z.array(routeTarget), export: z.array(routeTarget) })),
    forwarders: z.record(account, forwarder),
    timers: z
      .strictObject({ 'withdraw-delay': delay.default(60), 'restart-delay': delay.default(120) })
      .prefault({}),
    'control-socket': path.default(defaultControlSocket),
    'log-level': z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  })
  .superRefine((written, context) => {
    if (new X509Certificate(written.tls.certificate).checkHost(written.domain) === undefined)
      context.addIssue({
        code: 'custom',
        path: ['tls', 'certificate'],
        message: `is not for ${written.domain}: no forwarder would accept it`,
      });
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
      tls: written.tls,
      vpns: new Map(Object.entries(written.vpns)),
      forwarders: new Map(
        Object.entries(written.forwarders)
          // Their files are read at the same time: they come in the order in which that ended.
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, { addresses, vpns, dialect, ...files }]) => [
            name,
            {
              credentials: files['password-file'],
              addresses: new Set(addresses),
              vpns: new Set(vpns),
              dialect,
            },
          ]),
      ),
      withdrawDelay: written.timers['withdraw-delay'] * 1000,
      restartDelay: written.timers['restart-delay'] * 1000,
      controlSocket: written['control-socket'],
      logLevel: written['log-level'],
    }),
  );

/** A value of package net out of its text; the error of its parser becomes a problem of the configuration. */
function parsedBy<T>(parse: (text: string) => T) {
  return (text: string, context: z.RefinementCtx): T => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      context.addIssue({ code: 'custom', message: error.message, continue: false });
      return z.NEVER;
    }
  };
}
