// What is true of a run: who is alive, who can talk to whom, what everybody believes.
// Decides nothing; reads the world and the nodes from outside and sends nothing.

import type { NodeId } from "../../base/mod.ts";
import { DEFAULT_MAX_PEERS } from "../../discovery/mod.ts";
import { LANES } from "../../lanes/mod.ts";
import { DEFAULT_MAX_SESSIONS, type Node } from "../../node/mod.ts";
import type { ProgramSnapshot } from "../../supervision/mod.ts";
import type { DatagramCounts, Gauge, LeaseStanding, LivingProgram, Oracle, PathQuality } from "../observe.ts";
import type { Scenario } from "../scenario.ts";
import type { Faults } from "./faults.ts";
import type { Ground } from "./ground.ts";
import type { StateOracle } from "../state_facts.ts";
import type { ProgramStage } from "./programs/mod.ts";
import type { Listed, Station } from "./station.ts";
import type { Traffic } from "./traffic.ts";

/** Messages that a kept session lets wait (lib/session/keeper.ts). */
const MAX_WAITING = 1024;

const NOTHING_LIVES: LivingProgram = { leaders: 0, processes: 0, shims: 0, inKernel: false };
const NOBODY: ReadonlyMap<string, Listed> = new Map();

/** What an oracle looks at. */
export interface OracleSurroundings {
  readonly scenario: Scenario;
  readonly ground: Ground;
  readonly stations: ReadonlyMap<string, Station>;
  readonly faults: Faults;
  readonly traffic: Traffic;
  /** Not given where there are none. */
  readonly programs?: ProgramStage | undefined;
  readonly state?: StateOracle | undefined;
  phase(): Oracle["phase"];
}

/** The oracle of a simulated run. */
export class RunOracle implements Oracle {
  readonly nodes: readonly string[];
  readonly #around: OracleSurroundings;
  /** Who has had an id, the first one first. */
  readonly #holders = new Map<string, Station[]>();

  constructor(around: OracleSurroundings) {
    this.#around = around;
    this.nodes = around.scenario.nodes.map(({ name }) => name);
  }

  get nowUs(): number {
    return this.#around.ground.world.nowUs;
  }

  get phase(): Oracle["phase"] {
    return this.#around.phase();
  }

  /** A life has begun under an id. */
  noteId(station: Station, id: NodeId): void {
    const holders = this.#holders.get(id);
    if (holders === undefined) this.#holders.set(id, [station]);
    else if (!holders.includes(station)) holders.push(station);
  }

  isUp(node: string): boolean {
    return this.#around.stations.get(node)?.isUp ?? false;
  }

  sinceUs(node: string): number {
    return this.#around.stations.get(node)?.sinceUs ?? 0;
  }

  wasStalled(node: string, withinUs: number): boolean {
    const station = this.#around.stations.get(node);
    return station !== undefined && this.#around.faults.wasStalled(station.plan.host, withinUs);
  }

  canTalk(from: string, to: string): boolean {
    const [a, b] = this.#hosts(from, to);
    return this.#around.ground.canTalk(a, b);
  }

  canTalkSinceUs(from: string, to: string): number {
    const [a, b] = this.#hosts(from, to);
    return this.#around.ground.unchangedSinceUs(a, b);
  }

  quality(from: string, to: string): PathQuality {
    const [a, b] = this.#hosts(from, to);
    return this.#around.ground.quality(a, b);
  }

