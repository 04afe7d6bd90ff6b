/**
 * A topology made real: its namespaces, links and machines, from creation to removal. What a killed process left under
 * the same name goes first. Needs root.
 */
import { type Capture, captureIn } from '../capture.ts';
import { LabError } from '../error.ts';
import {
  type Daemon,
  type RunOptions,
  type RunResult,
  runIn,
  type StartOptions,
  startIn,
} from '../process.ts';
import {
  creation,
  hostScript,
  hypervisorEnd,
  machineCreation,
  machineScript,
  namespaceOf,
} from './commands.ts';
import { type MachineSpec, type Topology, validateMachine, validateTopology } from './description.ts';
import { ipBatch, namespacesOf, removeNamespaces } from './leftovers.ts';

/** A host or a machine of a lab. */
export interface Host {
  readonly name: string;
  readonly namespace: string;
  /** Runs a command to its end. LabError `command`, `timeout`. */
  run(command: string, args?: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a command that stays. LabError `command`, `timeout`. */
  start(name: string, command: string, args: readonly string[], options?: StartOptions): Promise<Daemon>;
  /** Begins to capture; `filter` as in pcap-filter(7). LabError `command`. */
  capture(interface_: string, filter?: string): Promise<Capture>;
}

export class Lab implements AsyncDisposable {
  readonly #topology: Topology;
  readonly #hosts = new Map<string, Host>();
  /** Machine → where it is now. */
  readonly #machines = new Map<string, MachineSpec>();

  private constructor(topology: Topology) {
    this.#topology = topology;
    for (const name of Object.keys(topology.hosts)) this.#hosts.set(name, this.#hostOf(name));
    for (const [name, machine] of Object.entries(topology.machines ?? {})) {
      this.#hosts.set(name, this.#hostOf(name));
      this.#machines.set(name, machine);
    }
  }

  /** LabError `description` before anything is touched; on any later error all of it is removed again. */
  static async create(topology: Topology): Promise<Lab> {
    validateTopology(topology);
    const lab = new Lab(topology);
    await lab.remove();
    try {
      await ipBatch(creation(topology));
      const scripts = [
        ...Object.keys(topology.hosts).map((name) => [name, hostScript(topology, name)] as const),
        ...Object.entries(topology.machines ?? {}).map(
          ([name, spec]) => [name, machineScript(spec)] as const,
        ),
      ];
      await Promise.all(scripts.map(([name, script]) => lab.host(name).run('sh', ['-s'], { input: script })));
    } catch (error) {
      await lab.remove();
      throw error;
    }
    return lab;
  }

  /** LabError `unknown-host`. */
  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined)
      throw new LabError(
        'unknown-host',
        `lab '${this.#topology.name}' has no host '${name}', but ${[...this.#hosts.keys()].join(', ')}`,
      );
    return host;
  }

  /** LabError `description`, `command`. */
  async addMachine(name: string, spec: MachineSpec): Promise<Host> {
    if (this.#hosts.has(name))
      throw new LabError('description', `lab '${this.#topology.name}' has a host '${name}' already`);
    validateMachine(name, spec, this.#interfacesInUse());
    const host = this.#hostOf(name);
    try {
      await ipBatch(machineCreation(this.#topology.name, name, spec));
      await ipBatch(hypervisorEnd(spec), this.host(spec.host).namespace);
      await host.run('sh', ['-s'], { input: machineScript(spec) });
    } catch (error) {
      await removeNamespaces(
        (await namespacesOf(this.#topology.name)).filter((namespace) => namespace === host.namespace),
      );
      throw error;
    }
    this.#hosts.set(name, host);
    this.#machines.set(name, spec);
    return host;
  }

  /** Its interface on the hypervisor is gone when this resolves. LabError `unknown-host`. */
  async removeMachine(name: string): Promise<void> {
    const machine = this.#machines.get(name);
    if (machine === undefined)
      throw new LabError('unknown-host', `lab '${this.#topology.name}' has no machine '${name}'`);
    // A namespace's interfaces go some time after it: this one must be gone now.
    await ipBatch([`link delete dev ${machine.interface}`], this.host(machine.host).namespace);
    await removeNamespaces([this.host(name).namespace]);
    this.#hosts.delete(name);
    this.#machines.delete(name);
  }

  /** Kills every process in the lab and deletes its namespaces, with what a killed process left under its name. */
  async remove(): Promise<void> {
    await removeNamespaces(await namespacesOf(this.#topology.name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }

  #hostOf(name: string): Host {
    const namespace = namespaceOf(this.#topology.name, name);
    return {
      name,
      namespace,
      run: (command, args, options) => runIn(namespace, command, args, options),
      start: (daemon, command, args, options) => startIn(namespace, daemon, command, args, options),
      capture: (interface_, filter) => captureIn(namespace, interface_, filter),
    };
  }

  #interfacesInUse(): Map<string, Set<string>> {
    const used = new Map(Object.keys(this.#topology.hosts).map((host) => [host, new Set(['lo'])]));
    for (const link of this.#topology.links)
      for (const end of link.ends) used.get(end.host)?.add(end.interface);
    for (const machine of this.#machines.values()) used.get(machine.host)?.add(machine.interface);
    return used;
  }
}
