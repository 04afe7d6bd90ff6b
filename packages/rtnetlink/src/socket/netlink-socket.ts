// One netlink socket by its system calls (netlink(7)), synchronous: for worker threads only. Knows no message.
// Times are milliseconds, sizes bytes.
import koffi from 'koffi';
import { littleEndian } from '../codec/wire/host-order.ts';
import { errnoName } from '../errno.ts';
import { RtnetlinkError } from '../errors.ts';

// The program itself: every C library that Node can run on is in it.
const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const void *address, uint32_t length)');
const connect = libc.func('int connect(int fd, const void *address, uint32_t length)');
const getsockname = libc.func('int getsockname(int fd, void *address, void *length)');
const getsockopt = libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)');
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
);
/** struct sock_fprog of linux/filter.h */
koffi.struct('sock_fprog', { length: 'uint16_t', instructions: 'const void *' });
const attachFilter = libc.func(
  'int setsockopt(int fd, int level, int name, const sock_fprog *value, uint32_t length)',
);
const send = libc.func('intptr_t send(int fd, const void *bytes, size_t length, int flags)');
const recv = libc.func('intptr_t recv(int fd, void *buffer, size_t length, int flags)');
const close = libc.func('int close(int fd)');
const setns = libc.func('int setns(int fd, int kind)');

const familyNetlink = 16;
const typeRaw = 3;
const typeCloseOnExec = 0o2000000;
const cloneNewNet = 0x40000000;
const level = { socket: 1, netlink: 270 } as const;
const option = {
  sendBuffer: 7,
  receiveBuffer: 8,
  receiveTimeout: 20,
  attachFilter: 26,
  receiveBufferForce: 33,
} as const;
const netlinkOption = { addMembership: 1, capAck: 10, extAck: 11, strictCheck: 12 } as const;
/** MSG_TRUNC: the true length is told, also where the buffer is too small. */
const tellLength = 0x20;
/** MSG_DONTWAIT */
const doNotWait = 0x40;
/** struct sockaddr_nl: u16 family, u16 padding, u32 port, u32 groups. */
const sockaddrLength = 12;
const sockFprogLength = 16;
const errno = { interrupted: 4, again: 11, noBuffers: 105 } as const;

const netlinkProtocol = { route: 0, generic: 16 } as const;
export type NetlinkProtocol = keyof typeof netlinkProtocol;

/** The kernel fills at most 32 KiB of a dump at a time; twice that leaves room for single big messages. */
export const receiveLength = 65536;

/** Moves the calling thread, and no other, into a network namespace. @param fd of its file, such as /run/netns/NAME. */
export function enterNetworkNamespace(fd: number): void {
  if (setns(fd, cloneNewNet) !== 0) throw failure('setns');
}

export class NetlinkSocket {
  readonly #fd: number;
  /** The address that the kernel knows this socket by (nl_pid), and that it names as the author of changes. */
  readonly port: number;

