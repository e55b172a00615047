// Plays a scenario's timeline: settles who is meant, does it, undoes it when its time is over.
// Decides what each verb does to the world and what ends with the quiet tail. Never judges what comes of it.

import { HanaError } from "../../base/mod.ts";
import type { RandomStream } from "../../platform/mod.ts";
import { resolveSelector } from "../language/mod.ts";
import type { Fact } from "../observe.ts";
import type { ProgramAction } from "../program_plan.ts";
import type {
  Action,
  ClockChange,
  LinkSpec,
  NodePlan,
  Scenario,
  Selector,
  TimedAction,
} from "../scenario.ts";
import { isStateAction, type StateAction } from "../state_plan.ts";
import { textOf } from "./fault_text.ts";

/** What the timeline is played on: a simulated ground, or a real one (`hana simulate --real`). */
export interface FaultSurroundings {
  readonly scenario: Scenario;
  readonly ground: FaultGround;
  readonly stations: ReadonlyMap<string, FaultStation>;
  tell(fact: Fact): void;
  /** Where there are programs. */
  readonly programs?: FaultPrograms | undefined;
  /** Where there is shared state. */
  readonly state?: FaultState | undefined;
  /** Told when a machine has lost its power. */
  onPowerLost?(host: string): void;
  /** Who may act as leader now; where nobody knows, the first app stands for it. */
  leaders?(): readonly string[];
}

/** A node whose process comes and goes. */
export interface FaultStation {
  readonly plan: NodePlan;
  readonly name: string;
  readonly isRunning: boolean;
  start(software?: string): void;
  crash(): void;
  losePower(): void;
  leave(then?: () => void): void;
  restart(software?: string): void;
}

/** Programs to which a timeline does something. */
export interface FaultPrograms {
  /** The nodes of these that have such a program. */
  having(chosen: readonly string[], pattern: string): string[];
  /** Plays a verb; returns how to take it back, null where that cannot be. */
  play(
    action: ProgramAction,
    chosen: readonly string[],
    chooseAskers: () => readonly string[],
  ): (() => void) | null;
}

/** Shared state to which a timeline does something. */
export interface FaultState {
  /** Who hosts now: the newest term. */
  hostNames(): readonly string[];
  /** Plays a verb; returns how to take it back, null where that cannot be. */
  play(action: StateAction, occasion: {
    /** Of the action. */
    readonly id: string;
    readonly chosen: readonly string[];
    /** 0 without an end. */
    readonly forUs: number;
    /** Plays another action now. */
    begin(timed: TimedAction): void;
  }): (() => void) | null;
}

/** A machine that something happens to. */
export interface FaultHost {
  readonly powered: boolean;
  readonly network: { find(name: string): { readonly addresses: readonly HostAddress[] } | null };
  freeze(): void;
  thaw(): void;
  slow(extraUs: number): void;
  setInterfaceUp(name: string, isUp: boolean): void;
  removeInterface(name: string): void;
  addInterface(plan: NodePlan["interfaces"][number]): unknown;
  setAddresses(name: string, addresses: readonly HostAddress[]): void;
  crash(): void;
  restart(): void;
}

interface HostAddress {
  readonly address: string;
  readonly prefix: number;
}

type Pairs = readonly (readonly [from: string, to: string])[];

/** Machines, the ways between them, and the time. What begins something returns how to end it. */
export interface FaultGround {
  readonly world: {
    readonly nowUs: number;
    at(atUs: number, run: () => void): void;
    random(name: string): RandomStream;
  };
  host(name: string): FaultHost;
  pairs(nodes: readonly NodePlan[], from: readonly string[], to: readonly string[]): [string, string][];
  cut(pairs: Pairs): () => void;
  clog(pairs: Pairs): () => void;
  isolate(hosts: readonly string[]): () => void;
  setLink(pairs: Pairs, link: LinkSpec): () => void;
  loseGroups(hosts: readonly string[], share: number): () => void;
  addWrongInterface(host: string): () => void;
  changeClock(host: string, change: ClockChange): () => void;
  noteHost(host: string): void;
}

