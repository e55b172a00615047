// A copy of the shared state that keeps itself connected: a replica, the link to its host, and its timers.
// Decides when to look for a host again and when messages go out; what they say is the replica's (replica/).
// Never finds a host itself: whoever makes it says how one is reached.

import { HanaError, type NodeId, toHanaError } from "../../base/mod.ts";
import type { Platform, RandomStream, TimerHandle } from "../../platform/mod.ts";
import type { BodyOf, ReplyOf, RequestDefinition } from "../../session/mod.ts";
import { MessageDecoder, MessageEncoder } from "../messages/mod.ts";
import type { ReplicaEvent, StateReplica } from "../replica/mod.ts";
import { Alarm } from "./alarm.ts";
import type { StateLink, StateLinkHandlers } from "./link.ts";
import type { StatePort } from "./port.ts";

/** The first pause between two attempts to reach a host; it doubles. */
export const RETRY_US = 20_000;
/**
 * The longest pause between two attempts. A connection that lasted so long was a good one: the next pause is short again. After
 * one that did not, pauses go on doubling, so that two processes of one node do not take each other's place all the time.
 */
export const MAX_RETRY_US = 1_000_000;
/** How long a clean leave may take. */
const LEAVE_US = 500_000;
/** The pause between two looks at whether it is done. */
const LEAVE_LOOK_US = 1_000;

/** A host that was reached. */
export interface ReachedHost {
  readonly link: StateLink;
  readonly id: NodeId;
  /** Whether it is the node of this client itself. */
  readonly isHere: boolean;
  /** Asks the node that hosts. */
  ask(definition: RequestDefinition, body: unknown): Promise<unknown>;
}

/**
 * Reaches whoever hosts now. Rejects with `unreachable` while nobody does.
 * @param successor named by the last host as the one that follows; null where it named none
 */
export type StateReach = (handlers: StateLinkHandlers, successor: NodeId | null) => Promise<ReachedHost>;

/** What a service counts. */
export interface ReplicaServiceCounters {
  connects: number;
  connectFailures: number;
  /** Connections that ended, however. */
  losses: number;
  /** Bytes that were no message. */
  malformed: number;
  /** Messages that could not be written or were not taken by the link. */
  unsent: number;
  /** Listeners that threw. */
  listenerFailures: number;
}

/** What a service is made of. */
export interface ReplicaServiceOptions {
  readonly platform: Pick<Platform, "clock" | "timers">;
  /** Spreads attempts of many clients. */
  readonly random: RandomStream;
  readonly replica: StateReplica;
  readonly reach: StateReach;
}

/** Keeps one replica connected. */
export class ReplicaService implements StatePort {
  readonly replica: StateReplica;
  readonly counters: ReplicaServiceCounters = {
    connects: 0,
    connectFailures: 0,
    losses: 0,
    malformed: 0,
    unsent: 0,
    listenerFailures: 0,
  };
  readonly #options: ReplicaServiceOptions;
  readonly #encoder = new MessageEncoder();
  readonly #decoder = new MessageDecoder();
  readonly #eventListeners = new Set<(event: ReplicaEvent) => void>();
  readonly #batchListeners = new Set<() => void>();
  /** Null while there is no connection, an object of its own for each. */
  #host: ReachedHost | null = null;
  #attempt: symbol | null = null;
  #successor: NodeId | null = null;
  #pauseUs = RETRY_US;
  /** Of the present connection; null before. */
  #welcomedUs: number | null = null;
  #retry: TimerHandle | null = null;
  readonly #alarm: Alarm;
  #isPumping = false;
  #isDeferred = false;
  #isClosed = false;
  #lastFailure: HanaError | null = null;
  #hostWaiters: (() => void)[] = [];

