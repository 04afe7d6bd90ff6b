// The forwarder's configuration file as a schema: YAML values in, checked values out, with the defaults.
// Reads no files: files.ts does. Units: MTU bytes; ports 1..65535.
import { hostname } from 'node:os';
import type { MetricsListener } from '@hostpe/daemon';
import type { Encapsulation, IpAddress, IpPrefix } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import { type Dialect, dialectNames } from '@hostpe/signaling';
import { z } from 'zod';
import type { Attachment } from './attachments.ts';
import { configuredAttachmentSchema, vlanProblem } from './attachments.ts';
import { interfaceNameProblem } from './interface-name.ts';
import type { Retention } from './stale-routes.ts';
import {
  addressSchema,
  encapsulationsSchema,
  interfaceSchema,
  peAddressSchema,
  prefixSchema,
  vpnNameSchema,
} from './values.ts';

export interface Underlay {
  /** This host's PE address. */
  readonly address: IpAddress;
  /** Absent: that of the interface with the address. */
  readonly mtu: number | undefined;
  /** Where tunnel packets may come from besides the PEs of known routes. */
  readonly allowedPes: readonly IpPrefix[];
}

export interface RouteServerSettings {
  readonly host: string;
  readonly port: number;
  /** XMPP domain; the server's certificate is checked against it. '' where there is no TLS. */
  readonly domain: string;
  /** Localpart of our JID; the system-id in the dialect end-system-07m, all of the JID in the dialect contrail. */
  readonly account: string;
  readonly dialect: Dialect;
  readonly transport: 'tcp' | 'websocket';
  /** Over TCP; a WebSocket has TLS from the first byte. None in the dialect contrail alone. */
  readonly tls: 'none' | 'direct' | 'starttls';
  /** There where there is no certificate, but in the dialect contrail. */
  readonly passwordFile: string | undefined;
  /** Whether the password may be shown to a server that offers nothing better. */
  readonly plain: boolean;
  /** Ours; with it, its key. */
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly caFile: string | undefined;
}

/** What a route server is called in logs, and in the order of equal routes: lowest first. */
export function routeServerName({ host, port }: RouteServerSettings): string {
  return `${host}:${port}`;
}

export interface VpnSettings {
  readonly encapsulations: readonly Encapsulation[] | undefined;
  readonly device: string | undefined;
  readonly instanceId: number | undefined;
}

