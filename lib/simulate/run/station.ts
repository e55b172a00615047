// One node of a scenario through all its lives: processes that start, are killed, leave and come back.
// Decides what happens to the node's process and how that is told as facts; the node itself is the one that ships.
// Never decides when (faults.ts) and never judges.

import { HanaError, type NodeId } from "../../base/mod.ts";
import type { DiscoveryEvent, RegistryDelta, RegistryEntry, SharedOpening } from "../../discovery/mod.ts";
import { Node, type NodeOptions, type ProgramSettings, type StateSettings } from "../../node/mod.ts";
import type { Platform } from "../../platform/mod.ts";
import type { SimulatedHost, SimulatedProcess } from "../../platform/simulated/mod.ts";
import type { Session } from "../../session/mod.ts";
import type { Fact } from "../observe.ts";
import type { NodePlan } from "../scenario.ts";
import type { RunHarness } from "./harness.ts";
import { keyRingOf } from "./mesh_keys.ts";
import { followPaths } from "./session_paths.ts";

/** What a node thinks of another. */
export interface Listed {
  readonly id: NodeId;
  readonly state: RegistryEntry["state"];
  readonly incarnation: number;
  readonly sinceUs: number;
  readonly listedName: string;
}

/** What a station needs of its run. */
export interface StationSurroundings {
  /** Opens each datagram once for all nodes of the run. */
  readonly opening: SharedOpening;
  readonly plan: NodePlan;
  readonly host: SimulatedHost;
  readonly software: string;
  readonly harness: RunHarness;
  nowUs(): number;
  tell(fact: Fact): void;
  isWanted(kind: Fact["kind"]): boolean;
  /** The scenario's name of whoever holds an id, or held it last. */
  nameOf(id: NodeId): string | null;
  /** The station of a name. */
  station(name: string): Station | null;
  /** What makes it supervise programs; not given where nobody does. */
  readonly programs?: ProgramSettings | undefined;
  /** How its next life takes part in shared state, where that is said. */
  state?(): StateSettings | undefined;
  /** A life has begun under this id. */
  onId(station: Station, id: NodeId): void;
  /** It can be reached. */
  onReady(station: Station, node: Node, platform: Platform): void;
  /** A life is over, or about to be. */
  onDown(station: Station): void;
}

/** Where the nodes of a machine keep their identities and their local sockets. */
export const STATE_DIRECTORY = "/state";
const RUN_DIRECTORY = "/run/hana";

/** Events that say more than the list of nodes does. */
export const TOLD_EVENTS: ReadonlySet<DiscoveryEvent["kind"]> = new Set([
  "suspected",
  "cleared",
  "lost",
  "returned",
  "restarted",
  "left",
  "renamed",
  "id-conflict",
  "peer-limit",
  "foreign",
  "incompatible",
  "stalled",
  "echo-missing",
  "echo-back",
  "multicast-degraded",
  "multicast-restored",
  "unreachable",
  "isolated",
  "rejoined",
  "resumed",
  "clock-jump",
  "leader-changed",
  "leader-lost",
  "no-quorum",
  "diverged",
]);

/** Numbers the sessions of a run. */
const sessionNumbers = new WeakMap<Session, number>();

/** A node of the scenario. */
export class Station {
  /** What the present life lists, by the scenario's names; `id:…` for somebody who is none of them. */
  readonly view = new Map<string, Listed>();
  readonly #around: StationSurroundings;
  readonly #keys = new Map<NodeId, string>();
  #software: string;
  #process: SimulatedProcess | null = null;
  #platform: Platform | null = null;
  #node: Node | null = null;
  #state: "down" | "starting" | "up" | "leaving" = "down";
  #sinceUs = 0;
  #lives = 0;
  #lastId: NodeId | null = null;

  constructor(around: StationSurroundings) {
    this.#around = around;
    this.#software = around.software;
  }

  get plan(): NodePlan {
    return this.#around.plan;
  }
  get name(): string {
    return this.plan.name;
  }
  get host(): SimulatedHost {
    return this.#around.host;
  }
  /** The node of the present life, once it is ready; null while there is none or it is leaving. */
  get node(): Node | null {
    return this.#state === "up" ? this.#node : null;
  }
  /** What the present life runs on. */
  get platform(): Platform | null {
    return this.#state === "up" ? this.#platform : null;
  }
  get isUp(): boolean {
    return this.#state === "up";
  }
  /** Whether a process runs, ready or not. */
  get isRunning(): boolean {
    return this.#state !== "down";
  }
  /** Since when it is up or not. */
  get sinceUs(): number {
    return this.#sinceUs;
  }
  /** The number of its process on its machine; null while none runs. */
  get processId(): number | null {
    return this.#process?.record.processId ?? null;
  }
  /** Lives begun so far. */
  get lives(): number {
    return this.#lives;
  }

