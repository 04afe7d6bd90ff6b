// The forwarder's configuration file as a schema: YAML values in, checked values out, with the defaults.
// Reads no files: files.ts does. Units: MTU bytes; ports 1..65535.
import { hostname } from 'node:os';
import type { Encapsulation, IpAddress, IpPrefix } from '@hostpe/net';
import { type Dialect, dialectNames } from '@hostpe/signaling';
import { z } from 'zod';
import type { Attachment } from './attachments.ts';
import { configuredAttachmentSchema } from './attachments.ts';
import { interfaceNameProblem } from './interface-name.ts';
import {
  encapsulationsSchema,
  interfaceSchema,
  ipv4AddressSchema,
  ipv4PrefixSchema,
  vpnNameSchema,
} from './values.ts';

export interface Underlay {
  /** This host's PE address. */
  readonly address: IpAddress;
  readonly mtu: number;
  /** Where tunnel packets may come from besides the PEs of known routes. */
  readonly allowedPes: readonly IpPrefix[];
}

export interface RouteServerSettings {
  readonly host: string;
  readonly port: number;
  /** XMPP domain; the server's certificate is checked against it. */
  readonly domain: string;
  /** Localpart of our JID; the system-id in the dialect end-system-07m. */
  readonly account: string;
  readonly dialect: Dialect;
  readonly passwordFile: string;
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
  readonly controlSocket: string;
  readonly stateDirectory: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const defaultControlSocket = '/run/hostpe/forwarder.sock';

const path = z.string().regex(/^\//, 'is not an absolute path');
const word = z.string().regex(/^\S+$/, 'is empty or holds blanks');

const underlaySchema = z
  .strictObject({
    address: ipv4AddressSchema,
    // 68 is IPv4's least; a tunnel's 28 bytes and an IPv6 packet's least 1280 do not fit below 1308.
    mtu: z.int().min(1308).max(65535).default(1500),
    'allowed-pes': z.array(ipv4PrefixSchema).default([]),
  })
  .transform(
    (written): Underlay => ({
      address: written.address,
      mtu: written.mtu,
      allowedPes: written['allowed-pes'],
    }),
  );

const routeServerSchema = z
  .strictObject({
    host: word,
    port: z.int().min(1).max(65535).default(5223),
    domain: word,
    account: z.string().regex(/^[^\s"&'/:<>@]+$/, 'is not the localpart of a JID'),
    dialect: z
      .enum(dialectNames)
      .default('end-system-06')
      .refine((name) => name !== 'contrail', 'contrail needs an open stream, which this version lacks'),
    'password-file': path,
    'ca-file': path.optional(),
  })
  .transform(
    (written): RouteServerSettings => ({
      host: written.host,
      port: written.port,
      domain: written.domain,
      account: written.account,
      dialect: written.dialect,
      passwordFile: written['password-file'],
      caFile: written['ca-file'],
    }),
  );

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

export const forwarderConfigSchema: z.ZodType<ForwarderConfig> = z
  .strictObject({
    name: word.default(() => hostname()),
    underlay: underlaySchema,
    'route-servers': z.array(routeServerSchema).min(1),
    vpns: z.record(vpnNameSchema, vpnSchema).default({}),
    attachments: z.array(configuredAttachmentSchema).default([]),
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
    const vpns = new Map(Object.entries(written.vpns));
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
    for (const [index, { vpn, interface: name }] of written.attachments.entries()) {
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