  constructor(options: ReplicaServiceOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.platform.timers, () => {
      this.replica.handleDeadline(this.nowUs());
      this.pump();
    });
    this.replica = options.replica;
  }

  /** Begins to look for a host, and does so until {@linkcode close}. */
  start(): void {
    this.#connect();
  }

  /** The host that it is connected to; null for none. */
  get hostId(): NodeId | null {
    return this.#host?.id ?? null;
  }

  /** Whether the host is this very node. */
  get isHere(): boolean {
    return this.#host?.isHere === true;
  }

  /** Why the last attempt to reach a host failed; null where none did since the last success. */
  get lastFailure(): HanaError | null {
    return this.#lastFailure;
  }

  /** Another node may host now: looks at once instead of at the next attempt. */
  noteHostChanged(hostId: NodeId | null): void {
    if (this.#isClosed || hostId === null || this.#host?.id === hostId) return;
    this.#successor = hostId;
    if (this.#host === null && this.#attempt === null) this.#connect();
  }

  nowUs(): number {
    return this.#options.platform.clock.nowUs();
  }

  onEvent(listener: (event: ReplicaEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  onBatch(listener: () => void): () => void {
    this.#batchListeners.add(listener);
    return () => this.#batchListeners.delete(listener);
  }

  async ask<D extends RequestDefinition>(definition: D, body: BodyOf<D>): Promise<ReplyOf<D>> {
    await this.#reached();
    const host = this.#host;
    if (host === null) {
      throw this.#lastFailure ?? new HanaError("unreachable", {
        what: "nobody hosts the shared state",
        why: "no node leads, and none was started with --host-state",
        hint: "hana leader",
      });
    }
    return await host.ask(definition, body) as ReplyOf<D>;
  }

  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      this.#send();
      this.#tell();
      // Listeners may have written.
      this.#send();
    } finally {
      this.#isPumping = false;
    }
    this.#arm();
  }

  /** Leaves: what this client holds is released at once where the host is reached. Resolves when that is done. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const host = this.#host;
    this.replica.leave(this.nowUs());
    this.pump();
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#alarm.set(Infinity);
    this.#attempt = null;
    this.#wake();
    if (host === null) return;
    await this.#flushed(host.link);
    host.link.close();
  }

  /** Ends without a word, as a process that is killed does: the host holds the place. */
  abandon(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#alarm.set(Infinity);
    this.#attempt = null;
    this.#wake();
    this.#host?.link.close();
    this.#host = null;
  }

  /** Until nothing waits on the link, within bounds. */
  async #flushed(link: StateLink): Promise<void> {
    const { timers } = this.#options.platform;
    const untilUs = this.nowUs() + LEAVE_US;
    // A lane that never was full does not tell that it is empty.
    while (link.queuedBytes > 0 && this.nowUs() < untilUs) {
      await new Promise<void>((resolve) => timers.schedule(this.nowUs() + LEAVE_LOOK_US, resolve));
    }
  }

  /** Until the attempt that is under way has ended. */
  async #reached(): Promise<void> {
    if (this.#host !== null || this.#attempt === null) return;
    await new Promise<void>((resolve) => this.#hostWaiters.push(resolve));
  }

  #wake(): void {
    const waiters = this.#hostWaiters;
    this.#hostWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #connect(): void {
    this.#retry?.cancel();
    this.#retry = null;
    const attempt = Symbol("attempt");
    this.#attempt = attempt;
    const successor = this.#successor;
    this.#successor = null;
    const handlers: StateLinkHandlers = {
      onMessage: (bytes) => {
        if (this.#attempt === attempt) this.#receive(bytes);
      },
      onClosed: () => {
        if (this.#attempt === attempt) this.#lost();
      },
    };
    this.#options.reach(handlers, successor).then(
      (host) => {
        if (this.#attempt !== attempt) return host.link.close();
        this.#connected(host);
      },
      (thrown) => {
        if (this.#attempt !== attempt) return;
        this.counters.connectFailures++;
        this.#lastFailure = toHanaError(thrown, "unreachable", "the host of the shared state");
        this.#attempt = null;
        this.#again();
        this.#wake();
      },
    );
  }

  #connected(host: ReachedHost): void {
    this.counters.connects++;
    this.#host = host;
    this.#lastFailure = null;
    this.replica.handleConnected(this.nowUs());
    this.pump();
    this.#wake();
  }

  #lost(): void {
    if (this.#host !== null) this.counters.losses++;
    this.#host = null;
    this.#attempt = null;
    if (this.#isClosed) return;
    this.replica.handleLost(this.nowUs());
    this.#again();
    this.pump();
  }

  /** Another attempt, soon first and then less often; many clients of one host do not come at once. */
  #again(): void {
    if (this.#isClosed) return;
    const wasGood = this.#welcomedUs !== null && this.nowUs() - this.#welcomedUs >= MAX_RETRY_US;
    this.#welcomedUs = null;
    if (wasGood) this.#pauseUs = RETRY_US;
    const pauseUs = Math.round(this.#pauseUs * (0.5 + this.#options.random.float()));
    this.#pauseUs = Math.min(this.#pauseUs * 2, MAX_RETRY_US);
    this.#retry?.cancel();
    this.#retry = this.#options.platform.timers.schedule(this.nowUs() + pauseUs, () => this.#connect());
  }

  #receive(bytes: Uint8Array): void {
    const message = this.#decoder.decode(bytes);
    if (typeof message === "string") {
      this.counters.malformed++;
      return;
    }
    if (message.kind === "welcome") this.#welcomedUs ??= this.nowUs();
    this.replica.handleMessage(this.nowUs(), message);
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    // What else has come with it belongs to the same batch.
    this.#options.platform.timers.defer(() => {
      this.#isDeferred = false;
      if (!this.#isClosed) this.pump();
    });
  }

  #send(): void {
    const { replica } = this;
    for (let message = replica.poll(); message !== null; message = replica.poll()) {
      const link = this.#host?.link ?? null;
      if (link === null) continue;
      const bytes = this.#encoder.encode(message);
      if (bytes === null || !link.send(bytes)) this.counters.unsent++;
    }
  }

  #tell(): void {
    const { replica } = this;
    for (let event = replica.pollEvent(); event !== null; event = replica.pollEvent()) {
      if (event.kind === "reconnect") this.#giveUp(event.successor);
      for (const listener of this.#eventListeners) this.#call(() => listener(event));
    }
    if (replica.state === "refused" && this.#host !== null) this.#giveUp(null);
    for (const listener of this.#batchListeners) this.#call(listener);
  }

  #call(listener: () => void): void {
    try {
      listener();
    } catch {
      this.counters.listenerFailures++;
    }
  }

  #giveUp(successor: NodeId | null): void {
    const host = this.#host;
    this.#successor = successor;
    this.#attempt = null;
    this.#host = null;
    if (host === null || this.#isClosed) return;
    this.counters.losses++;
    host.link.close();
    this.replica.handleLost(this.nowUs());
    this.#again();
  }

  #arm(): void {
    if (this.#isClosed) return;
    const atUs = this.replica.deadline()?.atUs ?? Infinity;
    this.#alarm.set(atUs);
  }
}
