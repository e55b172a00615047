// A session as programs use it: the synchronous core, run on a carrier and a platform's clock and timers.
// Decides nothing of the protocol; turns effects into sends, handler calls and settled promises.
// One writer a carrier; every promise is awaited or has a catch that counts.

import { type AccessLevel, assert, HanaError, type Role, toHanaError } from "../base/mod.ts";
import {
  type Carrier,
  type CarrierPath,
  FIRST_PROGRAM_LANE,
  type LaneName,
  LANES,
  type ProgramLane,
  type SendStatus,
} from "../lanes/mod.ts";
import type { Platform, TimerHandle } from "../platform/mod.ts";
import type { CodecName } from "../wire/mod.ts";
import type { AccessSource } from "./access.ts";
import { SessionCore } from "./core.ts";
import type { Fence } from "./fencing.ts";
import type { SessionEvent } from "./events.ts";
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from "./limits.ts";
import type {
  BodyOf,
  CompiledMessage,
  EventDefinition,
  MessageDefinition,
  MessageTable,
  ReplyOf,
  RequestDefinition,
  Sendable,
} from "./message.ts";
import { type LaneAcceptor, type OutgoingLane, ProgramLanes } from "./program_lanes.ts";
import type { Identity } from "./protocol.ts";
import { cancelled, notSent } from "./not_sent.ts";
import type { PostOptions, RequestOptions } from "./send_options.ts";
import { laneFor, SendPlanner } from "./send_planner.ts";
import { type SessionEnd, type SessionStatistics, statisticsOf } from "./statistics.ts";

/** What a handler is told beside the message itself. */
export interface HandlerContext {
  /** The session that the message came by. */
  readonly session: Session;
  /** Aborts when the sender takes its request back or the session ends. */
  readonly signal: AbortSignal;
}

/** What a session needs of a node's handlers; `HandlerTable` is one. */
export interface SessionHandlers {
  /** The messages that the node knows. */
  readonly messages: MessageTable;
  /** What answers the message of this name, undefined when nothing does. */
  find(name: string): ((body: unknown, context: HandlerContext) => unknown) | undefined;
  /** The compiled form of a definition that is about to be sent. */
  compile(definition: MessageDefinition): CompiledMessage;
}

/** What a session is made from. */
export interface SessionOptions {
  readonly platform: Platform;
  readonly carrier: Carrier;
  readonly side: "dialler" | "listener";
  readonly local: Identity;
  readonly handlers: SessionHandlers;
  readonly codec?: CodecName;
  /** What the peer may do: it has proved a key, or sits on this machine. */
  readonly access: AccessSource;
  /** What we may do at the peer, by the key that we hold; everything unless given. */
  readonly ownAccess?: AccessLevel;
  readonly limits?: Partial<SessionLimits>;
  /** By what right commands go out and come in. */
  readonly fence?: Fence;
  /** Who takes lanes that the peer's program opens. */
  readonly onLane?: LaneAcceptor<Session>;
}

/** Asynchronous handlers of one-way messages that may run at once in one session. */
export const MAX_UNFINISHED_EVENTS = 1_024;
const DEFAULT_REQUEST_TIMEOUT_US = 5_000_000;
/** How long an end in order may take before the carrier is cut. */
const LINGER_US = 1_000_000;

interface Waiter {
  resolve(body: unknown): void;
  reject(error: HanaError): void;
}

/**
 * A session between two nodes.
 * `Local` and `Remote` are the roles of the two sides as far as the program knows them; the compiler refuses
 * messages that these roles may not exchange, and both sides check again at run time.
 */
export class Session<Local extends Role = Role, Remote extends Role = Role> {
  readonly #core: SessionCore;
  readonly #options: SessionOptions;
  readonly #waiters = new Map<number, Waiter>();
  readonly #running = new Map<number, AbortController>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<SessionEnd>();
  #writableWaiters: (() => void)[] = [];
  #pathWaiters: (() => void)[] = [];
  #timer: TimerHandle | null = null;
  #timerAtUs = Infinity;
  #goodbye: string | null = null;
  #closing: string | null = null;
  #end: SessionEnd | null = null;
  #handlerFailures = 0;
  readonly #planner: SendPlanner;
  readonly #lanes: ProgramLanes<Session>;
  /** Tells handlers of one-way messages that the session is over. */
  readonly #over = new AbortController();

