// A run that a test makes up: an oracle whose truth it sets, and an observer that is told facts.

import type { NodeId } from "../../../../lib/base/mod.ts";
import {
  type DatagramCounts,
  type Fact,
  type FrameSample,
  type Gauge,
  type LeaseStanding,
  type MetricValue,
  type ObserverDefinition,
  type Oracle,
  type PathQuality,
  type Scenario,
  type Violation,
} from "../../../../lib/simulate/mod.ts";
import { nodes, plan } from "../run/plans.ts";

type Listed = { readonly state: string; readonly incarnation: number; readonly sinceUs: number };

/** An id that is easy to read. */
export const idOf = (name: string): NodeId => `id-of-${name}` as NodeId;

/** An oracle that says what it is told to. Everybody has been up and reachable for an hour unless said otherwise. */
export class FakeOracle implements Oracle {
  nowUs = 3_600_000_000;
  phase: Oracle["phase"] = "active";
  readonly nodes: readonly string[];
  readonly down = new Set<string>();
  readonly since = new Map<string, number>();
  readonly stalled = new Set<string>();
  readonly ways = new Map<string, { quality: PathQuality; sinceUs: number }>();
  readonly strangers = new Set<string>();
  readonly views = new Map<string, Map<string, Listed>>();
  readonly names = new Map<string, string>();
  readonly ids = new Map<string, NodeId>();
  readonly held = new Map<string, Gauge[]>();
  readonly sent = new Map<string, number>();
  readonly clocks = new Map<string, number>();
  readonly leases = new Map<string, LeaseStanding>();
  counts: (node: string) => DatagramCounts | null = () => null;

  constructor(names: readonly string[]) {
    this.nodes = names;
  }

  isUp(node: string): boolean {
    return !this.down.has(node);
  }
  sinceUs(node: string): number {
    return this.since.get(node) ?? 0;
  }
  wasStalled(node: string): boolean {
    return this.stalled.has(node);
  }
  canTalk(from: string, to: string): boolean {
    return this.quality(from, to) !== "none";
  }
  canTalkSinceUs(from: string, to: string): number {
    return this.ways.get(`${from}>${to}`)?.sinceUs ?? 0;
  }
  quality(from: string, to: string): PathQuality {
    return this.ways.get(`${from}>${to}`)?.quality ?? "clean";
  }
  sharesMesh(a: string, b: string): boolean {
    return this.strangers.has(a) === this.strangers.has(b);
  }
  nameOf(id: string): string | null {
    return this.nodes.find((name) => this.currentId(name) === id) ?? null;
  }
  view(observer: string): ReadonlyMap<string, Listed> {
    return this.views.get(observer) ?? new Map();
  }
  currentName(node: string): string | null {
    return this.isUp(node) ? this.names.get(node) ?? node : null;
  }
  currentId(node: string): NodeId | null {
    return this.isUp(node) ? this.ids.get(node) ?? idOf(node) : null;
  }
  gauges(node: string): readonly Gauge[] {
    return this.held.get(node) ?? [];
  }
  sentBytes(node: string): number | null {
    return this.isUp(node) ? this.sent.get(node) ?? 0 : null;
  }
  datagrams(node: string): DatagramCounts | null {
    return this.counts(node);
  }
  lease(node: string): LeaseStanding | null {
    return this.isUp(node) ? this.leases.get(node) ?? null : null;
  }
  monotonicUs(node: string): number | null {
    return this.isUp(node) ? this.clocks.get(node) ?? this.nowUs : null;
  }

  /** Lets `observer` list `subject`. */
  list(observer: string, subject: string, state: string, incarnation = 1): void {
    const view = this.views.get(observer) ?? new Map<string, Listed>();
    view.set(subject, { state, incarnation, sinceUs: this.nowUs });
    this.views.set(observer, view);
  }

  /** Everybody lists everybody as alive. */
  listAll(): void {
    for (const a of this.nodes) for (const b of this.nodes) if (a !== b) this.list(a, b, "alive");
  }
}

/** An observer under test. */
export class FakeRun {
  readonly oracle: FakeOracle;
  readonly violations: Omit<Violation, "atUs">[] = [];
  readonly claims: string[] = [];
  readonly #observer;

  constructor(definition: ObserverDefinition, scenario: Scenario = plan({ nodes: nodes(3) })) {
    this.oracle = new FakeOracle(scenario.nodes.map(({ name }) => name));
    this.#observer = definition.create({
      scenario,
      seed: 1,
      oracle: this.oracle,
      violate: (violation) => this.violations.push(violation),
      claim: (name) => this.claims.push(name),
    });
  }

  /** Ids of what was violated. */
  get ids(): string[] {
    return this.violations.map(({ id }) => id);
  }

  /** Tells a fact, if the observer wants it. */
  tell(fact: Fact): void {
    const { wants } = this.#observer;
    if (wants === undefined || wants.includes(fact.kind)) this.#observer.onFact?.(fact);
  }

  /** Tells of a frame. */
  frame(frame: Partial<FrameSample>): void {
    this.#observer.onFrame?.({
      atUs: this.oracle.nowUs,
      from: "viz-0",
      to: "viz-1",
      bytes: 100,
      payloadBytes: 72,
      type: "heartbeat",
      fate: "delivered",
      arrivesUs: this.oracle.nowUs,
      ...frame,
    });
  }

  /** Lets time pass, with a tick every 100 ms. */
  pass(us: number): void {
    const endUs = this.oracle.nowUs + us;
    while (this.oracle.nowUs < endUs) {
      this.oracle.nowUs = Math.min(endUs, this.oracle.nowUs + 100_000);
      this.#observer.onTick?.(this.oracle.nowUs);
    }
  }

  /** What somebody thinks of somebody has changed. */
  see(
    observer: string,
    subject: string,
    state: "alive" | "suspect" | "dead" | "left",
    before: "alive" | "suspect" | "dead" | "left" | null,
    incarnation = 1,
  ): void {
    this.oracle.list(observer, subject, state, incarnation);
    this.tell({
      kind: "view",
      atUs: this.oracle.nowUs,
      observer,
      subject,
      id: this.oracle.ids.get(subject) ?? idOf(subject),
      op: before === null ? "add" : "update",
      state,
      before,
      incarnation,
      listedName: subject,
    });
  }

  /** A life begins. */
  start(node: string, incarnation = 1): void {
    this.oracle.down.delete(node);
    this.oracle.since.set(node, this.oracle.nowUs);
    const id = this.oracle.ids.get(node) ?? idOf(node);
    this.tell({ kind: "node-started", atUs: this.oracle.nowUs, node, id, incarnation });
  }

  /** A life ends. */
  stop(node: string, how: "leave" | "crash" | "power-loss"): void {
    this.oracle.down.add(node);
    this.oracle.since.set(node, this.oracle.nowUs);
    this.tell({ kind: "node-stopped", atUs: this.oracle.nowUs, node, how });
  }

  /** A phase begins. */
  phase(phase: "warm" | "quiet" | "end"): void {
    // No two moments of a run are the same one.
    this.oracle.nowUs++;
    if (phase !== "end") this.oracle.phase = phase === "warm" ? "active" : "quiet";
    this.tell({ kind: "phase", atUs: this.oracle.nowUs, phase });
  }

  /** The metrics at the end. */
  metrics(): Readonly<Record<string, MetricValue>> {
    return this.#observer.finish?.() ?? {};
  }
}
