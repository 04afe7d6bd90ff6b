// Files that the configuration names, read when it is known to be good otherwise: what is wrong with one is reported with the line that names it.
// Puts no secret into a message.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { ConfigError, readSecret, readText } from '@hostpe/daemon';
import type { z } from 'zod';
import type { ForwarderConfig, RouteServerSettings } from './config.ts';
import { forwarderConfigSchema } from './config.ts';

/** A configuration whose files could be read. */
export interface LoadedConfig {
  readonly config: ForwarderConfig;
  readonly credentials: ReadonlyMap<RouteServerSettings, Credentials>;
}

/** Each reads its file anew, so that what was renewed is used by the next session; undefined where none is configured. */
export interface Credentials {
  readonly password: (() => Promise<string>) | undefined;
  /** PEM, as the others. */
  readonly certificate: (() => Promise<string>) | undefined;
  readonly key: (() => Promise<string>) | undefined;
  /** Undefined: the system's authorities. */
  readonly ca: (() => Promise<string>) | undefined;
}

/** The configuration with its files; parsed asynchronously. Problems of all files come at once. */
export const loadedConfigSchema = forwarderConfigSchema.transform(
  async (config, context): Promise<LoadedConfig> => {
    const credentials = new Map<RouteServerSettings, Credentials>();
    for (const [index, settings] of config.routeServers.entries()) {
      const { passwordFile, certificateFile, keyFile, caFile } = settings;
      const read = async (
        by: (file: string) => Promise<string>,
        file: string | undefined,
        key: string,
      ): Promise<string | undefined> =>
        file && (await contentBy(by, file, { context, path: ['route-servers', index, key] }));
      await read(readSecret, passwordFile, 'password-file');
      const certificate = await read(readCertificates, certificateFile, 'certificate-file');
      const key = await read(readKey, keyFile, 'key-file');
      await read(readCertificates, caFile, 'ca-file');
      if (certificate && key && !new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
        context.addIssue({
          code: 'custom',
          path: ['route-servers', index, 'key-file'],
          message: `${keyFile} is not the key of ${certificateFile}`,
        });
      credentials.set(settings, {
        password: again(readSecret, passwordFile),
        certificate: again(readCertificates, certificateFile),
        key: again(readKey, keyFile),
        ca: again(readCertificates, caFile),
      });
    }
    return { config, credentials };
  },
);

function again(
  read: (file: string) => Promise<string>,
  file: string | undefined,
): (() => Promise<string>) | undefined {
  return file === undefined ? undefined : () => read(file);
}

async function readCertificates(file: string): Promise<string> {
  const pem = await readText(file);
  try {
    // The first one; without any, every session would fail later.
    new X509Certificate(pem);
  } catch (error) {
    throw new ConfigError([{ file, message: 'holds no certificate in PEM' }], { cause: error });
  }
  return pem;
}

async function readKey(file: string): Promise<string> {
  const pem = await readSecret(file);
  try {
    createPrivateKey(pem);
  } catch (error) {
    throw new ConfigError([{ file, message: 'holds no private key in PEM without a passphrase' }], {
      cause: error,
    });
  }
  return pem;
}

/** Reads a file once, for what is wrong with it: its ConfigError becomes a problem of the configuration. */
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
