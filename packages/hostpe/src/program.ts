// The command line: which subcommands there are and what they take. Does nothing itself; the daemons are loaded only when one is asked for, so that
// `hostpe show` starts fast.
import { readFileSync } from 'node:fs';
import { ApiError, ConfigError, ControlSocketError, ExitCode } from '@hostpe/daemon';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { AttachOptions } from './attachments.ts';
import { attach, detach } from './attachments.ts';
import { diff } from './diff.ts';
import type { ShowOptions } from './show.ts';
import { show } from './show.ts';
import type { Terminal } from './terminal.ts';
import { deleteVpn, setVpn, type VpnOptions } from './vpns.ts';

/** Runs one command. @param args without the program's own name. @returns the exit code: 0 done, 1 failed, 2 a configuration or usage error. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = ExitCode.ok;
  const program = commands(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its own already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.configuration;
    if (error instanceof ConfigError) {
      terminal.error(`${error.message}\n`);
      return ExitCode.configuration;
    }
    if (error instanceof ApiError || error instanceof ControlSocketError) {
      terminal.error(`hostpe: ${error.message}\n`);
      return error instanceof ApiError && error.status === 400 ? ExitCode.configuration : ExitCode.failure;
    }
    throw error;
  }
}

function commands(terminal: Terminal, end: (exitCode: number) => void): Command {
  const program = new Command('hostpe')
    .description('Makes this Linux host a BGP/MPLS VPN provider edge, or serves routes to hosts that are.')
    .version(`hostpe ${version()}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.error })
    .showHelpAfterError('(see hostpe --help)');

  daemon(program, 'forwarder', 'the daemon on a hypervisor; needs CAP_NET_ADMIN', async (file, isCheck) => {
    const { checkForwarder, forwarder } = await import('./forwarder.ts');
    return isCheck ? await checkForwarder(file, terminal) : await forwarder(file);
  });
  daemon(
    program,
    'route-server',
    'the daemon that distributes VPN routes; needs no privilege',
    async (file, isCheck) => {
      const { checkRouteServer, routeServer } = await import('./route-server.ts');
      return isCheck ? await checkRouteServer(file, terminal) : await routeServer(file);
    },
  );

  program
    .command('attach')
    .description('attach an interface of a machine to a VPN; kept over restarts')
    .argument('<interface>', 'veth, tap or VLAN subinterface; it need not exist yet')
    .requiredOption('--vpn <vpn>', 'VPN identifier')
    .requiredOption('--address <address...>', 'addresses of the machine, IPv4 or IPv6')
    .option('--mac <address>', "the machine's MAC address: frames from others are dropped")
    .option(
      '--vlan <interface:tag>',
      'the interface is this VLAN of another one; it is made, and removed by detach',
      vlanOf,
    )
    .addOption(
      new Option(
        '--model <model>',
        'whether the machine knows its gateway alone, or takes a subnet for on-link',
      ).choices(['point-to-point', 'multipoint']),
    )
    .option('--mtu <bytes>', 'MTU that the interface is given, or `underlay` for what that carries', mtuOf)
    .option(
      '--sequence-number <number>',
      'higher is newer: the newest host has a machine that moves',
      wholeNumber,
    )
    .option('--local-preference <number>', 'higher is preferred; 100 where absent', wholeNumber)
    .addOption(socketOption())
    .action((name: string, options: AttachOptions) => attach(name, options, terminal));
  program
    .command('detach')
    .description('withdraw the routes of an interface and release it from its VPN')
    .argument('<interface>', 'an interface attached by `hostpe attach`')
    .addOption(socketOption())
    .action((name: string, options: { socket?: string }) => detach(name, options, terminal));

  const vpn = program.command('vpn').description('VPNs of the route server, made by command');
  vpn
    .command('set')
    .description('make a VPN, or change it; kept over restarts, takes effect at once')
    .argument('<vpn>', 'VPN identifier, not one of the configuration file')
    .option('--import <target...>', 'route targets whose routes it takes', [])
    .option('--export <target...>', 'route targets that its routes are given', [])
    .option('--forwarder <account...>', 'forwarders that may join it', [])
    .addOption(socketOption())
    .action((name: string, options: VpnOptions) => setVpn(name, options, terminal));
  vpn
    .command('delete')
    .description('delete a VPN that a command made; its routes go')
    .argument('<vpn>', 'VPN identifier')
    .addOption(socketOption())
    .action((name: string, options: { socket?: string }) => deleteVpn(name, options, terminal));

  program
    .command('diff')
    .description('print what the forwarder would change in the kernel; exit code 1 where that is anything')
    .option('--json', "print the daemon's answer as JSON")
    .addOption(socketOption())
    .action(async (options: { json?: boolean; socket?: string }) => end(await diff(options, terminal)));

  const showing = program.command('show').description('print what a daemon on this host knows');
  for (const { usage, alias, description, noun, parameters = [] } of nouns) {
    const command = showing
      .command(usage)
      .description(description)
      .option('--json', "print the daemon's answer as JSON")
      .addOption(socketOption());
    if (alias !== undefined) command.alias(alias);
    command.action((...given: unknown[]) => {
      // Commander passes the arguments, then the options, then the command.
      const texts = given.filter((one) => typeof one === 'string');
      const filter = Object.fromEntries(texts.map((text, at) => [parameters[at] ?? '', text]));
      return show(noun, filter, command.opts<ShowOptions>(), terminal);
    });
  }
  // Its options are those of the commands below: an option that both had would be taken by the first.
  const bgp = showing.command('bgp').description('BGP of the route server');
  bgp
    .command('summary', { isDefault: true })
    .description('the peers')
    .option('--json', "print the daemon's answer as JSON")
    .addOption(socketOption())
    .action((options: ShowOptions) => show('bgp', {}, options, terminal));
  for (const family of ['vpnv4', 'vpnv6'])
    bgp
      .command(family)
      .description('VPN routes, of peers and of forwarders: all, of a prefix, or of a route distinguisher')
      .argument('[prefix|rd]')
      .option('--json', "print the daemon's answer as JSON")
      .addOption(socketOption())
      .action((only: string | undefined, options: ShowOptions) =>
        show('bgp/routes', { family, ...prefixOrRd(only) }, options, terminal),
      );
  return program;

  function daemon(
    parent: Command,
    name: string,
    description: string,
    start: (file: string, isCheck: boolean) => Promise<number>,
  ): void {
    parent
      .command(name)
      .description(description)
      .requiredOption('--config <file>', 'configuration file (YAML)')
      .option('--check', 'check the configuration and the files that it names, then end')
      .action(async ({ config, check = false }: { config: string; check?: boolean }) =>
        end(await start(config, check)),
      );
  }
}

interface Noun {
  readonly usage: string;
  readonly alias?: string;
  readonly description: string;
  /** Path in the API. */
  readonly noun: string;
  /** Names of its arguments there. */
  readonly parameters?: readonly string[];
}