  private constructor(options: SessionOptions) {
    this.#options = options;
    const limits = { ...DEFAULT_SESSION_LIMITS, ...options.limits };
    this.#lanes = new ProgramLanes<Session>(options.carrier, this, options.onLane ?? null);
    this.#core = new SessionCore({
      side: options.side,
      local: options.local,
      messages: options.handlers.messages,
      codec: options.codec ?? "msgpack",
      access: options.access,
      ownAccess: options.ownAccess ?? "operator",
      ...(options.fence === undefined ? {} : { fence: options.fence }),
      lanes: () => options.carrier.offer,
      // What the carrier would refuse is refused to the caller; it must not cost the session.
      limits: {
        ...limits,
        maxPayloadBytes: Math.min(limits.maxPayloadBytes, options.carrier.maxPayloadBytes),
      },
    });
    this.#planner = new SendPlanner(options.carrier, this.#core.names);
    this.#ready.promise.catch(() => {});
  }

  /** Starts a session on a carrier that was not opened yet. */
  static start(options: SessionOptions): Session {
    const session = new Session(options);
    options.carrier.open({
      onOpen: () => {
        session.#core.handleOpen(session.#nowUs());
        session.#drive();
      },
      onPayload: (lane, payload) => {
        if (lane >= FIRST_PROGRAM_LANE) return session.#lanes.handlePayload(lane, payload);
        session.#core.handlePayload(session.#nowUs(), payload);
        session.#drive();
      },
      onFate: (lane, number, fate) => {
        if (!session.#lanes.handleFate(lane, number, fate)) session.#planner.handleFate(lane, number, fate);
      },
      onOpened: (lane) => session.#lanes.handleOpened(lane),
      onPath: (path) => {
        session.#onPath();
        session.onPath?.(path);
      },
      onWritable: () => session.#onWritable(),
      onClose: (error) => session.#onCarrierClose(error),
    });
    session.#armHandshake();
    return session;
  }

  /** Settles when both sides have greeted; rejects with why they have not. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }
  /** Resolves once the session is over, however it ended. */
  get ended(): Promise<SessionEnd> {
    return this.#ended.promise;
  }
  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#core.isOpen && this.#closing === null && this.#goodbye === null;
  }
  /** Who the other side is. Throws before {@linkcode ready}. */
  get peer(): Identity {
    const peer = this.#core.peer;
    assert(peer !== null, "a session's peer is known once it is ready");
    return peer;
  }
  /** What the peer may do here, by the key that it holds; a viewer until {@linkcode ready}. */
  get access(): AccessLevel {
    return this.#core.access.access;
  }
  /** Whose access key the peer holds; null for a machine of the mesh, a local socket, the open mesh. */
  get holder(): string | null {
    return this.#core.access.holder;
  }
  /** The newest heartbeat round trip in microseconds, null before the first. */
  get latestRttUs(): number | null {
    return this.#core.latestRttUs;
  }
  get secure(): boolean {
    return this.#options.carrier.secure;
  }
  /** The address at the other end as a URL. */
  get remote(): string {
    return this.#options.carrier.remote;
  }

  /**
   * The same session, with the roles of both sides known to the compiler.
   * Throws `refused` when a side has another role.
   */
  between<L extends Role, R extends Role>(local: L, remote: R): Session<L, R> {
    for (const [wanted, actual] of [[local, this.#core.local.role], [remote, this.peer.role]]) {
      if (wanted !== actual) {
        throw new HanaError("refused", { what: `this is a session with a ${actual}, not a ${wanted}` });
      }
    }
    return this as unknown as Session<L, R>;
  }

  /** Sends a request and waits for its answer. Rejects with the peer's error, `timeout`, `cancelled`, `closed`, `overloaded`. */
  request<D extends RequestDefinition>(
    definition: D & Sendable<D, Local, Remote>,
    body: BodyOf<D>,
    options: RequestOptions = {},
  ): Promise<ReplyOf<D>> {
    return this.call(definition, body, options) as Promise<ReplyOf<D>>;
  }

  /** {@linkcode request} for a definition that was learned from the peer: checked at run time alone. */
  call(definition: MessageDefinition, body: unknown, options: RequestOptions = {}): Promise<unknown> {
    const { signal, timeoutUs = DEFAULT_REQUEST_TIMEOUT_US } = options;
    if (signal?.aborted === true) return Promise.reject(cancelled(definition));
    if (this.#goodbye !== null) return Promise.reject(notSent(definition, "closed"));
    let started: { id: number; payload: Uint8Array };
    try {
      laneFor(definition, options.lane);
      started = this.#core.startRequest(
        this.#nowUs(),
        this.#options.handlers.compile(definition),
        body,
        timeoutUs,
        options,
      );
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    const { id } = started;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#core.cancelRequest(id);
        if (this.#waiters.delete(id)) reject(cancelled(definition));
        this.#drive();
      };
      const settle = (): void => signal?.removeEventListener("abort", abort);
      this.#waiters.set(id, {
        resolve: (value) => (settle(), resolve(value)),
        reject: (error) => (settle(), reject(error)),
      });
      signal?.addEventListener("abort", abort, { once: true });
      this.#transmitPending();
      const status = this.#planner.send(definition, started.payload, { lane: options.lane });
      if (status !== "sent" && status !== "queued") {
        this.#core.cancelRequest(id);
        this.#waiters.get(id)?.reject(notSent(definition, status));
        this.#waiters.delete(id);
      }
      this.#drive();
    });
  }

  /**
   * Sends a one-way message; returns at once what became of it.
   * Throws `schema`, `refused` or `closed` when the call itself is wrong.
   */
  send<D extends EventDefinition>(
    definition: D & Sendable<D, Local, Remote>,
    body: BodyOf<D>,
    options: PostOptions = {},
  ): SendStatus {
    return this.post(definition, body, options);
  }

  /** {@linkcode send} for a definition that was learned from the peer: checked at run time alone. */
  post(definition: MessageDefinition, body: unknown, options: PostOptions = {}): SendStatus {
    laneFor(definition, options.lane);
    if (this.#goodbye !== null) return "closed";
    const payload = this.#core.encodeEvent(this.#options.handlers.compile(definition), body, options);
    this.#transmitPending();
    return this.#planner.send(definition, payload, options);
  }

  /**
   * Opens a lane of the program's own, on which this side sends bytes; the peer's program is told by its `onLane`.
   * Throws `unsupported` when the peer takes plain payloads alone, `overloaded` when too many are open.
   */
  openLane(options: ProgramLane): OutgoingLane {
    return this.#lanes.open(options);
  }

  /** Told when the lanes take another way; for whoever watches. */
  onPath: ((path: CarrierPath) => void) | null = null;

  /** Which way the lanes take, and why. */
  get path(): CarrierPath {
    return this.#options.carrier.path;
  }

  /**
   * Whether lanes go by datagrams: at once where that is settled, else as soon as the peer has answered there, and after
   * `timeoutUs` microseconds at the latest. {@linkcode path} says why not.
   */
  async onDatagrams(timeoutUs: number): Promise<boolean> {
    const { clock, timers } = this.#options.platform;
    const isOpen = (): boolean => this.path.kind === "stream" && this.path.isAsking && this.#end === null;
    const untilUs = clock.nowUs() + timeoutUs;
    while (isOpen() && clock.nowUs() < untilUs) {
      const changed = Promise.withResolvers<void>();
      this.#pathWaiters.push(changed.resolve);
      const timer = timers.schedule(untilUs, changed.resolve);
      await changed.promise;
      timer.cancel();
    }
    return this.path.kind === "udp";
  }

  /** Resolves when the lane would take a message without queueing it; rejects with `closed` when the session ends first. */
  async writable(lane: LaneName): Promise<void> {
    while (!this.#options.carrier.isWritable(LANES[lane])) {
      if (this.#end !== null) {
        throw new HanaError("closed", {
          what: `the session with ${this.#core.peer?.name ?? "the peer"} is over`,
        });
      }
      await new Promise<void>((resolve) => this.#writableWaiters.push(resolve));
    }
  }

  /**
   * Our node has another role from now on: the peer is told, and from then on both sides go by it. A session with a
   * peer that has no word for it ends; whoever keeps one dials again.
   */
  changeRole(role: Role): void {
    if (this.#core.changeRole(role)) this.#transmitPending();
    else void this.close("its role changed");
  }

  /** Says goodbye, lets queued messages out and ends. Resolves when it is over, within about a second. */
  close(reason = "done"): Promise<SessionEnd> {
    if (this.#closing === null && this.#end === null) {
      this.#closing = reason;
      this.#core.sayGoodbye(reason);
      this.#transmitPending();
      this.#options.carrier.end();
      this.#abortAfter(LINGER_US, null);
    }
    return this.ended;
  }

  /** Ends at once and drops what is queued. */
  abort(error: HanaError | null = null): void {
    this.#closing ??= "aborted";
    this.#options.carrier.abort(error);
  }

  /** Figures as they stand. */
  statistics(): SessionStatistics {
    return statisticsOf(this.#core, this.#options.carrier);
  }

  /** Handlers that threw something else than a {@linkcode HanaError}: bugs of the program. */
  get handlerFailures(): number {
    return this.#handlerFailures;
  }

  // ── driving the core ─────────────────────────────────────────────────────────────────────────────────────────

  #nowUs(): number {
    return this.#options.platform.clock.nowUs();
  }

  #drive(): void {
    for (let event = this.#core.pollEvent(); event !== null; event = this.#core.pollEvent()) {
      this.#onEvent(event);
    }
    this.#transmitPending();
    this.#arm();
  }

  /**
   * Payloads of the core go out in order. A lane that is full of what it cannot do without, answers say, belongs to a
   * peer that reads nothing: it is cut.
   */
  #transmitPending(): void {
    const { carrier } = this.#options;
    for (let next = this.#core.pollTransmit(); next !== null; next = this.#core.pollTransmit()) {
      const status = carrier.send(LANES[next.lane], next.payload);
      if (status === "too-large" || ((status === "full" || status === "no-credit") && !next.optional)) {
        carrier.abort(
          new HanaError("overloaded", {
            what: `${this.#core.peer?.name ?? "the peer"} does not keep up`,
            why: `its ${next.lane} lane is ${status}`,
          }),
        );
        return;
      }
    }
  }

  #onEvent(event: SessionEvent): void {
    switch (event.type) {
      case "lanes":
        // The greeting itself still goes plain.
        this.#transmitPending();
        this.#options.carrier.useLanes(event.offer);
        this.#core.names.tellWithin();
        return;
      case "open":
        return this.#ready.resolve();
      case "response":
        return this.#settle(event.id, (waiter) => waiter.resolve(event.body));
      case "failure":
        return this.#settle(event.id, (waiter) => waiter.reject(event.error));
      case "event":
        return this.#onOneWay(event.definition, event.body);
      case "request":
        return this.#onRequest(event.id, event.definition, event.body);
      case "cancel":
        this.#running.get(event.id)?.abort();
        return;
      case "goodbye":
        return this.#onGoodbye(event.reason);
      case "broken":
        this.#onBroken(event.error);
    }
  }

  #onPath(): void {
    for (const resolve of this.#pathWaiters.splice(0)) resolve();
  }

  #onBroken(error: HanaError): void {
    this.#transmitPending();
    this.#lastError = error;
    this.#ready.reject(error);
    // What was queued (a reject, say) goes out before the end; a peer that takes nothing is cut by the linger timer.
    this.#options.carrier.end();
    this.#abortAfter(LINGER_US / 4, error);
  }

  /** Whoever says goodbye ends the carrier once all has arrived: on other lanes messages may still be under way. */
  #onGoodbye(reason: string): void {
    this.#goodbye = reason;
    const { carrier } = this.#options;
    if (carrier.connectionStats() === null) carrier.end();
    else this.#abortAfter(2 * LINGER_US, null);
  }

  #abortAfter(us: number, error: HanaError | null): void {
    const { clock, timers } = this.#options.platform;
    const linger = timers.schedule(clock.nowUs() + us, () => this.#options.carrier.abort(error));
    void this.ended.then(() => linger.cancel());
  }
  #lastError: HanaError | null = null;

  #unfinishedEvents = 0;
  #onOneWay(definition: EventDefinition, body: unknown): void {
    const handler = this.#options.handlers.find(definition.name);
    if (handler === undefined) return;
    // A program that takes messages more slowly than they come loses some, counted, and not the machine's memory.
    if (this.#unfinishedEvents >= MAX_UNFINISHED_EVENTS) {
      this.#core.counters.overloaded++;
      return;
    }
    try {
      const result = handler(body, { session: this, signal: this.#over.signal });
      if (!(result instanceof Promise)) return;
      this.#unfinishedEvents++;
      result.catch(() => this.#handlerFailures++).finally(() => this.#unfinishedEvents--);
    } catch {
      this.#handlerFailures++;
    }
  }

  #onRequest(id: number, definition: RequestDefinition, body: unknown): void {
    const handler = this.#options.handlers.find(definition.name);
    if (handler === undefined) {
      this.#core.respondFailure(
        id,
        new HanaError("unknown-message", {
          what: `${this.#options.local.name} does not handle ${definition.name}`,
        }),
      );
      return;
    }
    const abort = new AbortController();
    try {
      const result = handler(body, { session: this, signal: abort.signal });
      if (!(result instanceof Promise)) {
        this.#core.respond(id, result);
        return;
      }
      this.#running.set(id, abort);
      result.then((reply) => this.#answer(id, reply), (thrown) => this.#refuse(id, definition, thrown));
    } catch (thrown) {
      this.#refuse(id, definition, thrown);
    }
  }

  #answer(id: number, reply: unknown): void {
    this.#running.delete(id);
    this.#core.respond(id, reply);
    this.#drive();
  }

  #refuse(id: number, definition: RequestDefinition, thrown: unknown): void {
    this.#running.delete(id);
    if (!(thrown instanceof HanaError)) this.#handlerFailures++;
    this.#core.respondFailure(
      id,
      toHanaError(thrown, "internal", `${definition.name} failed at ${this.#options.local.name}`),
    );
    this.#drive();
  }

  #settle(id: number, act: (waiter: Waiter) => void): void {
    const waiter = this.#waiters.get(id);
    if (waiter === undefined) return;
    this.#waiters.delete(id);
    act(waiter);
  }

  #onWritable(): void {
    this.#lanes.handleWritable();
    const waiters = this.#writableWaiters;
    if (waiters.length === 0) return;
    this.#writableWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #onCarrierClose(error: HanaError | null): void {
    this.#timer?.cancel();
    this.#end = this.#howItEnded(error);
    const why = this.#end.error ??
      new HanaError("closed", {
        what: `the session with ${this.#core.peer?.name ?? "the peer"} ended`,
        why: this.#end.reason,
      });
    this.#core.handleClose(why);
    this.#drive();
    this.#timer?.cancel();
    this.#ready.reject(why);
    this.#lanes.handleClosed();
    this.#onWritable();
    this.#onPath();
    this.#over.abort();
    this.#ended.resolve(this.#end);
  }

  #howItEnded(error: HanaError | null): SessionEnd {
    if (this.#closing !== null) return { kind: "local", reason: this.#closing, error };
    if (this.#goodbye !== null) return { kind: "goodbye", reason: this.#goodbye, error: null };
    const cause = this.#lastError ?? error ??
      new HanaError("closed", {
        what: `${this.#core.peer?.name ?? this.remote} ended without a goodbye`,
        why: "its process died, or it refused what it was sent",
      });
    return { kind: "lost", reason: cause.message, error: cause };
  }

  // ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A carrier that never opens (a peer that accepts and never speaks) ends with the greeting's deadline. */
  #armHandshake(): void {
    const { clock, timers } = this.#options.platform;
    const limitUs = this.#options.limits?.helloTimeoutUs ?? DEFAULT_SESSION_LIMITS.helloTimeoutUs;
    const timer = timers.schedule(clock.nowUs() + limitUs, () => {
      if (this.#core.peer !== null || this.#end !== null) return;
      const error = new HanaError("timeout", {
        what: `${this.remote} accepted the connection but did not greet`,
        why: `nothing came within ${Math.round(limitUs / 1000)} ms`,
      });
      this.#lastError ??= error;
      this.#options.carrier.abort(error);
    });
    void this.ready.then(() => timer.cancel(), () => timer.cancel());
  }

  #arm(): void {
    const deadline = this.#core.pollTimeout();
    if (deadline === null || this.#end !== null) return;
    // A timer that fires early asks again; only an earlier deadline needs a new one.
    if (this.#timer !== null && this.#timerAtUs <= deadline.atUs) return;
    this.#timer?.cancel();
    this.#timerAtUs = deadline.atUs;
    this.#timer = this.#options.platform.timers.schedule(deadline.atUs, () => {
      this.#timer = null;
      this.#core.handleTimeout(this.#nowUs());
      this.#drive();
    });
  }
}
