/** The arguments of `netns-lab`: text in, a typed request out. Pure. */
import { parseArgs } from 'node:util';
import { LabError } from './error.ts';

export type Request =
  | { readonly kind: 'help' }
  | { readonly kind: 'probe'; readonly json: boolean }
  | { readonly kind: 'fetch' }
  | { readonly kind: 'clean' }
  | ({ readonly kind: 'shell' } & KernelRequest)
  | ({ readonly kind: 'run'; readonly command: readonly string[] } & KernelRequest);

interface KernelRequest {
  readonly where: 'auto' | 'native' | 'qemu';
  readonly timeout: number; // ms
  readonly memory: number; // MiB
  readonly output: string | undefined;
  readonly env: readonly string[];
}

export const USAGE = `netns-lab: network-namespace labs, and a kernel that has VRF and MPLS to run them in

  netns-lab probe [--json]      what the running kernel can do; exit code 1 if something is missing
  netns-lab fetch               get a stock Debian kernel into the cache
  netns-lab run [OPTIONS] -- COMMAND [ARGUMENTS...]
                                run a command here if this kernel can, else in the lab kernel (QEMU);
                                what it writes there is scratch
  netns-lab shell [OPTIONS]     an interactive shell in the same place
  netns-lab clean               remove the namespaces of all labs, with every process in them

  --timeout SECONDS  end the command after that time, with exit code 124 (default 1800)
  --memory MIB       of the lab kernel (default 4096)
  --output DIR       the one folder that the command can write for good
  --env NAME         pass this environment variable into the lab kernel; may be repeated (PATH is always passed)
  --qemu | --native  decide where to run

Exit code: the command's; 124 for a time-out, 125 if the lab failed, 2 for a wrong command line.
NETNS_LAB_CACHE names the cache (default: .cache/netns-lab of the repository).
`;

/** LabError `arguments` for what cannot be understood. */
export function parseCommandLine(argv: readonly string[]): Request {
  const [verb, ...rest] = argv;
  switch (verb) {
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      return { kind: 'help' };
    case 'probe': {
      const { values } = parse(rest, { json: { type: 'boolean' } });
      return { kind: 'probe', json: values['json'] === true };
    }
    case 'fetch':
    case 'clean':
      parse(rest, {});
      return { kind: verb };
    case 'shell':
      return { kind: verb, ...kernelRequest(rest) };
    case 'run': {
      const separator = rest.indexOf('--');
      const command = separator === -1 ? [] : rest.slice(separator + 1);
      if (command.length === 0) throw new LabError('arguments', "run: put the command after '--'");
      return { kind: verb, command, ...kernelRequest(rest.slice(0, separator)) };
    }
    default:
      throw new LabError('arguments', `unknown command '${verb}'; see netns-lab help`);
  }
}

function kernelRequest(args: string[]): KernelRequest {
  const { values } = parse(args, {
    timeout: { type: 'string' },
    memory: { type: 'string' },
    output: { type: 'string' },
    env: { type: 'string', multiple: true },
    qemu: { type: 'boolean' },
    native: { type: 'boolean' },
  });
  if (values['qemu'] === true && values['native'] === true)
    throw new LabError('arguments', '--qemu and --native exclude each other');
  const env = Array.isArray(values['env']) ? values['env'].map(String) : [];
  for (const name of env)
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw new LabError('arguments', `--env ${name}: a name is expected, not a value`);
  return {
    where: values['qemu'] === true ? 'qemu' : values['native'] === true ? 'native' : 'auto',
    timeout: 1000 * wholeNumber('--timeout', values['timeout'], 1800, 1, 86_400),
    memory: wholeNumber('--memory', values['memory'], 4096, 256, 1_048_576),
    output: typeof values['output'] === 'string' ? values['output'] : undefined,
    env,
  };
}

function wholeNumber(option: string, value: unknown, fallback: number, least: number, most: number): number {
  if (value === undefined) return fallback;
  const number = /^\d{1,9}$/.test(String(value)) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most))
    throw new LabError('arguments', `${option} ${value}: expected a whole number from ${least} to ${most}`);
  return number;
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

function parse(args: string[], options: Options) {
  try {
    return parseArgs({ args, options, allowPositionals: false });
  } catch (cause) {
    throw new LabError('arguments', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