  /**
   * @param receiveBuffer what is not yet read may have at most this size; more needs CAP_NET_ADMIN than net.core.rmem_max allows.
   * @param timeout longest wait in `receive`: a thread that waits for ever in a system call can never be ended.
   * @param port of a socket that was closed, to follow it; 0: one that nobody has.
   * @throws RtnetlinkError `socket`
   */
  constructor(protocol: NetlinkProtocol, receiveBuffer: number, timeout: number, port = 0) {
    this.#fd = socket(familyNetlink, typeRaw | typeCloseOnExec, netlinkProtocol[protocol]) as number;
    if (this.#fd < 0) throw failure('socket');
    try {
      const size = int(receiveBuffer);
      if (!this.#set(level.socket, option.receiveBufferForce, size))
        this.#set(level.socket, option.receiveBuffer, size);
      this.#demand(level.socket, option.receiveTimeout, timeval(timeout));
      for (const name of [netlinkOption.extAck, netlinkOption.capAck, netlinkOption.strictCheck]) {
        // Generic netlink and old kernels may lack one; all are refinements.
        this.#set(level.netlink, name, int(1));
      }
      if (bind(this.#fd, sockaddr(port), sockaddrLength) !== 0) throw failure('bind');
      // Connected to port 0, the kernel: no other process can send here.
      if (connect(this.#fd, sockaddr(0), sockaddrLength) !== 0) throw failure('connect');
      const own = new Uint32Array(sockaddrLength / 4);
      if (getsockname(this.#fd, new Uint8Array(own.buffer), int(sockaddrLength)) !== 0)
        throw failure('getsockname');
      this.port = own[1] ?? 0;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Bytes that the kernel keeps for us, by its own account, which counts a short message as some 800. */
  get receiveBuffer(): number {
    return this.#get(option.receiveBuffer);
  }

  /** Bytes that one datagram can have at the most, and 32 more. */
  get sendBuffer(): number {
    return this.#get(option.sendBuffer);
  }

  /** Has the kernel drop what the socket of that port caused before it is queued here. @throws RtnetlinkError `socket` */
  unhear(port: number): void {
    // The filter machine reads in network order what nlmsg_pid, at 12, has in host order.
    const inNetworkOrder = new DataView(Uint32Array.of(port).buffer).getUint32(0, false);
    const instructions = program([
      { code: bpf.loadWord, jumpTrue: 0, jumpFalse: 0, k: 12 },
      { code: bpf.jumpIfEqual, jumpTrue: 0, jumpFalse: 1, k: inNetworkOrder },
      { code: bpf.accept, jumpTrue: 0, jumpFalse: 0, k: 0 },
      { code: bpf.accept, jumpTrue: 0, jumpFalse: 0, k: 0xffffffff },
    ]);
    const length = instructions.length / instructionLength;
    const value = { length, instructions };
    if (attachFilter(this.#fd, level.socket, option.attachFilter, value, sockFprogLength) !== 0)
      throw failure('SO_ATTACH_FILTER');
  }

  /** Joins a multicast group (RTNLGRP_*). @throws RtnetlinkError `socket` */
  join(group: number): void {
    this.#demand(level.netlink, netlinkOption.addMembership, int(group));
  }

  /**
   * Sends a datagram; the kernel has worked on every request in it when this returns.
   * @param length so many of the bytes
   * @throws RtnetlinkError `socket`
   */
  send(bytes: Uint8Array, length = bytes.length): void {
    for (;;) {
      const sent = send(this.#fd, bytes, length, 0) as number;
      if (sent === length) return;
      if (sent >= 0) throw new RtnetlinkError('socket', `send: ${sent} of ${length} bytes`);
      if (koffi.errno() !== errno.interrupted) throw failure('send');
    }
  }

  /**
   * Receives one datagram.
   * @param wait false: only what is there.
   * @returns its length; `timeout`: there was none for as long; `overrun`: some were lost, and until all that waits is received more may be,
   *   of which the kernel says nothing (NETLINK_S_CONGESTED).
   * @throws RtnetlinkError `socket`
   */
  receive(buffer: Uint8Array, wait = true): number | 'timeout' | 'overrun' {
    const flags = wait ? tellLength : tellLength | doNotWait;
    for (;;) {
      const length = recv(this.#fd, buffer, buffer.length, flags) as number;
      if (length > buffer.length) throw new RtnetlinkError('socket', `recv: a datagram of ${length} bytes`);
      if (length >= 0) return length;
      const number = koffi.errno();
      if (number === errno.again) return 'timeout';
      if (number === errno.noBuffers) return 'overrun';
      if (number !== errno.interrupted) throw failure('recv');
    }
  }

  close(): void {
    close(this.#fd);
  }

  #get(name: number): number {
    const value = new Int32Array(1);
    const length = int(value.byteLength);
    if (getsockopt(this.#fd, level.socket, name, new Uint8Array(value.buffer), length) !== 0)
      throw failure('getsockopt');
    return value[0] ?? 0;
  }

  #set(optionLevel: number, name: number, value: Uint8Array): boolean {
    return setsockopt(this.#fd, optionLevel, name, value, value.length) === 0;
  }

  #demand(optionLevel: number, name: number, value: Uint8Array): void {
    if (!this.#set(optionLevel, name, value)) throw failure('setsockopt');
  }
}

function failure(call: string): RtnetlinkError {
  const name = errnoName(koffi.errno());
  return new RtnetlinkError('socket', `${call}: ${name}`, { errno: name });
}

/** Classic BPF (linux/bpf_common.h): BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K (so many bytes). */
const bpf = { loadWord: 0x20, jumpIfEqual: 0x15, accept: 0x06 } as const;
const instructionLength = 8;

/** struct sock_filter, one behind the other. */
function program(
  instructions: readonly { code: number; jumpTrue: number; jumpFalse: number; k: number }[],
): Uint8Array {
  const view = new DataView(new ArrayBuffer(instructions.length * instructionLength));
  instructions.forEach(({ code, jumpTrue, jumpFalse, k }, at) => {
    view.setUint16(at * instructionLength, code, littleEndian);
    view.setUint8(at * instructionLength + 2, jumpTrue);
    view.setUint8(at * instructionLength + 3, jumpFalse);
    view.setUint32(at * instructionLength + 4, k, littleEndian);
  });
  return new Uint8Array(view.buffer);
}

function sockaddr(port: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(sockaddrLength));
  view.setUint16(0, familyNetlink, littleEndian);
  view.setUint32(4, port, littleEndian);
  return new Uint8Array(view.buffer);
}

function int(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/** struct timeval of a 64-bit machine. */
function timeval(milliseconds: number): Uint8Array {
  const seconds = Math.floor(milliseconds / 1000);
  return new Uint8Array(BigInt64Array.of(BigInt(seconds), BigInt((milliseconds % 1000) * 1000)).buffer);
}
