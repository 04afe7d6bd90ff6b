// The kernel behind the Rtnetlink interface: codec here, system calls in worker threads. Knows no VPNs.

import { encodeDump, matches } from './codec/dump.ts';
import { controller, decodeFamilyId, decodeFou, encodeFamilyQuery } from './codec/fou.ts';
import { decodeVerdict, type Message, messageFlag } from './codec/message.ts';
import { decodeObject, decodePayload } from './codec/object.ts';
import { encodeRequest } from './codec/request.ts';
import { MessageWriter } from './codec/writer.ts';
import { describe, describeDump } from './describe.ts';
import { errnoName } from './errno.ts';
import { RtnetlinkError } from './errors.ts';
import type { Dumped, DumpFilter, Notification, NotificationGroup, Request, Rtnetlink } from './kernel.ts';
import type { KernelObject } from './objects.ts';
import { namespacePath } from './socket/namespace.ts';
import type { NetlinkProtocol } from './socket/netlink-socket.ts';
import { RequestDoor } from './socket/request-door.ts';
import { openSubscription } from './socket/subscription.ts';

/** Requests that are encoded before the main thread lets others run: some 1 ms. */
const slice = 1024;
/** A dump that is interrupted as often as this is of something that never rests. */
const mostInterruptions = 10;
const fouFamily = 'fou';

/**
 * Opens netlink sockets, which hold the process until `close`.
 * @param options.namespace network namespace by name (as `ip netns` has it) or path; default: the one of this process.
 * @throws RtnetlinkError `socket`
 */
export async function openRtnetlink(options: { readonly namespace?: string } = {}): Promise<Rtnetlink> {
  const namespace = options.namespace === undefined ? undefined : namespacePath(options.namespace);
  return new KernelSocket(await RequestDoor.open(namespace), namespace);
}

class KernelSocket implements Rtnetlink {
  readonly #door: RequestDoor;
  readonly #namespace: string | undefined;
  readonly #subscriptions = new Set<() => Promise<void>>();
  readonly #writer = new MessageWriter(64 * 1024);
  #sequence = 1;
  #fouType: number | undefined;

  constructor(door: RequestDoor, namespace: string | undefined) {
    this.#door = door;
    this.#namespace = namespace;
  }

