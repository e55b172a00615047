// The ground that a rehearsal plays on: real hosts, and which ways between them are open.
// Has the face of the simulator's ground (lib/simulate/run), so that one and the same player of timelines serves both.
// What must run a program (`ip`, `tc`) runs in the order in which it was asked for, a few milliseconds later.

import { HanaError } from "../../../lib/base/mod.ts";
import type { RandomStream } from "../../../lib/platform/mod.ts";
import {
  type ClockChange,
  type LinkSpec,
  type NodePlan,
  type PathQuality,
  qualityOf,
  resolveSelector,
  type Scenario,
  SimulatedRandom,
} from "../../../lib/simulate/mod.ts";
import type { Impairments } from "./channel.ts";
import type { Attachment, RealHost, RealNetwork } from "./namespaces.ts";
import { type HostSurroundings, RehearsedHost } from "./rehearsed_host.ts";

/** Delays that real timers cannot play, and that a real network has by itself. */
const REAL_DELAY_US = 700;
/** A rate that no namespace notices. */
const REAL_RATE = 1_000_000_000;

const WRONG_INTERFACE = "wrong0";
const WRONG_ADDRESS = "172.30.0.1";

/** What the ground needs of its run. */
export interface GroundSurroundings {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly network: RealNetwork;
  nowUs(): number;
  /** Runs something at a moment of the run, unless the run is over by then. */
  at(atUs: number, run: () => void): void;
  /** What a host's processes must be told has changed. */
  onImpairments(host: string): void;
  /** Stops or continues a host's processes. */
  onFrozen(host: string, isFrozen: boolean): void;
  /** A program failed: the run cannot be trusted. */
  onFailure(error: HanaError): void;
}

/** The network of a rehearsal. */
export class RealGround {
  readonly world: {
    readonly nowUs: number;
    at(atUs: number, run: () => void): void;
    random(name: string): RandomStream;
  };
  /** Whether anything of the scenario is played inside the processes. */
  readonly isImpaired: boolean;
  readonly #around: GroundSurroundings;
  readonly #hosts = new Map<string, RehearsedHost>();
  readonly #cuts = new Map<string, number>();
  readonly #clogs = new Map<string, number>();
  readonly #isolated = new Map<string, number>();
  readonly #overrides = new Map<string, LinkSpec>();
  readonly #faulty = new Map<string, LinkSpec[]>();
  readonly #groupLoss = new Map<string, number[]>();
  readonly #pairChangedUs = new Map<string, number>();
  readonly #hostChangedUs = new Map<string, number>();
  #work: Promise<void> = Promise.resolve();
  #isCutsDue = false;

  constructor(around: GroundSurroundings) {
    const { scenario, seed } = around;
    this.#around = around;
    // The names are the simulator's, so that a seed chooses the same nodes in both.
    const random = new SimulatedRandom(seed, "world/");
    this.world = {
      get nowUs() {
        return around.nowUs();
      },
      at: (atUs, run) => around.at(atUs, run),
      random: (name) => random.stream(name),
    };
    const plans = new Map<string, Attachment[]>();
    for (const { host, interfaces } of scenario.nodes) {
      const attachments = plans.get(host) ?? [];
      for (const each of interfaces) {
        if (!attachments.some(({ name }) => name === each.name)) attachments.push(each);
      }
      plans.set(host, attachments);
    }
    for (const [name, attachments] of plans) {
      this.#hosts.set(name, new RehearsedHost(name, attachments, this.#hostSurroundings()));
    }
    for (const [index, override] of scenario.network.overrides.entries()) {
      const draws = this.world.random(`selector/override/${index}`);
      const from = resolveSelector(override.from, { nodes: scenario.nodes, random: draws });
      const to = resolveSelector(override.to, { nodes: scenario.nodes, random: draws });
      for (const [a, b] of this.pairs(scenario.nodes, from, to)) {
        this.#overrides.set(keyOf(a, b), override.link);
      }
    }
    this.isImpaired = needsImpairments(scenario);
  }

