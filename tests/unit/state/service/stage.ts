// Host and replica services on a simulated machine, over links that can be watched, clogged, cut and spoiled.

import { assert } from "@std/assert";
import { HanaError, type NodeId } from "../../../../lib/base/mod.ts";
import type { Platform, Timers } from "../../../../lib/platform/mod.ts";
import { SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";
import type { HostEvent, LinkPeer } from "../../../../lib/state/host/mod.ts";
import type { PathId } from "../../../../lib/state/model/mod.ts";
import { type ReplicaEvent, StateReplica } from "../../../../lib/state/replica/mod.ts";
import { isRefusal, readDefinition } from "../../../../lib/state/schema/mod.ts";
import {
  HostService,
  type HostServiceOptions,
  type ReachedHost,
  ReplicaService,
  type StateLink,
  type StateLinkHandlers,
} from "../../../../lib/state/service/mod.ts";
import { nodeOf } from "../host/support.ts";

const NO_HANDLERS: StateLinkHandlers = { onMessage: () => {}, onClosed: () => {} };

/** One end of a way: what is sent arrives a millisecond later, unless it is clogged or cut. */
export class WireEnd implements StateLink {
  onRoom: (() => void) | null = null;
  handlers: StateLinkHandlers = NO_HANDLERS;
  peer: WireEnd | null = null;
  /** Nothing leaves while it is; what is sent waits. */
  isClogged = false;
  capacity = 8 << 20;
  isClosed = false;
  /** How often a message could not be taken. */
  refused = 0;
  readonly sent: Uint8Array[] = [];
  #queue: Uint8Array[] = [];
  #queued = 0;

  constructor(private readonly timers: Timers, private readonly nowUs: () => number) {}

  send(bytes: Uint8Array): boolean {
    if (this.isClosed || this.#queued + bytes.length > this.capacity) {
      this.refused++;
      return false;
    }
    const copy = bytes.slice();
    this.sent.push(copy);
    this.#queue.push(copy);
    this.#queued += copy.length;
    if (!this.isClogged) this.flush();
    return true;
  }

  get queuedBytes(): number {
    return this.#queued;
  }

  /** Lets out what waits. */
  flush(): void {
    const out = this.#queue;
    this.#queue = [];
    const { peer } = this;
    for (const bytes of out) {
      this.timers.schedule(this.nowUs() + 1_000, () => {
        this.#queued -= bytes.length;
        if (peer !== null && !peer.isClosed) peer.handlers.onMessage(bytes);
        this.onRoom?.();
      });
    }
  }

  unclog(): void {
    this.isClogged = false;
    this.flush();
  }

  close(): void {
    if (this.isClosed) return;
    const { peer } = this;
    // Behind what was sent before.
    this.timers.schedule(this.nowUs() + 1_000, () => {
      this.#end();
      peer?.end();
    });
    this.isClosed = true;
  }

  /** The other end is gone. */
  end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#end();
  }

  #end(): void {
    this.handlers.onClosed();
  }
}

/** A program with its replica. */
export interface Desk {
  readonly service: ReplicaService;
  readonly peer: LinkPeer;
  readonly events: ReplicaEvent[];
  /** The ends of its present way, its own first. */
  wire: readonly [WireEnd, WireEnd] | null;
  /** When it tried to reach a host, in microseconds. */
  readonly attempts: number[];
  /** Whether a host can be reached. */
  canReach: boolean;
}

/** A host, programs, and one machine's time. */
export class Stage {
  readonly world: SimulatedWorld;
  readonly platform: Platform;
  readonly events: HostEvent[] = [];
  readonly crashes: HanaError[] = [];
  /** Whether the host's node may host. */
  mayHost = true;
  host: HostService;
  readonly id: NodeId = nodeOf(1_000);
  #desks = 0;

  constructor(seed = 1) {
    this.world = new SimulatedWorld({ seed, onCrash: (error) => this.crashes.push(error) });
    this.platform = this.world.createHost({ name: "machine" }).createProcess().platform;
    this.host = this.begin(1);
    this.define("hue");
  }

  get nowUs(): number {
    return this.platform.clock.nowUs();
  }

  /** A host begins; what was there before is nobody's any more. */
  begin(term: number, options: Partial<HostServiceOptions> = {}): HostService {
    this.host = new HostService({
      platform: this.platform,
      epoch: { term, hostId: this.id },
      random: this.platform.random.stream(`host/${term}`),
      presence: true,
      mayHost: () => this.mayHost,
      onEvent: (event) => this.events.push(event),
      ...options,
    });
    return this.host;
  }

  define(path: string): PathId {
    const made = this.host.host.define(this.nowUs, readDefinition({ path, type: "f32", default: 0 }));
    assert(!isRefusal(made));
    this.host.pumpSoon();
    return made.id;
  }

  /** A way between two ends. */
  wire(): [WireEnd, WireEnd] {
    const { clock, timers } = this.platform;
    const ends: [WireEnd, WireEnd] = [
      new WireEnd(timers, () => clock.nowUs()),
      new WireEnd(timers, () => clock.nowUs()),
    ];
    [ends[0].peer, ends[1].peer] = [ends[1], ends[0]];
    return ends;
  }

  /** A program at the host; of another node each, unless a number is given. */
  desk(name: string, number = ++this.#desks, level: LinkPeer["level"] = "operator"): Desk {
    const peer: LinkPeer = { identity: { nodeId: nodeOf(number), key: null }, level };
    const events: ReplicaEvent[] = [];
    const attempts: number[] = [];
    const service = new ReplicaService({
      platform: this.platform,
      random: this.platform.random.stream(`desk/${name}`),
      replica: new StateReplica({ name }),
      reach: (handlers) => {
        attempts.push(this.nowUs);
        return this.#reach(desk, handlers);
      },
    });
    service.onEvent((event) => events.push(event));
    const desk: Desk = { service, peer, events, wire: null, attempts, canReach: true };
    service.start();
    return desk;
  }

  /** Lets time go on until a condition holds, for a minute at most. */
  async until(condition: () => boolean, what: string): Promise<void> {
    assert(
      await this.world.runUntilTrue(condition, this.world.nowUs + 60_000_000),
      `not in a minute: ${what}`,
    );
  }

  async synced(...desks: readonly Desk[]): Promise<void> {
    for (const { service } of desks) {
      await this.until(
        () => service.replica.isSynced,
        `everything is here: ${JSON.stringify(service.replica.missing())}`,
      );
    }
  }

  /** Writes, and hands over what is said at once. */
  write({ service }: Desk, path: string, value: number): void {
    const { replica } = service;
    const id = replica.book?.idOf(path) ?? (0 as PathId);
    const answer = replica.set(service.nowUs(), id, value);
    assert(answer === "taken", `${path} is ${JSON.stringify(answer)}`);
    service.pump();
  }

  valueOf({ service: { replica } }: Desk, path: string): unknown {
    return replica.hostValueOf(replica.book?.idOf(path) ?? (0 as PathId));
  }

  #reach(desk: Desk, handlers: StateLinkHandlers): Promise<ReachedHost> {
    if (!desk.canReach) {
      return Promise.reject(new HanaError("unreachable", { what: "the host", why: "the test says so" }));
    }
    const ends = this.wire();
    ends[0].handlers = handlers;
    ends[1].handlers = this.host.join(ends[1], desk.peer);
    desk.wire = ends;
    return Promise.resolve({
      link: ends[0],
      id: this.id,
      isHere: false,
      ask: () => Promise.reject(new HanaError("unsupported", { what: "a request" })),
    });
  }
}
