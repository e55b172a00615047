// A little world for the lease: nodes with drifting clocks, a network that loses, delays, doubles and parts, crashes,
// restarts and pauses, all from one seed. After every step it looks for two leaders of one lineage and for tokens that
// went back. It knows the core by its face alone; what breaks a rule on purpose is done to messages and stores.

import { assert, type Incarnation, type NodeId, type Role } from "../../../../lib/base/mod.ts";
import {
  compareTokens,
  FORGETFUL_STORE,
  formatToken,
  LeaseCore,
  type LeaseEvent,
  type LeaseMember,
  type LeaseMessage,
  leaseMessageFromMap,
  leaseMessageToMap,
  type LeaseStore,
  type LeaseToken,
  type StoredLease,
} from "../../../../lib/discovery/lease/mod.ts";
import { TestRandom } from "../mesh.ts";

export const MS = 1_000;
export const SECOND = 1_000_000;

/** Keeps what is saved across restarts of its node. */
export class MemoryStore implements LeaseStore {
  kept: StoredLease | null = null;
  load(): StoredLease | null {
    return this.kept;
  }
  save(lease: StoredLease): boolean {
    this.kept = lease;
    return true;
  }
}

/** Changes a message on its way; null drops it. */
export type Meddler = (
  from: WorldNode,
  to: WorldNode,
  message: LeaseMessage,
  world: LeaseWorld,
) => LeaseMessage | null;

export interface WorldOptions {
  readonly seed: number;
  /** Roles of the nodes, in order. */
  readonly roles: readonly Role[];
  /** Share of datagrams lost, each on its own. */
  readonly loss?: number;
  readonly delayUs?: readonly [number, number];
  /** Rates of clocks differ by this share each way. */
  readonly drift?: number;
  /** Share of datagrams that come again, up to two seconds later. */
  readonly doubled?: number;
  readonly store?: (index: number) => LeaseStore;
  readonly meddle?: Meddler;
}

export interface WorldNode {
  readonly index: number;
  readonly id: NodeId;
  role: Role;
  priority: number;
  readonly rate: number;
  readonly offsetUs: number;
  readonly store: LeaseStore;
  incarnation: Incarnation;
  core: LeaseCore | null;
  startedUs: number;
  pausedUntilUs: number;
  inbox: (() => void)[];
  timerUs: number;
  membersKey: string;
  island: number;
  readonly heardUs: number[];
  readonly events: LeaseEvent[];
}

interface Due {
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
}

const BEAT_US = SECOND;
const LOST_US = 4_600 * MS;

/** Everything of one run. */
export class LeaseWorld {
  readonly random: TestRandom;
  readonly nodes: WorldNode[] = [];
  /** What must never be, in words; empty in a good world. */
  readonly violations: string[] = [];
  nowUs = 0;
  loss: number;
  sent = 0;
  steps = 0;
  readonly #heap: Due[] = [];
  readonly #highest = new Map<string, LeaseToken>();
  readonly #delay: readonly [number, number];
  readonly #doubled: number;
  #order = 0;

  constructor(readonly options: WorldOptions) {
    this.random = new TestRandom(options.seed);
    this.loss = options.loss ?? 0;
    this.#delay = options.delayUs ?? [500, 3 * MS];
    this.#doubled = options.doubled ?? 0;
    const drift = options.drift ?? 0;
    options.roles.forEach((role, index) => {
      const id = Array.from(
        this.random.fill(new Uint8Array(16)),
        (byte) => byte.toString(16).padStart(2, "0"),
      );
      this.nodes.push({
        index,
        id: id.join("") as NodeId,
        role,
        priority: 0,
        rate: 1 + drift * (2 * this.random.float() - 1),
        offsetUs: Math.floor(this.random.float() * 1e9),
        store: options.store?.(index) ?? new MemoryStore(),
        incarnation: 0 as Incarnation,
        core: null,
        startedUs: 0,
        pausedUntilUs: 0,
        inbox: [],
        timerUs: Infinity,
        membersKey: "",
        island: 0,
        heardUs: options.roles.map(() => -Infinity),
        events: [],
      });
    });
    for (const node of this.nodes) {
      this.at(Math.floor(this.random.float() * 300 * MS), () => this.start(node));
    }
    this.#beat();
  }

  /** The clock of a node. */
  localUs(node: WorldNode, atUs = this.nowUs): number {
    return Math.floor(node.offsetUs + node.rate * atUs);
  }