/** What `show` can be asked for. */
const nouns: readonly Noun[] = [
  {
    usage: 'status',
    description: 'summary of the forwarder, or else the route server, on this host',
    noun: 'status',
  },
  { usage: 'attachments', description: 'interfaces, their VPNs, labels and states', noun: 'attachments' },
  { usage: 'vpns', alias: 'vpn', description: 'VPNs', noun: 'vpns' },
  {
    usage: 'routes [vpn] [prefix]',
    alias: 'route',
    description: 'VPN routes, and on the route server why a path is used',
    noun: 'routes',
    parameters: ['vpn', 'prefix'],
  },
  {
    usage: 'sessions',
    description: 'the sessions of the forwarder with its route servers',
    noun: 'sessions',
  },
  {
    usage: 'drops',
    description: 'what the forwarder keeps from tenants and tunnels, by reason',
    noun: 'drops',
  },
  { usage: 'forwarders', description: 'the forwarders of the route server', noun: 'forwarders' },
  {
    usage: 'rt',
    description: 'route targets: VPNs that import and export them, peers that are sent their routes',
    noun: 'rt',
  },
];

function prefixOrRd(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  return text.includes('/') ? { prefix: text } : { rd: text };
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

function socketOption(): Option {
  return new Option('--socket <path>', "the daemon's control socket, where it is not the default");
}

function vlanOf(text: string): { readonly parent: string; readonly id: number } {
  const [, parent, id] = /^(.+):(\d{1,4})$/.exec(text) ?? [];
  if (parent === undefined || id === undefined)
    throw new InvalidArgumentError('It is not an interface, a colon and a tag: eth1:100.');
  return { parent, id: Number(id) };
}

function mtuOf(text: string): number | 'underlay' {
  return text === 'underlay' ? text : wholeNumber(text);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}
