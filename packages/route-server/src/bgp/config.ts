// The part of the configuration that is about BGP, as a schema: YAML values in, what package bgp is configured with out. Units: seconds.
import type { PeerConfiguration, SpeakerConfiguration } from '@hostpe/bgp';
import { readSecret } from '@hostpe/daemon';
import { addressFamily } from '@hostpe/net';
import { z } from 'zod';
import { contentBy, path } from '../files.ts';
import { address } from '../values.ts';

const asNumber = z.int().min(1).max(4_294_967_294);
const identifier = address.refine(
  (value) => addressFamily(value) === 'ipv4' && value !== '0.0.0.0',
  'is not a BGP identifier: an IPv4 address other than 0.0.0.0',
);
const port = z.int().min(1).max(65_535);
const holdTime = z
  .int()
  .max(65_535)
  .refine((seconds) => seconds === 0 || seconds >= 3, 'is 0 or at least 3 s (RFC 4271 section 4.2)');
const families = ['vpnv4', 'vpnv6', 'rtc'] as const;
/** RFC 2385 leaves the length to the system; Linux takes 80 octets. */
const longestKey = 80;

/** TCP-MD5 keys are octets, and no password of a person: they are used as they are. */
const keyFile = path.transform(contentBy(readSecret)).transform((text, context) => {
  const key = text.replace(/\r?\n$/, '');
  const { length } = Buffer.from(key);
  if (length >= 1 && length <= longestKey) return key;
  context.addIssue({
    code: 'custom',
    message: `holds a TCP-MD5 key of ${length} octets; 1 to ${longestKey} are possible`,
  });
  return z.NEVER;
});

const peer = z
  .strictObject({
    address,
    as: asNumber,
    port: port.default(179),
    'local-address': address.optional(),
    'password-file': keyFile.optional(),
    'no-password': z.boolean().default(false),
    'ttl-security': z.int().min(1).max(254).optional(),
    passive: z.boolean().default(false),
    families: z
      .array(z.enum(families))
      .min(1)
      .default([...families]),
    'route-reflector-client': z.boolean().default(false),
    encapsulation: z.enum(['attribute', 'community', 'both']).default('community'),
    'add-path': z.enum(['none', 'receive', 'send', 'both']).default('none'),
    'graceful-restart': z.boolean().default(true),
    'long-lived-time': z.int().min(0).max(16_777_215).default(0),
    'hold-time': holdTime.optional(),
  })
  .superRefine((written, context) => {
    if ((written['password-file'] === undefined) !== written['no-password'])
      context.addIssue({
        code: 'custom',
        path: ['password-file'],
        message: 'is needed, or no-password: true in its place for a peer without TCP-MD5',
      });
    const local = written['local-address'];
    if (local !== undefined && addressFamily(local) !== addressFamily(written.address))
      context.addIssue({
        code: 'custom',
        path: ['local-address'],
        message: `is not of the address family of ${written.address}`,
      });
  });

const listen = z.strictObject({ address, port: z.int().min(0).max(65_535).default(179) });

export const bgp: z.ZodType<SpeakerConfiguration> = z
  .strictObject({
    as: asNumber,
    identifier,
    'cluster-id': identifier.optional(),
    listen: z.array(listen).default([]),
    'hold-time': holdTime.default(90),
    'restart-time': z.int().min(0).max(4095).default(240),
    peers: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not a name of a peer'), peer),
  })
  .superRefine((written, context) => {
    const names = new Map<string, string>();
    for (const [name, { address, as, passive, ...one }] of Object.entries(written.peers)) {
      const problem = (key: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['peers', name, key], message });
      const other = names.get(address);
      if (other !== undefined) problem('address', `is that of ${other} too`);
      names.set(address, name);
      if (passive && written.listen.length === 0)
        problem('passive', 'cannot be true without bgp.listen: neither end would connect');
      if (one['route-reflector-client'] && as !== written.as)
        problem('route-reflector-client', `is for peers of our own AS ${written.as}`);
    }
  })
  .transform((written): SpeakerConfiguration => {
    const { as, identifier, listen } = written;
    return {
      as,
      identifier,
      clusterId: written['cluster-id'] ?? identifier,
      listen,
      restartTime: written['restart-time'],
      peers: Object.entries(written.peers)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, one]) => peerOf(name, one, written['hold-time'])),
    };
  });

function peerOf(name: string, written: z.output<typeof peer>, usualHoldTime: number): PeerConfiguration {
  const vpn = written.families.filter((family) => family !== 'rtc');
  const mode = written['add-path'];
  return {
    name,
    address: written.address,
    port: written.port,
    localAddress: written['local-address'],
    as: written.as,
    families: written.families,
    protection: { key: written['password-file'], hops: written['ttl-security'] },
    passive: written.passive,
    holdTime: written['hold-time'] ?? usualHoldTime,
    routeReflectorClient: written['route-reflector-client'],
    encapsulation: written.encapsulation,
    addPathReceive: mode === 'receive' || mode === 'both' ? vpn : [],
    addPathSend: mode === 'send' || mode === 'both' ? vpn : [],
    gracefulRestart: written['graceful-restart'],
    longLivedTime: written['long-lived-time'],
  };
}