  at(atUs: number, run: () => void): void {
    push(this.#heap, { atUs, order: this.#order++, run });
  }

  /** Runs until `untilUs`, or until `isDone` says so after a step. */
  run(untilUs: number, isDone: () => boolean = () => false): void {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atUs > untilUs) break;
      pop(this.#heap);
      this.nowUs = Math.max(this.nowUs, next.atUs);
      next.run();
      this.steps++;
      this.#check();
      if (isDone()) return;
    }
    this.nowUs = Math.max(this.nowUs, untilUs);
  }

  start(node: WorldNode): void {
    if (node.core !== null) return;
    node.incarnation = (node.incarnation + 1) as Incarnation;
    node.startedUs = this.nowUs;
    node.membersKey = "";
    node.timerUs = Infinity;
    node.inbox = [];
    node.pausedUntilUs = 0;
    node.heardUs.fill(-Infinity);
    node.core = new LeaseCore(this.localUs(node), {
      id: node.id,
      incarnation: node.incarnation,
      isCandidate: node.role === "app",
      priority: node.priority,
      random: new TestRandom(this.random.u32()),
      store: node.store,
    });
    for (const other of this.nodes) if (this.canReach(other, node) && other !== node) this.#hear(other, node);
    this.#tellMembers(node);
    this.#after(node);
  }

  crash(node: WorldNode): void {
    node.core = null;
    node.inbox = [];
  }

  /** Stops a node's process as SIGSTOP does; what comes waits in its socket. */
  pause(node: WorldNode, forUs: number): void {
    if (node.core === null || node.pausedUntilUs > this.nowUs) return;
    const { core } = node;
    const sinceUs = this.localUs(node);
    node.pausedUntilUs = this.nowUs + forUs;
    this.at(node.pausedUntilUs, () => {
      if (node.core !== core) return;
      core.noteStall(this.localUs(node), this.localUs(node) - sinceUs);
      const waiting = node.inbox;
      node.inbox = [];
      for (const run of waiting) run();
      this.#after(node);
    });
  }

  /** Lets a node do something, and sends what comes of it. */
  act(node: WorldNode, what: (core: LeaseCore, nowUs: number) => void): void {
    if (node.core === null) return;
    what(node.core, this.localUs(node));
    this.#after(node);
  }

  canReach(from: WorldNode, to: WorldNode): boolean {
    return from.core !== null && to.core !== null && from.island === to.island;
  }

  isPaused(node: WorldNode): boolean {
    return node.pausedUntilUs > this.nowUs;
  }

  /** Nodes that may act now. */
  leaders(): WorldNode[] {
    return this.nodes.filter((node) => node.core !== null && node.core.canAct(this.localUs(node)));
  }

  /** The one node that may act; fails when there is none or more than one. */
  leader(): WorldNode {
    const [leader, second] = this.leaders();
    assert(
      leader !== undefined && second === undefined,
      `${this.leaders().length} leaders at ${this.nowUs} µs`,
    );
    return leader;
  }

  /** Everybody whole, connected and started. */
  heal(): void {
    for (const node of this.nodes) {
      node.island = 0;
      this.start(node);
    }
  }

  /** Delivers a message as if `from` had sent it. */
  inject(from: WorldNode, to: WorldNode, message: LeaseMessage): void {
    this.#deliver(from, to, from.incarnation, message);
  }

