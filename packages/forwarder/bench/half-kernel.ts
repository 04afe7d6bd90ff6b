// A kernel of two halves: IP routes and nexthop objects are in the real one, everything else (VRFs, tunnels, MPLS, neighbours) in the fake one, as not
// every machine's kernel has it. A nexthop object leads over a plain device instead, without its label; which one it had is kept here. Counts messages.
import type {
  Dumped,
  DumpFilter,
  KernelObject,
  Nexthop,
  Notification,
  NotificationGroup,
  Request,
  RouteColumns,
  RouteFilter,
  RouteOperation,
  Rtnetlink,
  RtnetlinkError,
} from '@hostpe/rtnetlink';
import type { FakeKernel } from '@hostpe/rtnetlink/testing/fake-kernel';

const realGroups: readonly NotificationGroup[] = ['route-ipv4', 'route-ipv6', 'nexthop'];

export class HalfKernel implements Rtnetlink {
  readonly #real: Rtnetlink;
  readonly #fake: FakeKernel;
  readonly #device: number;
  /** What was asked for, by id. */
  readonly #nexthops = new Map<number, Nexthop>();
  /** Messages that changed the real half. */
  messages = 0;

  /** @param device what stands for all devices */
  constructor(real: Rtnetlink, fake: FakeKernel, device: number) {
    this.#real = real;
    this.#fake = fake;
    this.#device = device;
  }

  async execute(
    requests: readonly Request[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly (RtnetlinkError | undefined)[]> {
    const real = requests.filter(({ object }) => isReal(object));
    const fake = requests.filter(({ object }) => !isReal(object));
    const verdicts = new Map<Request, RtnetlinkError | undefined>();
    const inReal = await this.#real.execute(
      real.map((request) => this.#onDevice(request)),
      options,
    );
    for (const [at, request] of real.entries()) {
      verdicts.set(request, inReal[at]);
      if (inReal[at] !== undefined) continue;
      this.messages++;
      const { op, object } = request;
      if (object.object === 'nexthop' && op === 'delete') this.#nexthops.delete(object.id);
      else if (object.object === 'nexthop') this.#nexthops.set(object.id, object);
    }
    const inFake = await this.#fake.execute(fake, options);
    for (const [at, request] of fake.entries()) verdicts.set(request, inFake[at]);
    return requests.map((request) => verdicts.get(request));
  }

  async executeRoutes(
    op: RouteOperation,
    routes: RouteColumns,
    options?: { readonly signal?: AbortSignal },
  ): Promise<ReadonlyMap<number, RtnetlinkError>> {
    const errors = await this.#real.executeRoutes(op, routes, options);
    this.messages += routes.length - errors.size;
    return errors;
  }

  async dump<F extends DumpFilter>(
    filter: F,
    options?: { readonly signal?: AbortSignal },
  ): Promise<readonly Dumped<F>[]> {
    const isOfReal = filter.object === 'nexthop' || (filter.object === 'route' && filter.family !== 'mpls');
    if (!isOfReal) return await this.#fake.dump(filter, options);
    const objects: readonly KernelObject[] = await this.#real.dump(filter, options);
    return objects.map((one) =>
      one.object === 'nexthop' ? (this.#nexthops.get(one.id) ?? one) : one,
    ) as unknown as readonly Dumped<F>[];
  }

  async dumpRoutes(filter: RouteFilter, options?: { readonly signal?: AbortSignal }): Promise<RouteColumns> {
    return await this.#real.dumpRoutes(filter, options);
  }

  async subscribe(
    groups: readonly NotificationGroup[],
    listener: (notification: Notification) => void,
    options?: { readonly own?: boolean; readonly signal?: AbortSignal },
  ): Promise<() => void> {
    const real = groups.filter((group) => realGroups.includes(group));
    const fake = groups.filter((group) => !realGroups.includes(group));
    const ends = [
      ...(real.length === 0 ? [] : [await this.#real.subscribe(real, listener, options)]),
      ...(fake.length === 0 ? [] : [await this.#fake.subscribe(fake, listener, options)]),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  async close(): Promise<void> {
    await this.#real.close();
    await this.#fake.close();
  }

  #onDevice(request: Request): Request {
    const { op, object } = request;
    if (object.object !== 'nexthop' || object.group !== undefined || op === 'delete') return request;
    const { encapLabels: _, ...rest } = object;
    return { ...request, object: { ...rest, device: this.#device } } as Request;
  }
}

function isReal(object: KernelObject): boolean {
  return object.object === 'nexthop' || (object.object === 'route' && object.family !== 'mpls');
}
