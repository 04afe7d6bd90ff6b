// One change to the kernel with what it waits for, and the running of many: a failure stops what needs it and nothing else.
// Owns the order of execution; never decides what to change.
import type { Request, Rtnetlink, Sysctl, SysctlKey, SysctlValue } from '@hostpe/rtnetlink';
import { describe, formatSysctl, RtnetlinkError } from '@hostpe/rtnetlink';
import type { Log } from './doors.ts';

export interface Step {
  /** What later steps name in `needs`. Several steps may share a key: the key holds when all of them worked. */
  readonly key: string;
  /** What an operator knows the object by. */
  readonly name: string;
  /** Keys without which this step would do harm or could only fail. A key that no step has is taken to hold already. */
  readonly needs?: readonly string[];
  readonly action: Action;
}

export type Action =
  | {
      readonly kind: 'kernel';
      readonly request: Request;
      /** Kernel verdicts that mean that it is so already. */
      readonly accept?: readonly string[];
    }
  | {
      readonly kind: 'sysctl';
      readonly sysctl: SysctlKey;
      readonly value: SysctlValue;
      readonly why?: string;
    };

type KernelAction = Extract<Action, { kind: 'kernel' }>;

/** Steps of one phase do not need each other; each phase waits for the one before it. */
export type Phases = readonly (readonly Step[])[];

export interface Failure {
  /** What an operator knows the object by: `route 10.1.0.2/32 of VPN red`. */
  readonly object: string;
  /** The kernel's own words where it was the kernel. */
  readonly reason: string;
}

/** Verdicts on a delete that say that the object is gone. */
const GONE = ['ESRCH', 'ENOENT', 'ENODEV', 'ENXIO', 'EADDRNOTAVAIL'];

/** What the kernel says, with EINVAL, to the delete of a route whose nexthop object is gone: the route went with it. */
const NEXTHOP_GONE = 'Nexthop id does not exist';

/** Whether the kernel's verdict on the delete of a route says that it is gone. */
export function isGone({ errno, kernelMessage }: RtnetlinkError): boolean {
  return kernelMessage === NEXTHOP_GONE || (errno !== undefined && GONE.includes(errno));
}

function isAccepted({ errno, kernelMessage }: RtnetlinkError, { request, accept }: KernelAction): boolean {
  if (request.op === 'delete' && kernelMessage === NEXTHOP_GONE) return true;
  return errno !== undefined && accept?.includes(errno) === true;
}

/** A step for one netlink request. */
export function kernelStep(
  key: string,
  name: string,
  request: Request,
  facts: { readonly needs?: readonly string[]; readonly accept?: readonly string[] } = {},
): Step {
  const accept = facts.accept ?? (request.op === 'delete' ? GONE : undefined);
  return {
    key,
    name,
    ...(facts.needs === undefined ? {} : { needs: facts.needs }),
    action: { kind: 'kernel', request, ...(accept === undefined ? {} : { accept }) },
  };
}

/** The outcome of one pass so far, and the means to go on with it. */
export class Progress {
  readonly #rtnetlink: Rtnetlink;
  readonly #sysctl: Sysctl;
  readonly #log: Log;
  readonly #base: Progress | undefined;
  readonly #failures = new Map<string, Failure>();
  readonly #blocked = new Set<string>();
  #done = 0;
  #waiting = 0;

  /** @param base what was done before this and is not done again: its troubles are those of what needs it */
  constructor(
    doors: { readonly rtnetlink: Rtnetlink; readonly sysctl: Sysctl; readonly log: Log },
    base?: Progress,
  ) {
    this.#base = base;
    this.#rtnetlink = doors.rtnetlink;
    this.#sysctl = doors.sysctl;
    this.#log = doors.log;
  }

  /** Steps that worked. */
  get done(): number {
    return this.#done;
  }

  /** Keys that failed or wait for one that did. */
  get pending(): number {
    return this.#failures.size + this.#blocked.size + this.#waiting;
  }

  get #hasTrouble(): boolean {
    if (this.#failures.size + this.#blocked.size > 0) return true;
    return this.#base === undefined ? false : this.#base.#hasTrouble;
  }

  failures(): Failure[] {
    return [...this.#failures.values()];
  }

  /** Records what cannot be done for a reason that is not the kernel's. The first reason of a key stays. */
  fail(key: string, failure: Failure): void {
    if (!this.#failures.has(key)) this.#failures.set(key, failure);
  }

  /** Records that so many routes have to wait for something else. */
  wait(routes: number): void {
    this.#waiting += routes;
  }

  /** Records a route that was brought to the kernel. */
  count(): void {
    this.#done++;
  }

  /** Why a key does not hold; undefined where it does. */
  trouble(key: string): string | undefined {
    const failure = this.#failures.get(key);
    if (failure !== undefined) return failure.reason;
    if (this.#blocked.has(key)) return 'waits for something else that failed';
    return this.#base?.trouble(key);
  }

  /** @throws RtnetlinkError only when the door itself is broken. */
  async run(phases: Phases): Promise<void> {
    for (const phase of phases) {
      const steps = phase.filter((step) => this.#isRunnable(step));
      for (const step of steps) {
        if (step.action.kind === 'sysctl') await this.#setSysctl(step, step.action);
      }
      await this.#execute(steps);
    }
  }

  #isRunnable(step: Step): boolean {
    if (!this.#hasTrouble) return true;
    if (this.trouble(step.key) !== undefined) return false;
    if (step.needs?.some((key) => this.trouble(key) !== undefined) !== true) return true;
    this.#blocked.add(step.key);
    return false;
  }

  async #setSysctl(step: Step, action: Extract<Action, { kind: 'sysctl' }>): Promise<void> {
    try {
      await this.#sysctl.set(action.sysctl, action.value);
      this.#done++;
      const facts = { sysctl: action.sysctl.path, value: formatSysctl(action.sysctl, action.value) };
      if (action.why === undefined) this.#log.debug(facts, 'sysctl set');
      else this.#log.info(facts, `sysctl set for the whole host: ${action.why}`);
    } catch (error) {
      if (!(error instanceof RtnetlinkError)) throw error;
      this.fail(step.key, { object: step.name, reason: error.message });
    }
  }

  async #execute(steps: readonly Step[]): Promise<void> {
    const kernel: { readonly step: Step; readonly action: KernelAction }[] = [];
    for (const step of steps) {
      if (step.action.kind === 'kernel') kernel.push({ step, action: step.action });
    }
    if (kernel.length === 0) return;
    const verdicts = await this.#rtnetlink.execute(kernel.map(({ action }) => action.request));
    for (const [at, { step, action }] of kernel.entries()) {
      const error = verdicts[at];
      if (error === undefined || isAccepted(error, action)) {
        this.#done++;
        this.#log.debug({ request: describe(action.request) }, 'kernel changed');
      } else {
        this.fail(step.key, { object: step.name, reason: error.message });
      }
    }
  }
}
