// What the kernel is known to have for each remote PE: its neighbour, and its filter where it takes MPLS in UDP. Pure: state in, steps out.
import type { Filter, Neighbour } from '@hostpe/rtnetlink';
import { filterName, isOurFilter, isSameFilter } from '../forwarding-compare.ts';
import { filterKey, neighbourKey } from '../keys.ts';
import type { PeFacts, PeTarget } from '../remote-pe.ts';
import { addPe } from '../remote-pe.ts';
import type { Progress, Step } from '../step.ts';
import { kernelStep } from '../step.ts';
import type { Remote } from './resolver.ts';

export interface PePlan {
  readonly steps: readonly Step[];
  /** Of what a nexthop to the PE needs: the keys of steps. */
  readonly needs: (remote: Remote) => readonly string[];
  /** To be called when the steps were run. */
  readonly settle: (progress: Progress) => void;
}

export class PeObjects {
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #filters = new Map<number, Filter>();

  /** What the kernel has, and nothing else. @param neighbours of the devices that nexthops lead to; @param filters at the egress of the one that has them */
  load(neighbours: readonly Neighbour[], filters: readonly Filter[]): void {
    this.#neighbours.clear();
    this.#filters.clear();
    for (const one of neighbours)
      if (one.state === 'permanent') this.#neighbours.set(neighbourKey(one.index, one.address), one);
    for (const one of filters) if (isOurFilter(one)) this.#filters.set(one.handle, one);
  }

  /** What is missing or wrong for these PEs. */
  plan(facts: PeFacts, remotes: Iterable<Remote>): PePlan {
    const target: PeTarget = { neighbours: new Map(), filters: new Map() };
    const needs = new Map<string, readonly string[]>();
    for (const remote of remotes) {
      const text = remoteText(remote);
      if (!needs.has(text)) needs.set(text, addPe(target, facts, remote.pe, remote.encapsulation) ?? []);
    }
    const neighbours = [...target.neighbours].filter(
      ([key, { linkLayerAddress }]) => this.#neighbours.get(key)?.linkLayerAddress !== linkLayerAddress,
    );
    const filters = [...target.filters].filter(
      ([handle, wanted]) => !isSameFilter(this.#filters.get(handle), wanted),
    );
    return {
      steps: [
        ...neighbours.map(([key, object]) =>
          kernelStep(key, `neighbour ${object.linkLayerAddress}`, { op: 'replace', object }),
        ),
        ...filters.map(([handle, object]) =>
          kernelStep(filterKey(handle), filterName(object), { op: 'replace', object }),
        ),
      ],
      needs: (remote) => needs.get(remoteText(remote)) ?? [],
      settle: (progress) => {
        for (const [key, object] of neighbours)
          if (progress.trouble(key) === undefined) this.#neighbours.set(key, object);
        for (const [handle, object] of filters)
          if (progress.trouble(filterKey(handle)) === undefined) this.#filters.set(handle, object);
      },
    };
  }

  /** What no nexthop uses any more. @param remotes all that are in use */
  removals(facts: PeFacts, remotes: Iterable<Remote>): Pick<PePlan, 'steps' | 'settle'> {
    const used: PeTarget = { neighbours: new Map(), filters: new Map() };
    for (const { pe, encapsulation } of remotes) addPe(used, facts, pe, encapsulation);
    const neighbours = [...this.#neighbours].filter(([key]) => !used.neighbours.has(key));
    const filters = [...this.#filters].filter(([handle]) => !used.filters.has(handle));
    return {
      steps: [
        ...neighbours.map(([key, object]) =>
          kernelStep(`remove ${key}`, `neighbour ${object.linkLayerAddress ?? object.address}`, {
            op: 'delete',
            object,
          }),
        ),
        ...filters.map(([handle, object]) =>
          kernelStep(`remove ${filterKey(handle)}`, filterName(object), { op: 'delete', object }),
        ),
      ],
      settle: (progress) => {
        for (const [key] of neighbours)
          if (progress.trouble(`remove ${key}`) === undefined) this.#neighbours.delete(key);
        for (const [handle] of filters)
          if (progress.trouble(`remove ${filterKey(handle)}`) === undefined) this.#filters.delete(handle);
      },
    };
  }
}

function remoteText({ pe, encapsulation }: Remote): string {
  return `${encapsulation} ${pe}`;
}