export interface ForwarderConfig {
  /** For logs. */
  readonly name: string;
  readonly underlay: Underlay;
  readonly routeServers: readonly RouteServerSettings[];
  /** By VPN; only those that differ from the defaults. */
  readonly vpns: ReadonlyMap<string, VpnSettings>;
  readonly attachments: readonly Attachment[];
  /** Of routes of route servers whose sessions are lost; milliseconds. */
  readonly retention: Retention;
  /** Where Prometheus may ask; undefined: nowhere. */
  readonly metrics: MetricsListener | undefined;
  readonly controlSocket: string;
  readonly stateDirectory: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const defaultControlSocket = '/run/hostpe/forwarder.sock';

const path = z.string().regex(/^\//, 'is not an absolute path');
const word = z.string().regex(/^\S+$/, 'is empty or holds blanks');

const underlaySchema = z
  .strictObject({
    address: peAddressSchema,
    // A tunnel's 28 bytes, a label's 4 and an IPv6 packet's least 1280 do not fit below 1312.
    mtu: z.int().min(1312).max(65535).optional(),
    'allowed-pes': z.array(prefixSchema).default([]),
  })
  .superRefine(({ address, mtu, 'allowed-pes': allowed }, context) => {
    const reject = (path: readonly (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path: [...path], message });
    const family = addressFamily(address);
    if (family === 'ipv6' && mtu !== undefined && mtu < 1328)
      reject(
        ['mtu'],
        "1328 at the least over IPv6: a tunnel's 44 bytes, a label's 4 and an IPv6 packet's least 1280",
      );
    for (const [index, prefix] of allowed.entries())
      if (addressFamily(prefix) !== family)
        reject(
          ['allowed-pes', index],
          `${prefix} is not an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} prefix: the underlay is that of ${address}`,
        );
  })
  .transform(
    (written): Underlay => ({
      address: written.address,
      mtu: written.mtu,
      allowedPes: written['allowed-pes'],
    }),
  );

/** As registered, but for direct TLS, whose port is a custom (XEP-0368). */
const defaultPorts = { direct: 5223, starttls: 5222, websocket: 443, contrail: 5269 } as const;

const routeServerSchema = z
  .strictObject({
    host: word,
    port: z.int().min(1).max(65535).optional(),
    domain: word.optional(),
    account: z.string().regex(/^[^\s"&'/:<>@]+$/, 'is not the localpart of a JID'),
    dialect: z.enum(dialectNames).default('end-system-06'),
    transport: z.enum(['tcp', 'websocket']).default('tcp'),
    tls: z.enum(['none', 'direct', 'starttls']).optional(),
    'password-file': path.optional(),
    plain: z.boolean().default(false),
    'certificate-file': path.optional(),
    'key-file': path.optional(),
    'ca-file': path.optional(),
  })
  .superRefine((written, context) => {
    const reject = (key: keyof typeof written, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const certificate = written['certificate-file'] !== undefined;
    const password = written['password-file'] !== undefined;
    if (certificate !== (written['key-file'] !== undefined))
      reject(certificate ? 'certificate-file' : 'key-file', 'certificate-file and key-file need each other');
    const { dialect, tls } = written;
    if (written.domain === undefined && (dialect !== 'contrail' || tls === 'starttls'))
      reject('domain', 'is required');
    if (dialect === 'contrail') {
      if (password) reject('password-file', 'an open stream, as contrail has it, asks for none');
      if (written.transport === 'websocket') reject('transport', 'contrail is spoken over TCP alone');
      if (tls === 'direct') reject('tls', 'contrail has no TLS, or starttls');
      for (const key of ['certificate-file', 'ca-file'] as const)
        if (written[key] !== undefined && tls !== 'starttls') reject(key, 'needs tls: starttls');
    } else if (tls === 'none') reject('tls', `none is for the dialect contrail, not for ${dialect}`);
    if (!password && !certificate && dialect !== 'contrail')
      reject('password-file', 'is required where there is no certificate-file');
    if (written.plain && !password) reject('plain', 'needs a password-file');
    if (written.transport === 'websocket' && written.tls === 'starttls')
      reject('tls', 'a WebSocket has TLS from the first byte: leave out tls');
  })
  .transform((written): RouteServerSettings => {
    const { dialect, transport } = written;
    const tls = written.tls ?? (dialect === 'contrail' ? 'none' : 'direct');
    const kind = transport === 'websocket' ? transport : tls === 'none' ? 'contrail' : tls;
    return {
      host: written.host,
      port: written.port ?? defaultPorts[dialect === 'contrail' ? dialect : kind],
      domain: written.domain ?? '',
      account: written.account,
      dialect,
      transport,
      tls,
      passwordFile: written['password-file'],
      plain: written.plain,
      certificateFile: written['certificate-file'],
      keyFile: written['key-file'],
      caFile: written['ca-file'],
    };
  });

const vpnSchema = z
  .strictObject({
    encapsulations: encapsulationsSchema.optional(),
    device: interfaceSchema.optional(),
    'instance-id': z.int().min(1).max(65535).optional(),
  })
  .transform(
    (written): VpnSettings => ({
      encapsulations: written.encapsulations,
      device: written.device,
      instanceId: written['instance-id'],
    }),
  );

/** Seconds in the file, milliseconds in the value; `forever` is undefined. Up to a week: a timer of Node ends at 24 days. */
const retentionTime = z
  .union(
    [
      z.literal('forever'),
      z
        .number()
        .min(0)
        .max(7 * 24 * 60 * 60),
    ],
    {
      error: 'is neither forever nor a number of seconds up to a week',
    },
  )
  .transform((written) => (written === 'forever' ? undefined : written * 1000));

const timersSchema = z.strictObject({
  stale: retentionTime.prefault(3600),
  headless: retentionTime.prefault('forever'),
});

export const forwarderConfigSchema: z.ZodType<ForwarderConfig> = z
  .strictObject({
    name: word.default(() => hostname()),
    underlay: underlaySchema,
    'route-servers': z.array(routeServerSchema).min(1),
    vpns: z.record(vpnNameSchema, vpnSchema).default({}),
    attachments: z.array(configuredAttachmentSchema).default([]),
    timers: timersSchema.prefault({}),
    metrics: z.strictObject({ address: addressSchema, port: z.int().min(0).max(65535) }).optional(),
    'control-socket': path.default(defaultControlSocket),
    'state-directory': path.default('/var/lib/hostpe'),
    'log-level': z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  })
  .superRefine((written, context) => {
    const reject = (at: readonly (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path: [...at], message });
    rejectRepeated(written['route-servers'].map(routeServerName), (index, name) =>
      reject(['route-servers', index, 'host'], `${name} is configured twice`),
    );
    rejectRepeated(
      written.attachments.map((attachment) => attachment.interface),
      (index, name) => reject(['attachments', index, 'interface'], `${name} is attached twice`),
    );
    if (written['route-servers'].some(({ dialect }) => dialect === 'contrail')) {
      const why = 'has a slash, which a route server of the dialect contrail would cut it at';
      for (const name of Object.keys(written.vpns))
        if (name.includes('/')) reject(['vpns', name], `the VPN name ${name} ${why}`);
      for (const [index, { vpn }] of written.attachments.entries())
        if (vpn.includes('/')) reject(['attachments', index, 'vpn'], `${vpn} ${why}`);
    }
    const vpns = new Map(Object.entries(written.vpns));
    if (addressFamily(written.underlay.address) === 'ipv6')
      for (const [name, { encapsulations }] of vpns)
        if (encapsulations?.includes('udp') === true)
          reject(
            ['vpns', name, 'encapsulations'],
            `no udp over an IPv6 underlay (${written.underlay.address}): Linux has MPLS in UDP over IPv6 for one PE a device only; leave it at gre`,
          );
    const devices = new Map<string, string>();
    const instances = new Map<number, string>();
    for (const [name, { device = name, instanceId }] of vpns) {
      const problem = interfaceNameProblem(device);
      if (problem !== undefined)
        reject(['vpns', name], `the VRF device needs a name: ${device} ${problem}; set device`);
      const sameDevice = devices.get(device);
      if (sameDevice !== undefined)
        reject(['vpns', name], `VRF device ${device} is that of VPN ${sameDevice} already`);
      devices.set(device, name);
      if (instanceId === undefined) continue;
      const sameInstance = instances.get(instanceId);
      if (sameInstance !== undefined)
        reject(
          ['vpns', name, 'instance-id'],
          `${instanceId} is the instance-id of VPN ${sameInstance} already`,
        );
      instances.set(instanceId, name);
    }
    const unconfigured = written.attachments.map(({ vpn }) => vpn).filter((vpn) => !vpns.has(vpn));
    const deviceNames = new Set([...devices.keys(), ...unconfigured]);
    for (const [index, attachment] of written.attachments.entries()) {
      const { vpn, interface: name } = attachment;
      if (!vpns.has(vpn)) {
        const problem = interfaceNameProblem(vpn);
        const other = devices.get(vpn);
        if (problem !== undefined)
          reject(
            ['attachments', index, 'vpn'],
            `the VRF device needs a name: ${vpn} ${problem}; set vpns.${vpn}.device`,
          );
        else if (other !== undefined)
          reject(
            ['attachments', index, 'vpn'],
            `VRF device ${vpn} is that of VPN ${other}; set vpns.${vpn}.device`,
          );
      }
      const problem = vlanProblem(attachment, written.attachments.slice(0, index));
      if (problem !== undefined) reject(['attachments', index, 'interface'], problem);
      if (deviceNames.has(name))
        reject(['attachments', index, 'interface'], `${name} is the name of a VRF device`);
    }
  })
  .transform(
    (written): ForwarderConfig => ({
      name: written.name,
      underlay: written.underlay,
      routeServers: written['route-servers'],
      vpns: new Map(Object.entries(written.vpns)),
      attachments: written.attachments,
      retention: written.timers,
      metrics: written.metrics,
      controlSocket: written['control-socket'],
      stateDirectory: written['state-directory'],
      logLevel: written['log-level'],
    }),
  );

function rejectRepeated(names: readonly string[], reject: (index: number, name: string) => void): void {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (seen.has(name)) reject(index, name);
    seen.add(name);
  }
}
