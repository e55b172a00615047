// One connection from the daemon to a shim: greeting, state and events as they come, demands with answers.
// Decides how long each may take and what a bad line costs: the connection, never more. Never decides what to demand.

import { HanaError } from "../../base/mod.ts";
import type { Platform, ProcessIdentity, StreamAddress, TimerHandle } from "../../platform/mod.ts";
import { JsonLines } from "../lines/mod.ts";
import {
  CONTROL_VERSION,
  type CrashBundle,
  type FromShim,
  type LogRecord,
  MAX_CONTROL_LINE_BYTES,
  type ProgramEvent,
  type ProgramSnapshot,
  type ToShim,
} from "../model/mod.ts";
import { asObject, readEvent, readProcess, readSnapshot } from "./rows.ts";

/** What may wait for a shim that does not read. */
const MAX_WAITING_BYTES = 4 << 20;
/** Demands of one shim at once; one more is refused. */
const MAX_DEMANDS = 256;

/** What a shim said of itself. */
export interface Welcome {
  readonly shim: ProcessIdentity | null;
  readonly bootId: string;
  readonly token: string;
  readonly snapshot: ProgramSnapshot;
  readonly events: readonly ProgramEvent[];
}

/** What comes by a link. Nothing comes after `onGone`, which is told once. */
export interface LinkHandlers {
  onSnapshot(snapshot: ProgramSnapshot): void;
  onEvent(event: ProgramEvent): void;
  onLog(records: readonly LogRecord[], missed: number): void;
  /** The shim ends in order. */
  onBye(snapshot: ProgramSnapshot): void;
  /** The connection is gone. */
  onGone(): void;
}

/** What a demand was answered with. */
export interface ShimAnswer {
  readonly records: readonly LogRecord[];
  readonly bundle: CrashBundle | null;
  /** False where there was nothing to do. */
  readonly done: boolean;
}

/** A demand without its number. */
export type Demand = { [K in ToShim["t"]]: Omit<Extract<ToShim, { t: K }>, "op"> }[
  "want" | "restart" | "signal" | "logs" | "why"
];

interface Waiter {
  resolve(answer: ShimAnswer): void;
  reject(error: HanaError): void;
  readonly timer: TimerHandle;
}

/** How to reach a shim. */
export interface LinkOptions {
  readonly platform: Platform;
  readonly address: StreamAddress;
  /** The newest event that is known. */
  readonly sinceSeq: number;
  /** How long connecting and greeting may take together. */
  readonly timeoutUs: number;
  readonly name: string;
}

/** A connection to a shim that has greeted. */
export class ShimLink {
  readonly #platform: Platform;
  readonly #name: string;
  readonly #waiters = new Map<number, Waiter>();
  readonly #greeted = Promise.withResolvers<Welcome>();
  #lines: JsonLines | null = null;
  #handlers: LinkHandlers | null = null;
  /** What came between the welcome and {@linkcode listen}. */
  #early: (() => void)[] = [];
  #nextOp = 1;
  #isGone = false;
  #welcome: Welcome | null = null;
  /** Lines that could not be understood. */
  unreadable = 0;

  private constructor(platform: Platform, name: string) {
    this.#platform = platform;
    this.#name = name;
    // Whoever connects awaits it; a connection that is given up before has nobody to tell.
    this.#greeted.promise.catch(() => {});
  }

