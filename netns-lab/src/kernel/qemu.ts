/**
 * One boot of the lab kernel in QEMU and its channels. Owns the QEMU process: it never outlives this program, even if
 * that is killed. Knows nothing of what runs in the guest. No network device, no display, no monitor.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import { LabError } from '../error.ts';
import type { Kernel } from './cache.ts';

export interface QemuOptions {
  readonly kernel: Kernel;
  readonly initramfs: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly memory: number; // MiB
  /** A folder of this machine that the guest may write, by the mount tag `output`. */
  readonly output: string | undefined;
  /** Gives this program's terminal to the guest, as /dev/hvc0. */
  readonly terminal: boolean;
}

export interface Qemu {
  readonly process: ChildProcess;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly control: Duplex;
  /** The kernel's console. */
  readonly console: Readable;
  /** QEMU's own complaints. */
  readonly complaints: Readable;
}

const BINARY = 'qemu-system-x86_64';

// Each channel is a socket that the child inherits at this number: bytes as they are, as they come, with back pressure.
const CHANNELS = { console: 3, control: 4, stdout: 5, stderr: 6 } as const;

function qemuArguments(options: QemuOptions): string[] {
  const channel = (name: keyof typeof CHANNELS) => ['-chardev', `socket,id=${name},fd=${CHANNELS[name]}`];
  const port = (name: keyof typeof CHANNELS) => [
    ...channel(name),
    '-device',
    `virtserialport,bus=ports.0,chardev=${name},name=${name}`,
  ];
  const shared = (path: string) => path.replaceAll(',', ',,');
  return [
    ...[
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
      '-nic',
      'none',
      '-M',
      'pc,hpet=off,vmport=off',
    ],
    ...(options.accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host']
      : ['-accel', 'tcg,tb-size=1024', '-cpu', 'max']),
    ...['-smp', String(cpus(options)), '-m', `${options.memory}M`],
    ...['-kernel', options.kernel.image, '-initrd', options.initramfs],
    '-append',
    'console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable no_timer_check random.trust_cpu=on',
    ...channel('console'),
    ...['-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci,id=ports'],
    ...port('control'),
    ...port('stdout'),
    ...port('stderr'),
    ...(options.terminal
      ? ['-chardev', 'stdio,id=terminal,signal=off', '-device', 'virtconsole,bus=ports.0,chardev=terminal']
      : []),
    '-virtfs',
    'local,path=/,mount_tag=root,security_model=none,multidevs=remap,readonly=on',
    ...(options.output === undefined
      ? []
      : [
          '-virtfs',
          `local,path=${shared(options.output)},mount_tag=output,security_model=none,multidevs=remap`,
        ]),
  ];
}

/**
 * One CPU where they are emulated: with two, QEMU 7.2 on x86 breaks programs that write code while they run (every
 * third start of Node ended in a segmentation fault or a failed check of V8).
 */
function cpus(options: QemuOptions): number {
  return options.accelerator === 'kvm' ? Math.min(4, availableParallelism()) : 1;
}

/** Starts QEMU. LabError `boot` where it is not installed. */
export async function startQemu(options: QemuOptions): Promise<Qemu> {
  // Not execa: the channels are sockets in both directions at chosen numbers.
  // --pdeathsig: QEMU ends with us, whatever ends us.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', BINARY, ...qemuArguments(options)], {
    stdio: [
      options.terminal ? 'inherit' : 'ignore',
      options.terminal ? 'inherit' : 'ignore',
      'pipe',
      ...Object.keys(CHANNELS).map(() => 'pipe' as const),
    ],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(new LabError('boot', 'setpriv of util-linux is not installed', { cause })),
    );
  });
  const stream = (index: number) => child.stdio[index] as Duplex;
  return {
    process: child,
    console: stream(CHANNELS.console),
    control: stream(CHANNELS.control),
    stdout: stream(CHANNELS.stdout),
    stderr: stream(CHANNELS.stderr),
    complaints: stream(2),
  };
}
