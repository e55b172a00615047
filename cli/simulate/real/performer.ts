// A rehearsed node's part: what it sends, and what it tells of itself.
// Decides nothing of the traffic: that is the simulator's own player (lib/simulate/run), on this one node.
// Never changes the node.

import type { NodeId } from "../../../lib/base/mod.ts";
import type { Node } from "../../../lib/node/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import type { Session } from "../../../lib/session/mod.ts";
import {
  type Fact,
  followPaths,
  gaugesOf,
  ScenarioTraffic,
  SimulatedRandom,
  TOLD_EVENTS,
  type TrafficStation,
} from "../../../lib/simulate/mod.ts";
import type { Fates, Part, Sample } from "./channel.ts";

/** A node says what it holds this often. */
const SAMPLE_MS = 500;

/** Where a performer's reports go. */
export interface PerformerOutput {
  /** What happened to datagrams inside this process; null where nothing does. */
  readonly fates: Fates | null;
  tell(fact: Fact): void;
  sample(sample: Sample): void;
}

/** One life of one node. */
export class Performer {
  readonly #part: Part;
  readonly #platform: Platform;
  readonly #output: PerformerOutput;
  readonly #stations = new Map<string, TrafficStation>();
  readonly #self: TrafficStation | null;
  readonly #names: ReadonlyMap<string, string>;
  readonly #traffic: ScenarioTraffic;
  readonly #timers = new Set<number>();
  #sampler: number | undefined;

  constructor(part: Part, platform: Platform, output: PerformerOutput) {
    this.#part = part;
    this.#platform = platform;
    this.#output = output;
    const { scenario, seed, self, ids, doors, numbers, wanted } = part;
    this.#names = new Map(Object.entries(ids).map(([name, id]) => [id, name]));
    for (const plan of scenario.nodes) {
      const door = doors[plan.name];
      this.#stations.set(plan.name, {
        name: plan.name,
        plan,
        lastId: ids[plan.name] ?? null as NodeId | null,
        node: door === undefined ? null : { addresses: [door] },
        noteSession: (session) => this.#noteSession(session),
      });
    }
    this.#self = this.#stations.get(self) ?? null;
    // The names of streams are the simulator's, so that a seed chooses the same nodes and phases in both.
    const random = new SimulatedRandom(seed, "world/");
    const keyOf = (name: string): number | null | undefined => this.#stations.get(name)?.plan.key;
    this.#traffic = new ScenarioTraffic({
      scenario,
      stations: this.#stations,
      lastNumber: (traffic, from, to) => numbers[`${traffic}/${from}/${to}`] ?? 0,
      nowUs: () => this.#nowUs(),
      at: (atUs, run) => this.#at(atUs, run),
      random: (name) => random.stream(name),
      tell: (fact) => this.#output.tell(fact),
      isWanted: (kind) => wanted.includes(kind),
      sharesMesh: (a, b) => keyOf(a) === keyOf(b),
    });
  }

  /** The node has started; after an id conflict a second one. */
  onNode(node: Node): void {
    const { self } = this.#part;
    node.discovery?.onEvent(({ kind }) => {
      if (!TOLD_EVENTS.has(kind)) return;
      this.#output.tell({ kind: "discovery", atUs: this.#nowUs(), node: self, event: kind });
    });
    node.sessions.onAccepted((session) => this.#noteSession(session));
    if (this.#self !== null) this.#traffic.onReady(this.#self, node, this.#platform);
    this.#traffic.schedule();
    this.#sampler = setInterval(() => {
      this.#output.sample({
        fates: this.#output.fates,
        gauges: gaugesOf(node, this.#traffic.waiting(self)),
        sentBytes: node.discovery?.counters.sentBytes ?? null,
      });
    }, SAMPLE_MS);
  }

  /** The node is about to stop. */
  onStop(): void {
    clearInterval(this.#sampler);
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.#self !== null) this.#traffic.onDown(this.#self);
  }

  /** The watcher's own session is none of the scenario's. */
  #noteSession(session: Session): void {
    const peer = this.#names.get(session.peer.id);
    if (peer === undefined) return;
    const tell = (what: "open" | "lost" | "goodbye" | "closed"): void =>
      this.#output.tell({ kind: "session", atUs: this.#nowUs(), node: this.#part.self, peer, what });
    tell("open");
    followPaths(session, (taken) => {
      this.#output.tell({ kind: "path", atUs: this.#nowUs(), node: this.#part.self, peer, ...taken });
    });
    void session.ended.then((end) => tell(end.kind === "local" ? "closed" : end.kind));
  }

  #nowUs(): number {
    return Math.floor((performance.timeOrigin + performance.now() - this.#part.zeroMs) * 1000);
  }

  #at(atUs: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, Math.max(0, (atUs - this.#nowUs()) / 1000));
    this.#timers.add(timer);
  }
}