  /** Starts the node; nothing happens when it runs already. */
  start(software?: string): void {
    if (this.#state !== "down") return;
    if (software !== undefined) this.#software = software;
    if (!this.host.powered) this.host.restart();
    this.#state = "starting";
    this.#lives++;
    void this.#launch(this.host.createProcess());
  }

  /** SIGKILL. */
  crash(): void {
    if (this.#state === "down") return;
    this.#process?.kill();
    this.#down("crash");
  }

  /** The machine has lost power: what ran on it is gone already. */
  losePower(): void {
    if (this.#state !== "down") this.#down("power-loss");
  }

  /** Says goodbye and ends; `then` runs when the process is gone. */
  leave(then: () => void = () => {}): void {
    const [node, process] = [this.#node, this.#process];
    if (this.#state !== "up" || node === null || process === null) {
      this.crash();
      then();
      return;
    }
    this.#state = "leaving";
    this.#tellStopped("leave");
    void this.#end(node, process, () => {}, then);
  }

  /** Leaves, if it is there, and comes back. */
  restart(software?: string): void {
    this.leave(() => this.start(software));
  }

  /** @param last what the process still does when the node has stopped */
  async #end(node: Node, process: SimulatedProcess, last: () => void, then: () => void): Promise<void> {
    await node.stop();
    if (this.#process !== process) return;
    last();
    process.kill();
    this.#forget();
    then();
  }

  async #launch(process: SimulatedProcess): Promise<void> {
    const { harness, plan } = this.#around;
    this.#process = process;
    const startedUs = this.#around.nowUs();
    const platform = harness.platform?.(plan.name, process.platform) ?? process.platform;
    let node: Node;
    try {
      this.#cloneIdentity(platform);
      const options = this.#options();
      node = await Node.start(platform, harness.options?.(plan.name, options) ?? options);
    } catch (thrown) {
      if (this.#process !== process) return;
      process.kill();
      this.#down("failed", thrown instanceof Error ? thrown.message : String(thrown));
      return;
    }
    // Killed meanwhile: then this is the shadow of a life that is over.
    if (this.#process !== process || this.#state !== "starting") return;
    this.#node = node;
    this.#platform = platform;
    this.#state = "up";
    this.#sinceUs = this.#around.nowUs();
    this.#lastId = node.id;
    this.#around.onId(this, node.id);
    const { id, incarnation } = node;
    this.#around.tell({ kind: "node-started", atUs: startedUs, node: this.name, id, incarnation });
    this.#watch(node, process);
    this.#around.tell({ kind: "node-ready", atUs: this.#sinceUs, node: this.name });
    this.#around.onReady(this, node, platform);
  }

  #options(): NodeOptions {
    const { plan, programs } = this.#around;
    const state = this.#around.state?.();
    return {
      ...(state === undefined ? {} : { state }),
      ...(programs === undefined ? {} : { programs }),
      role: plan.role,
      name: plan.wantedName ?? plan.name,
      software: this.#software.slice(0, 32),
      stateDirectory: STATE_DIRECTORY,
      runDirectory: RUN_DIRECTORY,
      keys: keyRingOf(plan.key),
      tags: plan.tags,
      // Scenarios are about hana's own protocol; DNS-SD has tests of its own.
      discovery: { seeds: plan.seeds, dnsSd: false },
      opening: this.#around.opening,
    };
  }

  /** A disk that was copied: the first life finds the identity of somebody else. */
  #cloneIdentity(platform: Platform): void {
    const { cloneOf } = this.plan;
    const original = cloneOf === undefined || this.#lives > 1 ? null : this.#around.station(cloneOf);
    if (original === null) return;
    const bytes = original.host.disk.read(identityPath(original.plan));
    if (bytes === null) return;
    const path = identityPath(this.plan);
    platform.files.makeDirectory(path.slice(0, path.lastIndexOf("/")), 0o700);
    platform.files.write(path, bytes, 0o600);
  }

  #watch(node: Node, process: SimulatedProcess): void {
    const isOurs = (): boolean => this.#process === process;
    void node.conflict.then((error) => {
      if (isOurs() && this.#state === "up") this.#renew(node, process, error);
    });
    node.sessions.onAccepted((session) => {
      if (isOurs()) this.noteSession(session);
    });
    const { discovery } = node;
    if (discovery === null) return;
    for (const entry of discovery.registry.snapshot()) {
      this.#onDelta({ op: "add", revision: discovery.registry.revision, entry });
    }
    discovery.registry.subscribe((delta) => {
      if (isOurs()) this.#onDelta(delta);
    });
    discovery.onEvent((event) => {
      if (!isOurs() || !TOLD_EVENTS.has(event.kind)) return;
      this.#around.tell({
        kind: "discovery",
        atUs: this.#around.nowUs(),
        node: this.name,
        event: event.kind,
      });
    });
  }

  /** What `hana serve` does when another process holds its id: a new id, a new start. */
  #renew(node: Node, process: SimulatedProcess, error: HanaError): void {
    this.#state = "leaving";
    this.#tellStopped("failed", error.what);
    void this.#end(node, process, () => node.renewId(), () => this.start());
  }

