// Values of package net in the configuration: out of their text, or a problem that is told with its line.
import { NetError, parseIpAddress, parseIpPrefix, parseRouteTarget } from '@hostpe/net';
import { isVpnName } from '@hostpe/signaling';
import { z } from 'zod';

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

export const address = z.string().transform(parsedBy(parseIpAddress));
export const prefix = z.string().transform(parsedBy(parseIpPrefix));
export const routeTarget = z.string().transform(parsedBy(parseRouteTarget));
export const vpnName = z.string().refine(isVpnName, 'is not a VPN name: 1 to 128 printable ASCII characters');
export const account = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'is not an account: 1 to 64 of a-z, 0-9, dot, hyphen and underscore');