  /** Makes segments, hosts and cables. */
  async build(): Promise<void> {
    const { network, scenario } = this.#around;
    await network.addSegments(scenario.network.segments.map(({ name }) => name));
    await network.addHosts(new Map(Array.from(this.#hosts, ([name, host]) => [name, host.plan])));
  }

  /** Resolves when everything that was asked for is done. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Does something with programs, after what was asked for before. */
  enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((thrown) => {
      const error = thrown instanceof HanaError
        ? thrown
        : new HanaError("internal", { what: "the rehearsal's network", why: String(thrown) });
      this.#around.onFailure(error);
    });
  }

  /** The machine of a name. */
  host(name: string): RehearsedHost {
    const host = this.#hosts.get(name);
    if (host === undefined) {
      throw new HanaError("internal", { what: `machine ${name}`, why: "was never made" });
    }
    return host;
  }

  /** The directed pairs of different machines of these nodes, each once. */
  pairs(nodes: readonly NodePlan[], from: readonly string[], to: readonly string[]): [string, string][] {
    const hostOf = new Map(nodes.map((node) => [node.name, node.host]));
    const hosts = (names: readonly string[]): Set<string> =>
      new Set(names.flatMap((name) => hostOf.get(name) ?? []));
    const targets = hosts(to);
    return [...hosts(from)].flatMap((a) =>
      [...targets].flatMap((b): [string, string][] => a === b ? [] : [[a, b]])
    );
  }

  /** Cuts directions; the result undoes it. */
  cut(pairs: readonly (readonly [string, string])[]): () => void {
    return this.#countOn(this.#cuts, pairs.map(([a, b]) => keyOf(a, b)), () => this.#cutsChanged());
  }

  /** Holds the frames of directions; the result lets them out. */
  clog(pairs: readonly (readonly [string, string])[]): () => void {
    return this.#countOn(this.#clogs, pairs.map(([a, b]) => keyOf(a, b)), () => this.#tellTargets(pairs));
  }

  /** Cuts machines off from everybody; the result undoes it. */
  isolate(hosts: readonly string[]): () => void {
    return this.#countOn(this.#isolated, hosts, () => {
      for (const name of hosts) this.noteHost(name);
      this.#cutsChanged();
    });
  }

  /** Lets directions fare otherwise; the latest of several wins. The result undoes it. */
  setLink(pairs: readonly (readonly [string, string])[], link: LinkSpec): () => void {
    for (const [a, b] of pairs) {
      const stack = this.#faulty.get(keyOf(a, b));
      if (stack === undefined) this.#faulty.set(keyOf(a, b), [link]);
      else stack.push(link);
    }
    this.#tellTargets(pairs);
    this.#cutsChanged();
    return () => {
      for (const [a, b] of pairs) {
        const stack = this.#faulty.get(keyOf(a, b)) ?? [];
        const at = stack.lastIndexOf(link);
        if (at >= 0) stack.splice(at, 1);
      }
      this.#tellTargets(pairs);
      this.#cutsChanged();
    };
  }