/** What an action did. */
interface Done {
  readonly chosen: readonly string[];
  /** Takes it back; null where nothing can be taken back. */
  readonly undo: (() => void) | null;
  /** Whether the quiet tail ends it, if nothing else has. */
  readonly endsWithQuiet: boolean;
}

interface Running {
  readonly timed: TimedAction;
  readonly done: Done;
}

/** Verbs that `heal` ends. */
const HEALED: ReadonlySet<Action["verb"]> = new Set(["partition", "isolate", "cut", "clog"]);

/** Plays the timeline. */
export class Faults {
  readonly #around: FaultSurroundings;
  readonly #running = new Set<Running>();
  readonly #stalls = new Map<string, number>();
  readonly #lastStallUs = new Map<string, number>();
  readonly #frozen = new Map<string, number>();
  readonly #slows = new Map<string, number[]>();

  constructor(around: FaultSurroundings) {
    this.#around = around;
  }

  /** Plans every action of the timeline. */
  schedule(): void {
    const { scenario, ground } = this.#around;
    for (const timed of scenario.timeline) ground.world.at(timed.atUs, () => this.#begin(timed));
  }

  /** Whether a machine is frozen or slow now, or was within the last `withinUs`. */
  wasStalled(host: string, withinUs: number): boolean {
    if ((this.#stalls.get(host) ?? 0) > 0) return true;
    const lastUs = this.#lastStallUs.get(host);
    return lastUs !== undefined && this.#around.ground.world.nowUs - lastUs <= withinUs;
  }

  /** Whether nothing runs on a machine now. */
  isFrozen(host: string): boolean {
    return (this.#frozen.get(host) ?? 0) > 0;
  }

  /** Ends what still hurts the network or holds a machine: what follows is quiet. */
  endForQuiet(): void {
    for (const running of [...this.#running]) if (running.done.endsWithQuiet) this.#end(running);
  }

  #begin(timed: TimedAction): void {
    const done = this.#play(timed);
    this.#tell(timed, "begin", done.chosen);
    if (done.undo === null) return;
    const running = { timed, done };
    this.#running.add(running);
    if (timed.forUs === undefined) return;
    const { world } = this.#around.ground;
    world.at(world.nowUs + timed.forUs, () => this.#end(running));
  }

  #end(running: Running): void {
    // It may have been healed, or ended by the quiet tail, before its time was over.
    if (!this.#running.delete(running)) return;
    running.done.undo?.();
    this.#tell(running.timed, "end", running.done.chosen);
  }

  #tell({ id, action }: TimedAction, phase: "begin" | "end", chosen: readonly string[]): void {
    this.#around.tell({
      kind: "fault",
      atUs: this.#around.ground.world.nowUs,
      action: id,
      phase,
      verb: action.verb,
      chosen,
      text: textOf(action, chosen),
    });
  }

  #play({ id, action, forUs }: TimedAction): Done {
    const { ground, scenario } = this.#around;
    // One stream an action: a draw for one shifts no draw for another.
    const random = ground.world.random(`selector/${id}`);
    const select = (selector: Selector): string[] => this.#select(selector, random);
    switch (action.verb) {
      case "partition": {
        const groups = action.groups.map(select);
        const named = new Set(groups.flat());
        // One group alone stands against all the others.
        if (groups.length === 1) {
          groups.push(scenario.nodes.map(({ name }) => name).filter((name) => !named.has(name)));
        }
        const pairs = groups.flatMap((group, index) =>
          groups.flatMap((other, at) => at === index ? [] : ground.pairs(scenario.nodes, group, other))
        );
        return whileHurt(groups.flat(), ground.cut(pairs));
      }
      case "isolate": {
        const chosen = select(action.nodes);
        return whileHurt(chosen, ground.isolate(this.#hostsOf(chosen)));
      }
      case "cut": {
        const [from, to] = [select(action.from), select(action.to)];
        return whileHurt(union(from, to), ground.cut(ground.pairs(scenario.nodes, from, to)));
      }
      case "clog": {
        const [from, to] = [select(action.from), select(action.to)];
        return whileHurt(union(from, to), ground.clog(ground.pairs(scenario.nodes, from, to)));
      }
      case "link": {
        const [from, to] = [select(action.from), select(action.to)];
        const pairs = ground.pairs(scenario.nodes, from, to);
        return whileHurt(union(from, to), ground.setLink(pairs, action.link));
      }
      case "group-loss": {
        const chosen = select(action.nodes);
        return whileHurt(chosen, ground.loseGroups(this.#hostsOf(chosen), action.loss));
      }
      case "heal":
        for (const running of [...this.#running]) {
          if (HEALED.has(running.timed.action.verb)) this.#end(running);
        }
        return once([]);
      case "interface":
        return this.#changeInterface(select(action.nodes), action.name, action.change);
      case "wrong-interface":
        return this.#onHosts(select(action.nodes), (host) => ground.addWrongInterface(host));
      case "address":
        return this.#onHosts(select(action.nodes), (name) => {
          const host = ground.host(name);
          const before = host.network.find(action.name)?.addresses ?? [];
          host.setAddresses(action.name, [{ address: action.address, prefix: action.prefix }]);
          ground.noteHost(name);
          return () => {
            host.setAddresses(action.name, before);
            ground.noteHost(name);
          };
        });
      case "freeze": {
        const chosen = select(action.nodes);
        return whileHurt(chosen, this.#stall(this.#hostsOf(chosen), (host) => this.#freeze(host)));
      }
      case "slow": {
        const chosen = select(action.nodes);
        const undo = this.#stall(this.#hostsOf(chosen), (host) => this.#slow(host, action.extraUs));
        return whileHurt(chosen, undo);
      }
      case "clock":
        return this.#onHosts(select(action.nodes), (host) => ground.changeClock(host, action.change));
      case "crash":
        return this.#onStations(select(action.nodes), (station) => {
          station.crash();
          return () => station.start();
        });
      case "power-loss":
        return this.#losePower(select(action.nodes));
      case "leave":
        return this.#onStations(select(action.nodes), (station) => {
          station.leave();
          return () => station.start();
        });
      case "start":
        return this.#onStations(select(action.nodes), (station) => {
          station.start();
          return null;
        });
      case "restart":
        return this.#restart(select(action.nodes), action.software, forUs !== undefined);
      case "mark":
        return once([]);
      default:
        if (isStateAction(action)) return this.#playState(id, action, forUs, select);
        return this.#playProgram(action, select);
    }
  }