  sharesMesh(a: string, b: string): boolean {
    const [one, other] = [this.#around.stations.get(a), this.#around.stations.get(b)];
    return one !== undefined && other !== undefined && one.plan.key === other.plan.key;
  }

  nameOf(id: string): string | null {
    for (const station of this.#holders.get(id) ?? []) if (station.lastId === id) return station.name;
    return null;
  }

  view(observer: string): ReadonlyMap<string, Listed> {
    return this.#around.stations.get(observer)?.view ?? NOBODY;
  }

  currentName(node: string): string | null {
    return this.#around.stations.get(node)?.node?.name ?? null;
  }

  currentId(node: string): NodeId | null {
    return this.#around.stations.get(node)?.node?.id ?? null;
  }

  gauges(name: string): readonly Gauge[] {
    const node = this.#around.stations.get(name)?.node ?? null;
    return node === null ? [] : gaugesOf(node, this.#around.traffic.waiting(name));
  }

  sentBytes(name: string): number | null {
    return this.#around.stations.get(name)?.node?.discovery?.counters.sentBytes ?? null;
  }

  datagrams(name: string): DatagramCounts | null {
    return this.#around.stations.get(name)?.node?.discovery?.counters ?? null;
  }

  lease(name: string): LeaseStanding | null {
    const station = this.#around.stations.get(name);
    const discovery = station?.node?.discovery ?? null;
    if (station === undefined || discovery === null) return null;
    if (this.#around.faults.isFrozen(station.plan.host)) return null;
    const { leader, voters } = discovery.lease;
    return {
      actsBy: discovery.leaseToken,
      follows: leader?.token ?? null,
      mode: leader?.mode ?? null,
      lineage: voters?.lineage ?? null,
      refused: station.node?.leadership.commands.counters.stale ?? 0,
    };
  }

  /** Whether a node may act as leader now. */
  isLeading(name: string): boolean {
    return (this.lease(name)?.actsBy ?? null) !== null;
  }

  drops(name: string): number | null {
    const node = this.#around.stations.get(name)?.node ?? null;
    if (node === null) return null;
    let drops = 0;
    const dropped = node.discovery?.counters.dropped;
    // Having nowhere to send from is a fault of the network, no full queue.
    for (const [why, count] of Object.entries(dropped ?? {})) if (why !== "no-link") drops += count;
    for (const session of node.sessions.all()) {
      if (!session.isOpen) continue;
      for (const { droppedOldest, refusedFull } of Object.values(session.statistics().lanes)) {
        drops += droppedOldest + refusedFull;
      }
    }
    return drops;
  }

  program(node: string, program: string): ProgramSnapshot | null {
    return this.#around.programs?.shown(node, program) ?? null;
  }

  lives(node: string, program: string): LivingProgram {
    return this.#around.programs?.lives(node, program) ?? NOTHING_LIVES;
  }

  programCounters(node: string): Readonly<Record<string, number>> | null {
    return this.#around.programs?.counters(node) ?? null;
  }

  get state(): StateOracle | null {
    return this.#around.state ?? null;
  }

  monotonicUs(name: string): number | null {
    return this.#around.stations.get(name)?.platform?.clock.nowUs() ?? null;
  }

  #hosts(from: string, to: string): [string, string] {
    const { stations } = this.#around;
    return [stations.get(from)?.plan.host ?? from, stations.get(to)?.plan.host ?? to];
  }
}

/** What a node holds beside the bounds on it; `waiting` is what its traffic keeps for want of a session. */
export function gaugesOf(node: Node, waiting: number | null): Gauge[] {
  const gauges: Gauge[] = [
    { name: "nodes listed", value: node.discovery?.registry.size ?? 0, bound: DEFAULT_MAX_PEERS },
    { name: "sessions", value: node.sessions.size, bound: DEFAULT_MAX_SESSIONS },
  ];
  if (waiting !== null) gauges.push({ name: "messages that wait", value: waiting, bound: MAX_WAITING });
  for (const session of node.sessions.all()) {
    if (!session.isOpen) continue;
    const { lanes } = session.statistics();
    for (const lane of Object.values(LANES)) {
      const value = lanes[lane.name as keyof typeof lanes].queuedMessages;
      if (value > 0) gauges.push({ name: `${lane.name} queue`, value, bound: lane.maxQueuedMessages });
    }
  }
  return gauges;
}