  /** Follows a session, ours or a peer's, to its end. */
  noteSession(session: Session): void {
    const peer = this.#around.nameOf(session.peer.id) ?? session.peer.name;
    const process = this.#process;
    const tell = (what: "open" | "lost" | "goodbye" | "closed"): void => {
      if (this.#process !== process) return;
      this.#around.tell({ kind: "session", atUs: this.#around.nowUs(), node: this.name, peer, what });
    };
    tell("open");
    followPaths(session, (taken) => {
      if (this.#process !== process) return;
      this.#around.tell({ kind: "path", atUs: this.#around.nowUs(), node: this.name, peer, ...taken });
    });
    void session.ended.then((end) => tell(end.kind === "local" ? "closed" : end.kind));
  }

  #onDelta({ op, entry }: RegistryDelta): void {
    const { id, incarnation, name } = entry.record;
    const nowUs = this.#around.nowUs();
    const subject = this.#around.nameOf(id);
    const key = this.#keyOf(id, subject);
    const before = this.view.get(key);
    const beforeState = before?.id === id ? before.state : null;
    if (op === "remove") {
      if (before?.id === id) this.view.delete(key);
      this.#keys.delete(id);
    } else {
      const sinceUs = beforeState === entry.state && before !== undefined ? before.sinceUs : nowUs;
      this.view.set(key, { id, state: entry.state, incarnation, sinceUs, listedName: name });
    }
    if (!this.#around.isWanted("view")) return;
    this.#around.tell({
      kind: "view",
      atUs: nowUs,
      observer: this.name,
      subject,
      id,
      op,
      state: entry.state,
      before: beforeState,
      incarnation,
      listedName: name,
    });
  }

  // Who takes a new id leaves an entry under the old one behind: that one is no longer called by its name.
  #keyOf(id: NodeId, subject: string | null): string {
    const known = this.#keys.get(id);
    const key = subject ?? `id:${id.slice(0, 8)}`;
    if (known === key) return key;
    const moved = known === undefined ? undefined : this.view.get(known);
    if (known !== undefined && moved?.id === id) {
      this.view.delete(known);
      this.view.set(key, moved);
    }
    const holder = this.view.get(key);
    if (holder !== undefined && holder.id !== id) {
      const aside = `id:${holder.id.slice(0, 8)}`;
      this.view.set(aside, holder);
      this.#keys.set(holder.id, aside);
      this.view.delete(key);
    }
    this.#keys.set(id, key);
    return key;
  }

  /** The id of the present life, or of the last one. */
  get lastId(): NodeId | null {
    return this.#lastId;
  }

  #down(how: "crash" | "power-loss" | "failed", why?: string): void {
    // Who leaves has been counted as stopped already.
    const isNews = this.#state !== "leaving";
    this.#forget();
    if (isNews) this.#tellStopped(how, why);
  }

  /** From now on it counts as gone, whatever its process still does. */
  #tellStopped(how: "leave" | "crash" | "power-loss" | "failed", why?: string): void {
    const atUs = this.#around.nowUs();
    this.#sinceUs = atUs;
    this.#around.onDown(this);
    this.#around.tell({
      kind: "node-stopped",
      atUs,
      node: this.name,
      how,
      ...(why === undefined ? {} : { why }),
    });
  }

  #forget(): void {
    this.#state = "down";
    this.#process = null;
    this.#platform = null;
    this.#node = null;
    this.view.clear();
    this.#keys.clear();
  }
}

/** The number of a session within its run. */
export function sessionNumber(session: Session, next: () => number): number {
  let number = sessionNumbers.get(session);
  if (number === undefined) sessionNumbers.set(session, number = next());
  return number;
}

function identityPath(plan: NodePlan): string {
  return `${STATE_DIRECTORY}/nodes/${encodeURIComponent(plan.wantedName ?? plan.name)}/identity.json`;
}