  #after(node: WorldNode): void {
    const { core } = node;
    if (core === null) return;
    for (let send = core.pollSend(); send !== null; send = core.pollSend()) {
      for (const to of this.nodes) {
        if (to !== node && (send.to === "all" || send.to === to.id)) this.#send(node, to, send.message);
      }
    }
    for (let event = core.pollEvent(); event !== null; event = core.pollEvent()) node.events.push(event);
    const wake = core.pollTimeout();
    if (wake === null) return;
    const atUs = Math.max(this.nowUs, Math.ceil((wake.atUs - node.offsetUs) / node.rate));
    if (atUs >= node.timerUs && node.timerUs > this.nowUs) return;
    node.timerUs = atUs;
    this.at(atUs, () => {
      if (node.core !== core || node.timerUs !== atUs) return;
      node.timerUs = Infinity;
      this.#whenAwake(node, () => core.handleTimeout(this.localUs(node)));
    });
  }

  #whenAwake(node: WorldNode, run: () => void): void {
    if (!this.isPaused(node)) {
      run();
      this.#after(node);
    } else if (node.inbox.length < 512) node.inbox.push(run);
  }

  #send(from: WorldNode, to: WorldNode, message: LeaseMessage): void {
    this.sent++;
    if (!this.canReach(from, to) || this.random.float() < this.loss) return;
    const { incarnation } = from;
    const [low, high] = this.#delay;
    const delayUs = low + Math.floor((high - low) * this.random.float());
    this.at(this.nowUs + delayUs, () => this.#deliver(from, to, incarnation, message));
    if (this.random.float() < this.#doubled) {
      const lateUs = delayUs + Math.floor(2 * SECOND * this.random.float());
      this.at(this.nowUs + lateUs, () => this.#deliver(from, to, incarnation, message));
    }
  }

  #deliver(from: WorldNode, to: WorldNode, incarnation: Incarnation, message: LeaseMessage): void {
    const { core } = to;
    if (core === null || from.island !== to.island) return;
    const meddled = this.options.meddle === undefined
      ? message
      : this.options.meddle(from, to, message, this);
    if (meddled === null) return;
    const read = leaseMessageFromMap(meddled.kind, leaseMessageToMap(meddled));
    assert(read !== null, `a message of our own cannot be read: ${JSON.stringify(meddled)}`);
    this.#whenAwake(to, () => core.handleMessage(this.localUs(to), { id: from.id, incarnation }, read));
  }

  #beat(): void {
    for (const node of this.nodes) {
      if (node.core === null || this.isPaused(node)) continue;
      for (const other of this.nodes) {
        if (other !== node && this.canReach(node, other)) this.#hear(node, other);
      }
    }
    for (const node of this.nodes) if (!this.isPaused(node)) this.#tellMembers(node);
    this.at(this.nowUs + BEAT_US / 2, () => this.#beat());
  }

  #hear(from: WorldNode, to: WorldNode): void {
    to.heardUs[from.index] = this.nowUs;
  }

  #tellMembers(node: WorldNode): void {
    const { core } = node;
    if (core === null) return;
    const members: LeaseMember[] = [];
    let key = "";
    for (const other of this.nodes) {
      const heardUs = node.heardUs[other.index] ?? -Infinity;
      if (other === node || heardUs === -Infinity) continue;
      const isAlive = this.nowUs - heardUs < LOST_US;
      const { id, incarnation, role, priority } = other;
      const upSinceUs = this.localUs(node, other.startedUs);
      members.push({ id, incarnation, role, priority, isAlive, upSinceUs });
      key += `${other.index}${isAlive}${incarnation}${role}${priority} `;
    }
    if (key === node.membersKey) return;
    node.membersKey = key;
    core.handleMembers(this.localUs(node), members);
    this.#after(node);
  }

  #check(): void {
    let acting: WorldNode[] | null = null;
    for (const node of this.nodes) {
      if (node.core !== null && node.core.canAct(this.localUs(node))) (acting ??= []).push(node);
    }
    for (const node of acting ?? []) {
      const leader = node.core?.leader() ?? null;
      const lineage = node.core?.lineage ?? null;
      if (leader === null || lineage === null || leader.mode === "solo") continue;
      const other = acting?.find((peer) =>
        peer.index > node.index && peer.core?.lineage === lineage &&
        peer.core.leader()?.mode !== "solo"
      );
      if (other !== undefined) this.#violate(`two leaders: ${node.index} and ${other.index}`);
      const before = this.#highest.get(lineage);
      if (before !== undefined && compareTokens(leader.token, before) < 0) {
        this.#violate(`token ${formatToken(leader.token)} after ${formatToken(before)}`);
      }
      if (before === undefined || compareTokens(leader.token, before) > 0) {
        this.#highest.set(lineage, leader.token);
      }
    }
  }

  #violate(what: string): void {
    if (this.violations.length < 10) {
      this.violations.push(`seed ${this.options.seed}, ${this.nowUs} µs: ${what}`);
    }
  }
}

/** Roles of a mesh: so many apps, then visualizations. */
export function rolesOf(apps: number, others: number): Role[] {
  return [...new Array<Role>(apps).fill("app"), ...new Array<Role>(others).fill("visualization")];
}

/** A store that a restart empties. */
export function forgetful(): LeaseStore {
  return FORGETFUL_STORE;
}

function isBefore(a: Due, b: Due): boolean {
  return a.atUs !== b.atUs ? a.atUs < b.atUs : a.order < b.order;
}

function push(heap: Due[], due: Due): void {
  let at = heap.length;
  heap.push(due);
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = heap[up];
    if (parent === undefined || !isBefore(due, parent)) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = due;
}

function pop(heap: Due[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let down = 2 * at + 1;
    const right = heap[down + 1];
    const left = heap[down];
    if (left === undefined) break;
    if (right !== undefined && isBefore(right, left)) down++;
    const child = heap[down];
    if (child === undefined || !isBefore(child, last)) break;
    heap[at] = child;
    at = down;
  }
  heap[at] = last;
}