  /** Loses multicast and broadcast from and to machines; the worst of several holds. The result undoes it. */
  loseGroups(hosts: readonly string[], share: number): () => void {
    const apply = (): void => {
      for (const name of hosts) this.noteHost(name);
      for (const name of this.#hosts.keys()) this.#around.onImpairments(name);
    };
    for (const name of hosts) this.#groupLoss.set(name, [...this.#groupLoss.get(name) ?? [], share]);
    apply();
    return () => {
      for (const name of hosts) {
        const losses = this.#groupLoss.get(name) ?? [];
        losses.splice(losses.indexOf(share), 1);
      }
      apply();
    };
  }

  /** Gives a machine an interface that leads nowhere and makes it the default one. The result undoes it. */
  addWrongInterface(name: string): () => void {
    const { network } = this.#around;
    this.enqueue(() => network.addStrayInterface(this.realHost(name), WRONG_INTERFACE, WRONG_ADDRESS));
    return () => {
      this.enqueue(() => network.changeInterface(this.realHost(name), WRONG_INTERFACE, "remove"));
    };
  }

  /** Lets a machine's wall clock go wrong. The result undoes it. */
  changeClock(name: string, change: ClockChange): () => void {
    return this.host(name).changeClock(change);
  }

  /** Something about a machine's connection has changed. */
  noteHost(name: string): void {
    this.#hostChangedUs.set(name, this.#around.nowUs());
  }

  /** Loses at the switch what is lost for everybody; harmless to ask for often. */
  #cutsChanged(): void {
    if (this.#isCutsDue) return;
    this.#isCutsDue = true;
    this.enqueue(() => {
      this.#isCutsDue = false;
      const lostFrom = new Map<string, Set<string>>();
      for (const to of this.#hosts.keys()) {
        const senders = [...this.#hosts.keys()].filter((from) => from !== to && this.#isCut(from, to));
        if (senders.length > 0) lostFrom.set(to, new Set(senders));
      }
      return this.#around.network.setCuts(lostFrom);
    });
  }

  #isCut(from: string, to: string): boolean {
    return (this.#cuts.get(keyOf(from, to)) ?? 0) > 0 || (this.#isolated.get(from) ?? 0) > 0 ||
      (this.#isolated.get(to) ?? 0) > 0 || (this.#linkOf(from, to)?.loss ?? 0) >= 1;
  }

  /** Whether frames of one machine reach another now. */
  canTalk(from: string, to: string): boolean {
    const [a, b] = [this.host(from), this.host(to)];
    if (!a.powered || !b.powered) return false;
    if (from === to) return true;
    if (this.#isCut(from, to)) return false;
    const theirs = b.usableSegments();
    return a.usableSegments().some((segment) => theirs.includes(segment));
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
    const groupLoss = Math.max(this.#worstGroupLoss(from), this.#worstGroupLoss(to));
    const clogged = (this.#clogs.get(keyOf(from, to)) ?? 0) > 0;
    if (clogged) return "poor";
    const found = qualityOf(this.#linkOf(from, to) ?? this.#segmentLink(from, to) ?? {});
    return found === "clean" && groupLoss > 0 ? "fair" : found;
  }

  /** What a host's processes are to be told. */
  impairmentsOf(self: string): Impairments {
    const from: Record<string, LinkSpec> = {};
    const groupLoss: Record<string, number> = {};
    const clogged: string[] = [];
    const hosts: Record<string, string> = {};
    for (const [name, host] of this.#hosts) {
      for (const address of host.addresses()) hosts[address] = name;
      if (name === self) continue;
      const link = this.#linkOf(name, self) ?? this.#segmentLink(name, self);
      if (link !== null && isPlayedInside(link)) from[name] = link;
      const loss = Math.max(this.#worstGroupLoss(name), this.#worstGroupLoss(self));
      if (loss > 0) groupLoss[name] = loss;
      if ((this.#clogs.get(keyOf(name, self)) ?? 0) > 0) clogged.push(name);
    }
    const { slowUs, clock } = this.host(self);
    return { seed: this.#around.seed, self, hosts, from, groupLoss, clogged, slowUs, clock };
  }

  #hostSurroundings(): HostSurroundings {
    const { network, onImpairments, onFrozen } = this.#around;
    return {
      onImpairments,
      onFrozen,
      changeInterface: (host, name, change) => {
        this.enqueue(() => network.changeInterface(this.realHost(host), name, change));
        // What was lost at a port that was made anew must be lost there again.
        if (change === "recreate") this.#cutsChanged();
      },
      setAddress: (host, name, address, prefix) =>
        this.enqueue(() => network.setAddress(this.realHost(host), name, address, prefix)),
    };
  }

  /** The namespace of a machine. */
  realHost(name: string): RealHost {
    return this.#around.network.host(name);
  }

  #worstGroupLoss(host: string): number {
    return Math.max(0, ...this.#groupLoss.get(host) ?? []);
  }

  #linkOf(from: string, to: string): LinkSpec | null {
    return this.#faulty.get(keyOf(from, to))?.at(-1) ?? this.#overrides.get(keyOf(from, to)) ?? null;
  }

  #segmentLink(from: string, to: string): LinkSpec | null {
    const theirs = this.host(to).usableSegments();
    const shared = this.host(from).usableSegments().find((segment) => theirs.includes(segment));
    return this.#around.scenario.network.segments.find(({ name }) => name === shared)?.link ?? null;
  }

  #tellTargets(pairs: readonly (readonly [string, string])[]): void {
    for (const [a, b] of pairs) this.#pairChangedUs.set(keyOf(a, b), this.#around.nowUs());
    for (const host of new Set(pairs.map(([, to]) => to))) this.#around.onImpairments(host);
  }

  #countOn(counts: Map<string, number>, keys: readonly string[], changed: () => void): () => void {
    const add = (by: number) => (): void => {
      for (const key of keys) {
        counts.set(key, (counts.get(key) ?? 0) + by);
        if (key.includes(">")) this.#pairChangedUs.set(key, this.#around.nowUs());
      }
      changed();
    };
    add(1)();
    return add(-1);
  }
}

/** Whether something of the scenario can only be played inside the processes. */
function needsImpairments({ network, timeline }: Scenario): boolean {
  return network.segments.some(({ link }) => isPlayedInside(link)) ||
    network.overrides.some(({ link }) => isPlayedInside(link)) ||
    timeline.some(({ action }) =>
      action.verb === "clog" || action.verb === "group-loss" || action.verb === "slow" ||
      action.verb === "clock" || action.verb === "link" && isPlayedInside(action.link)
    );
}

/** Whether a link differs from what namespaces give by themselves. Total loss is played at the switch. */
export function isPlayedInside(link: LinkSpec): boolean {
  const { delay, loss = 0, bitsPerSecond, group, datagrams } = link;
  const parts = [link.bursts, link.stall, link.duplicate, link.reorder, link.corrupt, link.mtuBytes];
  return parts.some((part) => part !== undefined && part !== 0) || (loss > 0 && loss < 1) ||
    (bitsPerSecond !== undefined && bitsPerSecond < REAL_RATE) ||
    (delay !== undefined && meanUs(delay) >= REAL_DELAY_US) ||
    (group !== undefined && isPlayedInside(group)) ||
    // Total loss of datagrams alone is not the switch's, which lets streams pass.
    (datagrams !== undefined && ((datagrams.loss ?? 0) > 0 || isPlayedInside(datagrams)));
}

function meanUs(delay: NonNullable<LinkSpec["delay"]>): number {
  switch (delay.kind) {
    case "constant":
      return delay.us;
    case "uniform":
      return (delay.minUs + delay.maxUs) / 2;
    case "exponential":
      return delay.minUs + delay.meanUs;
    case "lognormal":
      return delay.minUs + delay.medianUs * Math.exp(delay.sigma ** 2 / 2);
  }
}

const keyOf = (from: string, to: string): string => `${from}>${to}`;
