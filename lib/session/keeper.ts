// A session that is kept: dialled again with jittered back-off whenever it is lost, until it is stopped.
// Decides what a program may send meanwhile: reliable one-way messages and requests wait up to a stated bound, then
// the caller sees an error; unreliable messages are dropped and counted. Messages that wait go out before later ones.
// Never repeats a message that was handed to a carrier: only the program knows whether doing it twice is right.

import { HanaError, toHanaError } from "../base/mod.ts";
import { isReliable, LANES, type SendStatus } from "../lanes/mod.ts";
import type { Platform, TimerHandle } from "../platform/mod.ts";
import { Backoff, type BackoffOptions, DEFAULT_BACKOFF } from "../transport/mod.ts";
import type { CommandOptions } from "./fencing.ts";
import type { BodyOf, EventDefinition, ReplyOf, RequestDefinition } from "./message.ts";
import type { RequestOptions } from "./send_options.ts";
import type { Session } from "./session.ts";

/** What a keeper is doing. */
export type KeeperState = "connecting" | "open" | "stopped";

/** What a keeper is made from. */
export interface SessionKeeperOptions {
  readonly platform: Platform;
  /** Makes one attempt; resolves with a session that is ready. */
  connect(signal: AbortSignal): Promise<Session>;
  readonly backoff?: BackoffOptions;
  /** Reliable one-way messages, and again requests, that wait while there is no session; 1,024 when not given. */
  readonly maxBuffered?: number;
  /** Told of every change, with why the last attempt failed. */
  onState?(state: KeeperState, error: HanaError | null): void;
}

/** What a keeper has counted. */
export interface KeeperCounters {
  attempts: number;
  connected: number;
  buffered: number;
  refusedFull: number;
  droppedUnreliable: number;
  /** Waited, and turned out to be none that this peer may be sent. */
  droppedWrong: number;
}

interface Buffered {
  readonly definition: EventDefinition;
  readonly body: unknown;
  readonly options: CommandOptions;
}

/** Somebody who waits for a session. */
interface Waiter {
  resolve(session: Session): void;
  reject(error: HanaError): void;
}

const DEFAULT_MAX_BUFFERED = 1024;

