// Values of package net in the configuration: out of their text, or a problem that is told with its line.
import { NetError, parseIpAddress, parseIpPrefix } from '@hostpe/net';
import { z } from 'zod';

/** A value of package net out of its text; the error of its parser becomes a problem of the configuration. */
export function parsedBy<T>(parse: (text: string) => T) {
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
