// The ground that a scenario plays on: the world, its segments and machines, and which ways are open.
// Decides what stands when several faults overlap on a pair of machines; answers what is true of the network without
// sending anything. Never decides when a fault begins or ends.

import { HanaError } from "../../base/mod.ts";
import {
  type LinkModel,
  type LinkSpec,
  type SimulatedHost,
  SimulatedWorld,
  SpecLink,
} from "../../platform/simulated/mod.ts";
import { resolveSelector } from "../language/mod.ts";
import type { PathQuality } from "../observe.ts";
import type { ClockChange, NodePlan, Scenario } from "../scenario.ts";
import { qualityOf } from "./quality.ts";

/** A link as it is played. */
interface PlayedLink {
  readonly spec: LinkSpec;
  readonly model: LinkModel;
  readonly quality: PathQuality;
}

/** Monotonic clocks begin somewhere in the first days of a machine. */
const MAX_UPTIME_US = 300_000_000_000;
/** The name of the interface that a confused machine prefers. */
const WRONG_INTERFACE = "wrong0";

/** World, machines and ways. */
export class Ground {
  readonly world: SimulatedWorld;
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #played = new Map<string, PlayedLink>();
  readonly #overrides = new Map<string, PlayedLink>();
  readonly #faulty = new Map<string, PlayedLink[]>();
  readonly #groupLoss = new Map<string, number[]>();
  readonly #pairChangedUs = new Map<string, number>();
  readonly #hostChangedUs = new Map<string, number>();
  readonly #segmentNames: string[] = [];

  /** @param onCrash told of exceptions that callbacks let out */
  constructor(scenario: Scenario, seed: number, onCrash: (error: HanaError) => void) {
    this.world = new SimulatedWorld({ seed, onCrash });
    for (const { name, link } of scenario.network.segments) {
      const played = this.#play(link);
      this.#segmentNames.push(name);
      this.#played.set(name, played);
      this.world.createSegment(name, { model: played.model });
    }
    for (const plan of scenario.nodes) this.#addHost(plan);
    for (const [index, override] of scenario.network.overrides.entries()) {
      const random = this.world.random(`selector/override/${index}`);
      const from = resolveSelector(override.from, { nodes: scenario.nodes, random });
      const to = resolveSelector(override.to, { nodes: scenario.nodes, random });
      const played = this.#play(override.link);
      for (const [a, b] of this.pairs(scenario.nodes, from, to)) this.#overrides.set(keyOf(a, b), played);
      this.#applyModels(this.pairs(scenario.nodes, from, to));
    }
  }

  /** The machine of a name. */
  host(name: string): SimulatedHost {
    const host = this.#hosts.get(name);
    if (host === undefined) {
      throw new HanaError("internal", { what: `machine ${name}`, why: "was never made" });
    }
    return host;
  }

  /** The directed pairs of different machines of these nodes, each once. */
  pairs(
    nodes: readonly NodePlan[],
    from: readonly string[],
    to: readonly string[],
  ): [from: string, to: string][] {
    const hostOf = new Map(nodes.map((node) => [node.name, node.host]));
    const hosts = (names: readonly string[]): Set<string> =>
      new Set(names.flatMap((name) => hostOf.get(name) ?? []));
    const targets = hosts(to);
    return [...hosts(from)].flatMap((a) =>
      [...targets].flatMap((b): [string, string][] => a === b ? [] : [[a, b]])
    );
  }

  // --- faults of ways -------------------------------------------------------------------------------------------

  /** Cuts directions; the result undoes it. */
  cut(pairs: readonly (readonly [string, string])[]): () => void {
    return this.#onPairs(pairs, (segment, a, b) => segment.cut(a, b), (segment, a, b) => segment.heal(a, b));
  }