  /**
   * Connects and greets. Rejects with `not-found` and `unreachable` where nobody listens, `timeout` where nobody answers,
   * `protocol` where something else does.
   */
  static async connect(options: LinkOptions): Promise<ShimLink> {
    const { platform, address, timeoutUs, sinceSeq, name } = options;
    const link = new ShimLink(platform, name);
    const cancel = new AbortController();
    const timer = platform.timers.schedule(platform.clock.nowUs() + timeoutUs, () => {
      cancel.abort();
      link.#greeted.reject(
        new HanaError("timeout", { what: `the shim of ${name}`, why: "it does not answer" }),
      );
    });
    try {
      const stream = await platform.streams.connect(address, { signal: cancel.signal });
      link.#lines = new JsonLines(
        stream,
        { maxLineBytes: MAX_CONTROL_LINE_BYTES, maxWaitingBytes: MAX_WAITING_BYTES },
        { onObject: (value) => link.#onObject(value), onClose: () => link.#onClose() },
      );
      link.#send({ t: "hello", v: CONTROL_VERSION, sinceSeq });
      link.#welcome = await link.#greeted.promise;
      return link;
    } catch (thrown) {
      link.close();
      throw thrown;
    } finally {
      timer.cancel();
    }
  }

  /** What the shim said when it was greeted. */
  get welcome(): Welcome {
    if (this.#welcome === null) throw new HanaError("internal", { what: "a link without a welcome" });
    return this.#welcome;
  }

  get isOpen(): boolean {
    return !this.#isGone && this.#lines?.isOpen === true;
  }

  /** Tells `handlers` what comes; what came since the welcome first. Called once. */
  listen(handlers: LinkHandlers): void {
    this.#handlers = handlers;
    for (const tell of this.#early.splice(0)) tell();
  }

  /** Demands something and waits for the answer. Rejects with the shim's refusal, `timeout`, `closed` or `overloaded`. */
  demand(demand: Demand, timeoutUs: number): Promise<ShimAnswer> {
    const { clock, timers } = this.#platform;
    const what = `the shim of ${this.#name}`;
    if (this.#waiters.size >= MAX_DEMANDS) {
      return Promise.reject(new HanaError("overloaded", { what, why: `${MAX_DEMANDS} demands wait for it` }));
    }
    const op = this.#nextOp++;
    if (!this.#send({ ...demand, op } as ToShim)) {
      const why = this.isOpen ? "it does not read what is asked of it" : "the connection is gone";
      return Promise.reject(new HanaError(this.isOpen ? "overloaded" : "closed", { what, why }));
    }
    return new Promise((resolve, reject) => {
      const timer = timers.schedule(clock.nowUs() + timeoutUs, () => {
        this.#waiters.delete(op);
        reject(new HanaError("timeout", { what, why: `it did not answer ${demand.t}` }));
      });
      this.#waiters.set(op, { resolve, reject, timer });
    });
  }

  /** Says that what the program needs is there. False when it could not be said. */
  clear(): boolean {
    return this.#send({ t: "clear" });
  }

  /** Asks for lines as they come, or for no more of them. */
  follow(on: boolean): void {
    this.#send({ t: "follow", on });
  }

  /** Lets go of the shim, which goes on by itself. */
  close(): void {
    this.#handlers = null;
    this.#early = [];
    this.#lines?.abort();
    this.#onClose();
  }

  #send(message: ToShim): boolean {
    return this.#lines?.send(message) === true;
  }

  #tell(run: () => void): void {
    if (this.#handlers === null) this.#early.push(run);
    else run();
  }

  #onClose(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const closed = new HanaError("closed", {
      what: `the shim of ${this.#name}`,
      why: "the connection ended",
    });
    this.#greeted.reject(closed);
    for (const { reject, timer } of this.#waiters.values()) {
      timer.cancel();
      reject(closed);
    }
    this.#waiters.clear();
    this.#tell(() => this.#handlers?.onGone());
  }

  #onObject(value: Readonly<Record<string, unknown>>): void {
    switch (value.t as FromShim["t"]) {
      case "welcome":
        return this.#onWelcome(value);
      case "state":
      case "bye": {
        const snapshot = readSnapshot(value.snapshot);
        if (snapshot === null) return this.#onUnreadable();
        const isBye = value.t === "bye";
        return this.#tell(() =>
          isBye ? this.#handlers?.onBye(snapshot) : this.#handlers?.onSnapshot(snapshot)
        );
      }
      case "event": {
        const event = readEvent(value.event);
        if (event === null) return this.#onUnreadable();
        return this.#tell(() => this.#handlers?.onEvent(event));
      }
      case "log": {
        if (!Array.isArray(value.records)) return this.#onUnreadable();
        const records = value.records as LogRecord[];
        const missed = Number(value.missed) || 0;
        return this.#tell(() => this.#handlers?.onLog(records, missed));
      }
      case "ok":
      case "no":
        return this.#onAnswer(value);
      default:
        // A newer shim may say more.
        this.unreadable++;
    }
  }

  #onWelcome(value: Readonly<Record<string, unknown>>): void {
    const snapshot = readSnapshot(value.snapshot);
    const { bootId, token, events } = value;
    const isOne = typeof bootId === "string" && typeof token === "string" && Array.isArray(events);
    if (snapshot === null || !isOne) {
      const error = new HanaError("protocol", {
        what: `the shim of ${this.#name}`,
        why: "its greeting cannot be read",
      });
      return this.#greeted.reject(error);
    }
    const known = events.map(readEvent).filter((event) => event !== null);
    this.unreadable += events.length - known.length;
    this.#greeted.resolve({ shim: readProcess(value.shim), bootId, token, snapshot, events: known });
  }

  #onAnswer(value: Readonly<Record<string, unknown>>): void {
    const op = Number(value.op);
    const waiter = this.#waiters.get(op);
    if (waiter === undefined) return;
    this.#waiters.delete(op);
    waiter.timer.cancel();
    if (value.t === "no") return waiter.reject(refusalOf(this.#name, value));
    waiter.resolve({
      records: Array.isArray(value.records) ? value.records as LogRecord[] : [],
      bundle: asObject(value.bundle) as CrashBundle | null,
      done: value.done !== false,
    });
  }

  #onUnreadable(): void {
    this.unreadable++;
  }
}

const REFUSALS = [
  "not-found",
  "refused",
  "conflict",
  "unsupported",
  "usage",
  "overloaded",
  "storage",
] as const;

function refusalOf(name: string, { code, why }: Readonly<Record<string, unknown>>): HanaError {
  const known = REFUSALS.find((each) => each === code) ?? "refused";
  return new HanaError(known, { what: name, why: typeof why === "string" ? why : "its shim refused" });
}
