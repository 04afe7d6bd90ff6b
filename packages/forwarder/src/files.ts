// Files that the configuration names, read when it is known to be good otherwise: what is wrong with one is reported with the line that names it.
// Puts no secret into a message.
import { X509Certificate } from 'node:crypto';
import { ConfigError, readSecret, readText } from '@hostpe/daemon';
import type { z } from 'zod';
import type { ForwarderConfig, RouteServerSettings } from './config.ts';
import { forwarderConfigSchema } from './config.ts';

/** A configuration whose files could be read. */
export interface LoadedConfig {
  readonly config: ForwarderConfig;
  readonly credentials: ReadonlyMap<RouteServerSettings, Credentials>;
}

interface Credentials {
  readonly password: string;
  /** PEM; undefined: the system's authorities. */
  readonly ca: string | undefined;
}

/** The configuration with its files; parsed asynchronously. Problems of all files come at once. */
export const loadedConfigSchema = forwarderConfigSchema.transform(
  async (config, context): Promise<LoadedConfig> => {
    const credentials = new Map<RouteServerSettings, Credentials>();
    for (const [index, settings] of config.routeServers.entries()) {
      const at = (key: string) => ({ context, path: ['route-servers', index, key] });
      const password = await contentBy(readSecret, settings.passwordFile, at('password-file'));
      const ca =
        settings.caFile === undefined
          ? undefined
          : await contentBy(readAuthorities, settings.caFile, at('ca-file'));
      credentials.set(settings, { password: password ?? '', ca });
    }
    return { config, credentials };
  },
);

async function readAuthorities(file: string): Promise<string> {
  const pem = await readText(file);
  try {
    // The first one; without any, every session would fail later.
    new X509Certificate(pem);
  } catch (error) {
    throw new ConfigError([{ file, message: 'holds no certificate in PEM' }], { cause: error });
  }
  return pem;
}

/** What `read` makes of a file; its ConfigError becomes a problem of the configuration, and nothing is made of it. */
async function contentBy(
  read: (file: string) => Promise<string>,
  file: string,
  { context, path }: { readonly context: z.RefinementCtx; readonly path: (string | number)[] },
): Promise<string | undefined> {
  try {
    return await read(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.addIssue({ code: 'custom', path, message: error.message });
    return undefined;
  }
}
