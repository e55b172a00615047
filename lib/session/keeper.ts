// A session that is kept: dialled again with jittered back-off whenever it is lost, until it is stopped.
// Decides what a program may send meanwhile: reliable one-way messages wait up to a stated bound, then the caller
// sees an error; unreliable ones are dropped and counted. Never repeats a message that was handed to a carrier:
// only the program knows whether doing it twice is right.

import { HanaError, toHanaError } from "../base/mod.ts";
import { isReliable, LANES, type SendStatus } from "../lanes/mod.ts";
import type { Platform, TimerHandle } from "../platform/mod.ts";
import { Backoff, type BackoffOptions, DEFAULT_BACKOFF } from "../transport/mod.ts";
import type { BodyOf, EventDefinition, ReplyOf, RequestDefinition } from "./message.ts";
import type { RequestOptions, Session } from "./session.ts";

/** What a keeper is doing. */
export type KeeperState = "connecting" | "open" | "stopped";

/** What a keeper is made from. */
export interface SessionKeeperOptions {
  readonly platform: Platform;
  /** Makes one attempt; resolves with a session that is ready. */
  connect(signal: AbortSignal): Promise<Session>;
  readonly backoff?: BackoffOptions;
  /** Reliable one-way messages that wait while there is no session; 1,024 when not given. */
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
}

interface Buffered {
  readonly definition: EventDefinition;
  readonly body: unknown;
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
  };
  readonly #options: SessionKeeperOptions;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #maxBuffered: number;
  #buffer: Buffered[] = [];
  #session: Session | null = null;
  #state: KeeperState = "connecting";
  #retry: TimerHandle | null = null;
  #opened = Promise.withResolvers<Session>();

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    this.#maxBuffered = options.maxBuffered ?? DEFAULT_MAX_BUFFERED;
    this.#backoff = new Backoff(
      options.backoff ?? DEFAULT_BACKOFF,
      options.platform.random.stream("session/keeper"),
    );
    this.#opened.promise.catch(() => {});
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
    return this.#session !== null ? Promise.resolve(this.#session) : this.#opened.promise;
  }

  /**
   * Sends a one-way message, or keeps it until there is a session.
   * Throws `overloaded` when the bound is reached, `closed` once stopped.
   * @returns `queued` also for a message that waits here; `full` is never returned, it is thrown
   */
  send<D extends EventDefinition>(definition: D, body: BodyOf<D>): SendStatus {
    if (this.#state === "stopped") {
      throw new HanaError("closed", {
        what: `${definition.name} was not sent`,
        why: "the connection was stopped",
      });
    }
    const session = this.#session;
    if (session !== null && session.isOpen) {
      const status = session.post(definition, body);
      if (status !== "full" && status !== "closed") return status;
    }
    if (!isReliable(LANES[definition.lane].kind)) {
      this.counters.droppedUnreliable++;
      return "closed";
    }
    if (this.#buffer.length >= this.#maxBuffered) {
      this.counters.refusedFull++;
      throw new HanaError("overloaded", {
        what: `${definition.name} was not sent`,
        why: `there is no connection and ${this.#maxBuffered} messages wait already`,
      });
    }
    this.#buffer.push({ definition, body });
    this.counters.buffered++;
    return "queued";
  }

  /** Sends a request over the session, waiting for one if need be. The timeout covers the wait. */
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
    this.#stop.abort(new HanaError("cancelled", { what: "the connection was stopped" }));
    this.#buffer = [];
    this.#become("stopped", null);
    this.#opened.reject(new HanaError("cancelled", { what: "the connection was stopped" }));
    await this.#session?.close(reason);
    this.#session = null;
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
    this.#become("open", null);
    this.#opened.resolve(session);
    void session.ended.then((end) => {
      this.#session = null;
      this.#opened = Promise.withResolvers();
      this.#opened.promise.catch(() => {});
      this.#onLost(end.error);
    });
    this.#flush(session);
  }

  /** Sends what waited, oldest first, and keeps what the session does not take. */
  #flush(session: Session): void {
    const waiting = this.#buffer;
    this.#buffer = [];
    for (let i = 0; i < waiting.length; i++) {
      const item = waiting[i];
      if (item === undefined) continue;
      const status = session.isOpen ? session.post(item.definition, item.body) : "closed";
      if (status === "full" || status === "closed") {
        this.#buffer = [...waiting.slice(i), ...this.#buffer];
        if (status === "full") {
          void session.writable(item.definition.lane).then(() => this.#flush(session), () => {});
        }
        return;
      }
    }
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
    const session = this.#session;
    if (session !== null) return Promise.resolve(session);
    return new Promise((resolve, reject) => {
      const stop = (error: HanaError): void => {
        timer.cancel();
        signal?.removeEventListener("abort", abort);
        reject(error);
      };
      const abort = (): void =>
        stop(new HanaError("cancelled", { what: `${definition.name} was cancelled` }));
      const timer = this.#options.platform.timers.schedule(
        deadlineUs,
        () =>
          stop(
            new HanaError("timeout", {
              what: `${definition.name} was not sent`,
              why: "there was no connection in time",
            }),
          ),
      );
      signal?.addEventListener("abort", abort, { once: true });
      this.#opened.promise.then((opened) => {
        timer.cancel();
        signal?.removeEventListener("abort", abort);
        resolve(opened);
      }, stop);
    });
  }
}