  async execute(requests: readonly Request[]): Promise<readonly (RtnetlinkError | undefined)[]> {
    const verdicts = new Array<RtnetlinkError | undefined>(requests.length).fill(undefined);
    for (let first = 0; first < requests.length; ) {
      const protocol = protocolOf(requests[first]?.object);
      let next = first + 1;
      while (
        next < requests.length &&
        next - first < slice &&
        protocolOf(requests[next]?.object) === protocol
      )
        next++;
      await this.#executeRun(protocol, requests.slice(first, next), (at, error) => {
        verdicts[first + at] = error;
      });
      first = next;
    }
    return verdicts;
  }

  async dump<F extends DumpFilter>(filter: F): Promise<readonly Dumped<F>[]> {
    const protocol = protocolOf(filter);
    const fouType = protocol === 'generic' ? await this.#findFou() : undefined;
    // A kernel without fou has no ports.
    if (protocol === 'generic' && fouType === undefined) return [];
    for (let attempt = 0; attempt < mostInterruptions; attempt++) {
      const objects: Dumped<F>[] = [];
      encodeDump(this.#writer, filter, this.#takeSequences(1), fouType);
      const { failure, interrupted } = await this.#door.query(protocol, this.#writer.take(), (message) => {
        const object = decodeAnswer(message, fouType);
        if (object !== undefined && matches(filter, object)) objects.push(object as Dumped<F>);
      });
      const error = failure === undefined ? undefined : kernelError(describeDump(filter), failure);
      if (error !== undefined && !isAbsence(filter, error)) throw error;
      if (!interrupted) return objects;
    }
    throw new RtnetlinkError(
      'socket',
      `${describeDump(filter)}: interrupted ${mostInterruptions} times by changes`,
    );
  }

  async subscribe(
    groups: readonly NotificationGroup[],
    listener: (notification: Notification) => void,
  ): Promise<() => void> {
    this.#door.check();
    const end = await openSubscription(this.#namespace, groups, listener, (error) => {
      this.#door.fail(error);
      // Its dump will tell the listener that the door is broken.
      listener({ type: 'overrun' });
    });
    this.#subscriptions.add(end);
    return () => {
      this.#subscriptions.delete(end);
      void end();
    };
  }

  async close(): Promise<void> {
    const subscriptions = [...this.#subscriptions];
    this.#subscriptions.clear();
    await Promise.all([this.#door.close(), ...subscriptions.map((end) => end())]);
  }

  /** @param requests all of one protocol. */
  async #executeRun(
    protocol: NetlinkProtocol,
    requests: readonly Request[],
    failed: (at: number, error: RtnetlinkError) => void,
  ): Promise<void> {
    const fouType = protocol === 'generic' ? await this.#findFou() : undefined;
    if (protocol === 'generic' && fouType === undefined) {
      requests.forEach((request, at) => {
        failed(at, refused(describe(request), 'ENOENT', 'this kernel has no foo-over-UDP'));
      });
      return;
    }
    const base = this.#takeSequences(requests.length);
    requests.forEach((request, at) => {
      try {
        encodeRequest(this.#writer, request, base + at, fouType);
      } catch (error) {
        if (!(error instanceof RtnetlinkError)) throw error;
        failed(at, new RtnetlinkError('invalid', `${describe(request)}: ${error.message}`, { cause: error }));
      }
    });
    if (this.#writer.length === 0) return;
    await this.#door.batch(protocol, this.#writer.take(), (message) => {
      const at = message.sequence - base;
      const request = requests[at];
      // Not one of these: left over from a batch that broke off.
      if (request !== undefined) failed(at, kernelError(describe(request), message));
    });
  }

  /** @returns undefined where the kernel has no fou. Asked again each time until it has: the module may be loaded later. */
  async #findFou(): Promise<number | undefined> {
    if (this.#fouType !== undefined) return this.#fouType;
    this.#writer.begin(controller.messageType, messageFlag.request, this.#takeSequences(1));
    encodeFamilyQuery(this.#writer, fouFamily);
    this.#writer.end();
    const { failure } = await this.#door.query('generic', this.#writer.take(), (message) => {
      if (message.type === controller.messageType) this.#fouType = decodeFamilyId(message.payload);
    });
    const error = failure === undefined ? undefined : kernelError(`family ${fouFamily}`, failure);
    if (error !== undefined && error.errno !== 'ENOENT') throw error;
    return this.#fouType;
  }

  /** Numbers that are in a row and fit 32 bits; 0 is the kernel's own. */
  #takeSequences(count: number): number {
    if (this.#sequence + count > 0xffffffff) this.#sequence = 1;
    const base = this.#sequence;
    this.#sequence += count;
    return base;
  }
}

function protocolOf(what: { readonly object: KernelObject['object'] } | undefined): NetlinkProtocol {
  return what?.object === 'fou' ? 'generic' : 'route';
}

function decodeAnswer(message: Message, fouType: number | undefined): KernelObject | undefined {
  if (fouType === undefined) return decodeObject(message)?.object;
  return message.type === fouType ? decodePayload(message.payload, decodeFou) : undefined;
}

/** A table or a device that is not there, or a protocol that the kernel has not. */
function isAbsence(filter: DumpFilter, error: RtnetlinkError): boolean {
  if (error.errno === 'ENODEV') return filter.object === 'neighbour' || filter.object === 'filter';
  if (filter.object !== 'route') return false;
  return error.errno === 'ENOENT' || (filter.family === 'mpls' && error.errno === 'EOPNOTSUPP');
}

function kernelError(request: string, message: Message): RtnetlinkError {
  const { errno, text } = decodeVerdict(message);
  return refused(request, errnoName(errno), text);
}

function refused(request: string, errno: string, kernelMessage: string | undefined): RtnetlinkError {
  const words = kernelMessage === undefined ? errno : `${errno} (${kernelMessage})`;
  return new RtnetlinkError('kernel', `${request}: ${words}`, {
    errno,
    ...(kernelMessage === undefined ? {} : { kernelMessage }),
  });
}