/** Keeps a session to one peer. */
export class SessionKeeper {
  readonly counters: KeeperCounters = {
    attempts: 0,
    connected: 0,
    buffered: 0,
    refusedFull: 0,
    droppedUnreliable: 0,
    droppedWrong: 0,
  };
  readonly #options: SessionKeeperOptions;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #maxBuffered: number;
  #buffer: Buffered[] = [];
  #session: Session | null = null;
  #state: KeeperState = "connecting";
  #retry: TimerHandle | null = null;
  /** Whether the buffer waits for room on a lane of the session. */
  #draining = false;
  readonly #waiters = new Set<Waiter>();
  /** What {@linkcode open} gives to all who ask while there is no session. */
  #opened: Promise<Session> | null = null;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    this.#maxBuffered = options.maxBuffered ?? DEFAULT_MAX_BUFFERED;
    this.#backoff = new Backoff(
      options.backoff ?? DEFAULT_BACKOFF,
      options.platform.random.stream("session/keeper"),
    );
    this.#attempt();
  }

  get state(): KeeperState {
    return this.#state;
  }
  /** The session as it stands; null while there is none. */
  get session(): Session | null {
    return this.#session;
  }
  /** Messages that wait for a session. */
  get bufferedMessages(): number {
    return this.#buffer.length;
  }

  /** Resolves with the session as soon as there is one; rejects with `cancelled` once stopped. */
  get open(): Promise<Session> {
    if (this.#session !== null) return Promise.resolve(this.#session);
    if (this.#state === "stopped") return Promise.reject(stoppedError());
    return this.#opened ??= this.#nextSession();
  }

  /**
   * Sends a one-way message, or keeps it until there is a session.
   * Throws `overloaded` when the bound is reached, `closed` once stopped. A body that waits must not be changed. A command
   * that waits goes out under the token that our node has then, unless it was given one.
   * @returns `queued` also for a message that waits here, or `too-large`; `full` and `no-credit` are waited for
   */
  send<D extends EventDefinition>(definition: D, body: BodyOf<D>, options: CommandOptions = {}): SendStatus {
    if (this.#state === "stopped") {
      throw new HanaError("closed", {
        what: `${definition.name} was not sent`,
        why: "the connection was stopped",
      });
    }
    const session = this.#session;
    const reliable = isReliable(LANES[definition.lane].kind);
    // A reliable message does not overtake those that wait.
    if (session !== null && session.isOpen && (!reliable || this.#buffer.length === 0)) {
      const status = session.post(definition, body, options);
      if (status === "sent" || status === "queued" || status === "too-large") return status;
    }
    if (!reliable) {
      this.counters.droppedUnreliable++;
      return "closed";
    }
    if (this.#buffer.length >= this.#maxBuffered) {
      this.counters.refusedFull++;
      const cause = session === null ? "there is no connection" : `lane ${definition.lane} is full`;
      throw new HanaError("overloaded", {
        what: `${definition.name} was not sent`,
        why: `${cause} and ${this.#maxBuffered} messages wait already`,
      });
    }
    this.#buffer.push({ definition, body, options });
    this.counters.buffered++;
    if (session !== null && session.isOpen) this.#drainLater(session, definition);
    return "queued";
  }

  /**
   * Sends a request over the session, waiting for one if need be. The timeout covers the wait.
   * Rejects as a session does, and with `overloaded` when too many wait already.
   */
  async request<D extends RequestDefinition>(
    definition: D,
    body: BodyOf<D>,
    options: RequestOptions = {},
  ): Promise<ReplyOf<D>> {
    const { clock } = this.#options.platform;
    const deadlineUs = clock.nowUs() + (options.timeoutUs ?? 5_000_000);
    const session = await this.#openBefore(deadlineUs, definition, options.signal);
    const timeoutUs = Math.max(1, deadlineUs - clock.nowUs());
    return await session.call(definition, body, { ...options, timeoutUs }) as ReplyOf<D>;
  }

  /** Stops keeping; a session that is open says goodbye. Waiting messages are dropped. */
  async stop(reason = "done"): Promise<void> {
    if (this.#state === "stopped") return;
    this.#retry?.cancel();
    this.#stop.abort(stoppedError());
    this.#buffer = [];
    this.#become("stopped", null);
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(stoppedError());
    await this.#session?.close(reason);
    this.#session = null;
  }

  #nextSession(): Promise<Session> {
    const { promise, resolve, reject } = Promise.withResolvers<Session>();
    const forget = (): void => {
      this.#opened = null;
    };
    promise.then(forget, forget);
    this.#waiters.add({ resolve, reject });
    return promise;
  }

  #attempt(): void {
    this.counters.attempts++;
    this.#options.connect(this.#stop.signal).then(
      (session) => this.#onOpen(session),
      (thrown) => this.#onLost(toHanaError(thrown, "unreachable", "connecting failed")),
    );
  }

  #onOpen(session: Session): void {
    if (this.#state === "stopped") {
      session.abort();
      return;
    }
    this.counters.connected++;
    this.#backoff.reset();
    this.#session = session;
    void session.ended.then((end) => {
      this.#session = null;
      this.#draining = false;
      this.#onLost(end.error);
    });
    this.#flush(session);
    this.#become("open", null);
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.resolve(session);
  }

  /** Sends what waited, oldest first, and keeps what the session does not take. */
  #flush(session: Session): void {
    let sent = 0;
    for (const item of this.#buffer) {
      const status = session.isOpen ? this.#post(session, item) : "closed";
      const isFull = status === "full" || status === "no-credit";
      if (isFull) this.#drainLater(session, item.definition);
      if (isFull || status === "closed") break;
      if (status === "too-large") this.counters.droppedWrong++;
      sent++;
    }
    this.#buffer.splice(0, sent);
  }

  /** Only now does a message meet the peer's role: one that may not be sent is dropped, the others go on. */
  #post(session: Session, { definition, body, options }: Buffered): SendStatus {
    try {
      return session.post(definition, body, options);
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      this.counters.droppedWrong++;
      return "sent";
    }
  }

  /** Goes on with the buffer as soon as the lane of its first message has room. */
  #drainLater(session: Session, { lane }: EventDefinition): void {
    if (this.#draining) return;
    this.#draining = true;
    session.writable(lane).then(() => {
      if (this.#session !== session) return;
      this.#draining = false;
      this.#flush(session);
    }, () => {});
  }

  #onLost(error: HanaError | null): void {
    if (this.#state === "stopped") return;
    this.#become("connecting", error);
    const { clock, timers } = this.#options.platform;
    this.#retry = timers.schedule(clock.nowUs() + this.#backoff.nextDelayUs(), () => this.#attempt());
  }

  #become(state: KeeperState, error: HanaError | null): void {
    this.#state = state;
    this.#options.onState?.(state, error);
  }

  /** The session, or a rejection when `deadlineUs` passes or the caller gives up first. */
  #openBefore(deadlineUs: number, definition: RequestDefinition, signal?: AbortSignal): Promise<Session> {
    if (this.#session !== null) return Promise.resolve(this.#session);
    if (this.#state === "stopped") return Promise.reject(stoppedError());
    const notSent = (code: "cancelled" | "timeout" | "overloaded", why: string): HanaError =>
      new HanaError(code, { what: `${definition.name} was not sent`, why });
    if (signal?.aborted === true) return Promise.reject(notSent("cancelled", "the caller gave up"));
    if (this.#waiters.size >= this.#maxBuffered) {
      this.counters.refusedFull++;
      const why = `there is no connection and ${this.#maxBuffered} wait for one already`;
      return Promise.reject(notSent("overloaded", why));
    }
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiters.delete(waiter);
        timer.cancel();
        signal?.removeEventListener("abort", abort);
      };
      const waiter: Waiter = {
        resolve: (session) => (settle(), resolve(session)),
        reject: (error) => (settle(), reject(error)),
      };
      const abort = (): void => waiter.reject(notSent("cancelled", "the caller gave up"));
      const timer = this.#options.platform.timers.schedule(
        deadlineUs,
        () => waiter.reject(notSent("timeout", "there was no connection in time")),
      );
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiters.add(waiter);
    });
  }
}

function stoppedError(): HanaError {
  return new HanaError("cancelled", { what: "the connection was stopped" });
}