  /** Holds the frames of directions; the result lets them out. */
  clog(pairs: readonly (readonly [string, string])[]): () => void {
    return this.#onPairs(
      pairs,
      (segment, a, b) => segment.clog(a, b),
      (segment, a, b) => segment.unclog(a, b),
    );
  }

  /** Cuts machines off from everybody; the result undoes it. */
  isolate(hosts: readonly string[]): () => void {
    const set = (on: boolean) => (): void => {
      for (const name of hosts) {
        this.host(name).network.isolate(on);
        this.noteHost(name);
      }
    };
    set(true)();
    return set(false);
  }

  /** Lets directions fare otherwise; the latest of several wins. The result undoes it. */
  setLink(pairs: readonly (readonly [string, string])[], link: LinkSpec): () => void {
    const played = this.#play(link);
    for (const [a, b] of pairs) {
      const stack = this.#faulty.get(keyOf(a, b));
      if (stack === undefined) this.#faulty.set(keyOf(a, b), [played]);
      else stack.push(played);
    }
    this.#applyModels(pairs);
    return () => {
      for (const [a, b] of pairs) {
        const stack = this.#faulty.get(keyOf(a, b)) ?? [];
        const at = stack.lastIndexOf(played);
        if (at >= 0) stack.splice(at, 1);
      }
      this.#applyModels(pairs);
    };
  }

  /** Loses multicast and broadcast from and to machines; the worst of several holds. The result undoes it. */
  loseGroups(hosts: readonly string[], share: number): () => void {
    const apply = (name: string): void => {
      this.host(name).network.setGroupLoss(Math.max(0, ...this.#groupLoss.get(name) ?? []));
      this.noteHost(name);
    };
    for (const name of hosts) {
      const losses = this.#groupLoss.get(name) ?? [];
      losses.push(share);
      this.#groupLoss.set(name, losses);
      apply(name);
    }
    return () => {
      for (const name of hosts) {
        const losses = this.#groupLoss.get(name) ?? [];
        losses.splice(losses.indexOf(share), 1);
        apply(name);
      }
    };
  }

  /** Gives a machine an interface that leads nowhere and makes it the default one. The result undoes it. */
  addWrongInterface(name: string): () => void {
    const host = this.host(name);
    const before = host.network.defaultInterface;
    if (host.network.find(WRONG_INTERFACE) !== null) return () => {};
    host.addInterface({
      name: WRONG_INTERFACE,
      segment: `nowhere-${name}`,
      address: "172.30.0.1",
      prefix: 16,
    });
    host.network.defaultInterface = WRONG_INTERFACE;
    return () => {
      if (host.network.find(WRONG_INTERFACE) !== null) host.removeInterface(WRONG_INTERFACE);
      host.network.defaultInterface = before;
    };
  }

  /** Lets a machine's wall clock go wrong. The result undoes it. */
  changeClock(name: string, change: ClockChange): () => void {
    const { clocks } = this.host(name);
    switch (change.kind) {
      case "offset": {
        const before = clocks.wallOffsetMs;
        clocks.wallOffsetMs = change.ms;
        return () => clocks.wallOffsetMs = before;
      }
      case "step":
        clocks.wallOffsetMs += change.ms;
        return () => clocks.wallOffsetMs -= change.ms;
      case "drift":
        clocks.drift(this.world.nowUs, change.ppm);
        return () => clocks.drift(this.world.nowUs, 0);
      case "sine":
        clocks.swing(this.world.nowUs, change.amplitudeMs, change.periodUs);
        return () => clocks.swing(this.world.nowUs, 0, change.periodUs);
    }
  }

  /** Something about a machine's connection has changed. */
  noteHost(name: string): void {
    this.#hostChangedUs.set(name, this.world.nowUs);
  }

  // --- what is true ---------------------------------------------------------------------------------------------

  /** Whether frames of one machine reach another now. */
  canTalk(from: string, to: string): boolean {
    return this.world.canTalk(from, to);
  }

  /** Since when nothing has changed between two machines. */
  unchangedSinceUs(from: string, to: string): number {
    return Math.max(
      this.#hostChangedUs.get(from) ?? 0,
      this.#hostChangedUs.get(to) ?? 0,
      this.#pairChangedUs.get(keyOf(from, to)) ?? 0,
    );
  }

  /** How well frames of one machine reach another now. */
  quality(from: string, to: string): PathQuality {
    if (!this.canTalk(from, to)) return "none";
    if (from === to) return "clean";
    const special = this.#faulty.get(keyOf(from, to))?.at(-1) ?? this.#overrides.get(keyOf(from, to));
    const groupLoss = Math.max(this.#worstGroupLoss(from), this.#worstGroupLoss(to));
    const found = special?.quality ?? this.#segmentQuality(from, to);
    return found === "clean" && groupLoss > 0 ? "fair" : found;
  }

  #worstGroupLoss(host: string): number {
    const losses = this.#groupLoss.get(host);
    return losses === undefined ? 0 : Math.max(0, ...losses);
  }

  #segmentQuality(from: string, to: string): PathQuality {
    const theirs = this.host(to).network.interfaces;
    for (const { segment, usable } of this.host(from).network.interfaces) {
      if (segment === null || !usable || !theirs.some((each) => each.segment === segment)) continue;
      return this.#played.get(segment.name)?.quality ?? "clean";
    }
    return "clean";
  }

  #addHost(plan: NodePlan): void {
    let host = this.#hosts.get(plan.host);
    if (host === undefined) {
      const uptimeUs = this.world.random(`uptime/${plan.host}`).u32() / 2 ** 32 * MAX_UPTIME_US;
      host = this.world.createHost({
        name: plan.host,
        monotonicOffsetUs: Math.floor(uptimeUs),
        ...(plan.interfaces[0] === undefined ? {} : { defaultInterface: plan.interfaces[0].name }),
      });
      this.#hosts.set(plan.host, host);
    }
    for (const each of plan.interfaces) if (host.network.find(each.name) === null) host.addInterface(each);
  }

  #play(spec: LinkSpec): PlayedLink {
    return { spec, model: new SpecLink(spec), quality: qualityOf(spec) };
  }

  #applyModels(pairs: readonly (readonly [string, string])[]): void {
    for (const [a, b] of pairs) {
      const played = this.#faulty.get(keyOf(a, b))?.at(-1) ?? this.#overrides.get(keyOf(a, b));
      for (const name of this.#segmentNames) this.world.segment(name).setModel(a, b, played?.model ?? null);
      this.#pairChangedUs.set(keyOf(a, b), this.world.nowUs);
    }
  }

  #onPairs(
    pairs: readonly (readonly [string, string])[],
    begin: (segment: Segment, from: string, to: string) => void,
    end: (segment: Segment, from: string, to: string) => void,
  ): () => void {
    const each = (what: typeof begin) => (): void => {
      for (const [a, b] of pairs) {
        for (const name of this.#segmentNames) what(this.world.segment(name), a, b);
        this.#pairChangedUs.set(keyOf(a, b), this.world.nowUs);
      }
    };
    each(begin)();
    return each(end);
  }
}

type Segment = ReturnType<SimulatedWorld["segment"]>;

const keyOf = (from: string, to: string): string => `${from}>${to}`;