  #playState(
    id: string,
    action: StateAction,
    forUs: number | undefined,
    select: (selector: Selector) => string[],
  ): Done {
    const chosen = select(action.nodes);
    const undo = this.#around.state?.play(action, {
      id,
      chosen,
      forUs: forUs ?? 0,
      begin: (timed) => this.#begin(timed),
    }) ?? null;
    return { chosen, undo, endsWithQuiet: true };
  }

  #playProgram(action: ProgramAction, select: (selector: Selector) => string[]): Done {
    const { programs, scenario } = this.#around;
    const all = select(action.nodes);
    if (programs === undefined) return once([]);
    const chosen = "program" in action ? programs.having(all, action.program) : all;
    const undo = programs.play(action, chosen, () => {
      if ("from" in action && action.from !== undefined) return select(action.from);
      return scenario.nodes.filter(({ role }) => role === "app").map(({ name }) => name);
    });
    return { chosen, undo, endsWithQuiet: true };
  }

  #restart(chosen: readonly string[], software: string | undefined, staysAway: boolean): Done {
    return this.#onStations(chosen, (station) => {
      if (!staysAway) {
        station.restart(software);
        return null;
      }
      let isDown = false;
      let isDue = false;
      // Leaving may take longer than it was to stay away.
      station.leave(() => {
        isDown = true;
        if (isDue) station.start(software);
      });
      return () => {
        isDue = true;
        if (isDown) station.start(software);
      };
    });
  }

  #select(selector: Selector, random: RandomStream): string[] {
    const { nodes } = this.#around.scenario;
    const leaders = () => this.#around.leaders?.() ?? [];
    const hosts = () => this.#around.state?.hostNames() ?? [];
    return resolveSelector(selector, { nodes, random, leaders, hosts });
  }

  #station(name: string): FaultStation {
    const station = this.#around.stations.get(name);
    if (station === undefined) {
      throw new HanaError("internal", { what: `node ${name}`, why: "was never made" });
    }
    return station;
  }

  #hostsOf(names: readonly string[]): string[] {
    return [...new Set(names.map((name) => this.#station(name).plan.host))];
  }

  #onHosts(chosen: readonly string[], play: (host: string) => () => void): Done {
    const undos = this.#hostsOf(chosen).map(play);
    return { chosen, undo: () => undos.forEach((undo) => undo()), endsWithQuiet: false };
  }

  #onStations(chosen: readonly string[], play: (station: FaultStation) => (() => void) | null): Done {
    const undos = chosen.flatMap((name) => play(this.#station(name)) ?? []);
    return {
      chosen,
      undo: undos.length === 0 ? null : () => undos.forEach((undo) => undo()),
      endsWithQuiet: false,
    };
  }

  #losePower(chosen: readonly string[]): Done {
    const hosts = this.#hostsOf(chosen);
    const hit: FaultStation[] = [];
    for (const name of hosts) {
      this.#around.onPowerLost?.(name);
      this.#around.ground.host(name).crash();
      this.#around.ground.noteHost(name);
      for (const station of this.#around.stations.values()) {
        if (station.plan.host !== name || !station.isRunning) continue;
        station.losePower();
        hit.push(station);
      }
    }
    const undo = (): void => {
      for (const name of hosts) {
        const host = this.#around.ground.host(name);
        if (!host.powered) host.restart();
        this.#around.ground.noteHost(name);
      }
      for (const station of hit) station.start();
    };
    return { chosen: hit.map((station) => station.name), undo, endsWithQuiet: false };
  }

  #changeInterface(
    chosen: readonly string[],
    name: string,
    change: "down" | "up" | "remove" | "recreate",
  ): Done {
    const { ground } = this.#around;
    const done = this.#onHosts(chosen, (hostName) => {
      const host = ground.host(hostName);
      const set = (what: typeof change): void => {
        const found = host.network.find(name);
        if (what === "recreate") this.#recreate(hostName, name);
        else if (found !== null && what === "remove") host.removeInterface(name);
        else if (found !== null) host.setInterfaceUp(name, what === "up");
        ground.noteHost(hostName);
      };
      set(change);
      return () => {
        if (change === "down") set("up");
        else if (change === "remove") set("recreate");
      };
    });
    return change === "up" || change === "recreate" ? once(done.chosen) : done;
  }

  #recreate(hostName: string, name: string): void {
    const host = this.#around.ground.host(hostName);
    if (host.network.find(name) !== null) host.removeInterface(name);
    const plan = this.#around.scenario.nodes.find((node) =>
      node.host === hostName && node.interfaces.some((each) => each.name === name)
    );
    const wanted = plan?.interfaces.find((each) => each.name === name);
    if (wanted !== undefined) host.addInterface(wanted);
  }

  #stall(hosts: readonly string[], play: (host: string) => () => void): () => void {
    const undos = hosts.map((host) => {
      this.#stalls.set(host, (this.#stalls.get(host) ?? 0) + 1);
      const undo = play(host);
      return () => {
        this.#stalls.set(host, Math.max(0, (this.#stalls.get(host) ?? 0) - 1));
        this.#lastStallUs.set(host, this.#around.ground.world.nowUs);
        undo();
      };
    });
    return () => undos.forEach((undo) => undo());
  }

  #freeze(name: string): () => void {
    const host = this.#around.ground.host(name);
    host.freeze();
    this.#frozen.set(name, (this.#frozen.get(name) ?? 0) + 1);
    return () => {
      this.#frozen.set(name, Math.max(0, (this.#frozen.get(name) ?? 0) - 1));
      host.thaw();
    };
  }

  #slow(name: string, extraUs: number): () => void {
    const host = this.#around.ground.host(name);
    const extras = this.#slows.get(name) ?? [];
    this.#slows.set(name, extras);
    extras.push(extraUs);
    host.slow(Math.max(...extras));
    return () => {
      extras.splice(extras.indexOf(extraUs), 1);
      host.slow(Math.max(0, ...extras));
    };
  }
}

function once(chosen: readonly string[]): Done {
  return { chosen, undo: null, endsWithQuiet: false };
}

function whileHurt(chosen: readonly string[], undo: () => void): Done {
  return { chosen, undo, endsWithQuiet: true };
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}
