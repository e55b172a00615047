// What is true of a rehearsal: who runs, who can talk to whom, what everybody lists.
// Decides nothing; knows what was really done to processes and cables, and what the nodes say of their lists.
// What a node holds is what it said last, half a second ago at most.

import type { NodeId } from "../../../lib/base/mod.ts";
import type { Gauge, Oracle, PathQuality, Scenario } from "../../../lib/simulate/mod.ts";
import type { RealGround } from "./ground.ts";
import type { RealStation } from "./station.ts";
import type { Watching } from "./watching.ts";

/** What an oracle looks at. */
export interface OracleSurroundings {
  readonly scenario: Scenario;
  readonly ground: RealGround;
  readonly stations: ReadonlyMap<string, RealStation>;
  readonly watching: Watching;
  nowUs(): number;
  phase(): Oracle["phase"];
  wasStalled(host: string, withinUs: number): boolean;
}

type Listed = { readonly state: string; readonly incarnation: number; readonly sinceUs: number };

/** The oracle of a rehearsal. */
export class RealOracle implements Oracle {
  readonly nodes: readonly string[];
  readonly #around: OracleSurroundings;
  readonly #holders = new Map<string, string[]>();

  constructor(around: OracleSurroundings) {
    this.#around = around;
    this.nodes = around.scenario.nodes.map(({ name }) => name);
  }

  get nowUs(): number {
    return this.#around.nowUs();
  }
  get phase(): Oracle["phase"] {
    return this.#around.phase();
  }

  /** A node has this id from now on. */
  noteId(name: string, id: NodeId): void {
    const holders = this.#holders.get(id);
    if (holders === undefined) this.#holders.set(id, [name]);
    else if (!holders.includes(name)) holders.push(name);
  }

  isUp(node: string): boolean {
    return this.#around.stations.get(node)?.isUp ?? false;
  }
  sinceUs(node: string): number {
    return this.#around.stations.get(node)?.sinceUs ?? 0;
  }

  wasStalled(node: string, withinUs: number): boolean {
    return this.#around.wasStalled(this.#hostOf(node), withinUs);
  }

  canTalk(from: string, to: string): boolean {
    return this.#around.ground.canTalk(this.#hostOf(from), this.#hostOf(to));
  }
  canTalkSinceUs(from: string, to: string): number {
    return this.#around.ground.unchangedSinceUs(this.#hostOf(from), this.#hostOf(to));
  }
  quality(from: string, to: string): PathQuality {
    return this.#around.ground.quality(this.#hostOf(from), this.#hostOf(to));
  }

  sharesMesh(a: string, b: string): boolean {
    const [one, other] = [this.#around.stations.get(a), this.#around.stations.get(b)];
    return one !== undefined && other !== undefined && one.plan.key === other.plan.key;
  }

  nameOf(id: string): string | null {
    const holders = this.#holders.get(id) ?? [];
    return holders.find((name) => this.#around.stations.get(name)?.lastId === id) ?? null;
  }

  view(observer: string): ReadonlyMap<string, Listed> {
    const view = new Map<string, Listed>();
    for (const [id, listed] of this.#around.watching.list(observer)) {
      view.set(this.nameOf(id) ?? `id:${id.slice(0, 8)}`, listed);
    }
    return view;
  }

  currentName(node: string): string | null {
    return this.#around.stations.get(node)?.currentName ?? null;
  }
  currentId(node: string): NodeId | null {
    return this.#around.stations.get(node)?.id ?? null;
  }

  gauges(node: string): readonly Gauge[] {
    return this.#around.stations.get(node)?.sample?.gauges ?? [];
  }
  sentBytes(node: string): number | null {
    return this.#around.stations.get(node)?.sample?.sentBytes ?? null;
  }
  /** Not to the microsecond, as its rule wants it. */
  monotonicUs(): number | null {
    return null;
  }

  #hostOf(node: string): string {
    return this.#around.stations.get(node)?.plan.host ?? node;
  }
}
