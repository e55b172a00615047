// Where daemons talk to a shim: the control socket and whoever has greeted on it.
// Decides who is told what: everybody who greeted hears state and events, lines go to those who asked to follow.
// Never decides what a demand does (shim.ts). A daemon that does not read loses its connection, never the shim its time.

import type { HanaError } from "../../base/mod.ts";
import type { ByteStream, StreamAddress, StreamListener, Streams } from "../../platform/mod.ts";
import { JsonLines } from "../lines/mod.ts";
import {
  CONTROL_VERSION,
  type FromShim,
  type LogRecord,
  MAX_CONTROL_LINE_BYTES,
  type ToShim,
} from "../model/mod.ts";

/** Daemons at once: one, the next one while the first is being replaced, and somebody who looks. */
const MAX_CLIENTS = 8;
/** What may wait for a daemon that reads slowly. */
const MAX_WAITING_BYTES = 8 << 20;
/** Beyond this, lines are left out (and counted) so that state and answers get through. */
const MAX_WAITING_FOR_LINES = 1 << 20;
/** The versions of the protocol that this shim understands. */
const OLDEST_VERSION = 1;

/** What a demand is answered with, as far as it needs an answer. */
export type Answer = Extract<FromShim, { t: "ok" } | { t: "no" }>;

/** What the server asks of its shim. */
export interface ControlHandlers {
  welcome(sinceSeq: number): Extract<FromShim, { t: "welcome" }>;
  /** Does what was asked. Null where there is nothing to answer. */
  onDemand(demand: Exclude<ToShim, { t: "hello" } | { t: "follow" }>): Answer | null;
  /** Somebody follows the lines now, or nobody any more. */
  onFollowed(isFollowed: boolean): void;
}

interface Client {
  readonly lines: JsonLines;
  hasGreeted: boolean;
  follows: boolean;
  missed: number;
}

/** The control socket of a shim. */
export class ControlServer {
  /** Counters for the curious: connections refused, lines left out, demands that could not be read. */
  readonly counters = { refused: 0, missed: 0, unreadable: 0 };
  readonly #handlers: ControlHandlers;
  readonly #clients = new Set<Client>();
  #wasHeard = false;
  readonly #emptied = Promise.withResolvers<void>();
  #listener: StreamListener | null = null;

  constructor(handlers: ControlHandlers) {
    this.#handlers = handlers;
  }

  /** Starts to listen, or listens anew: who is connected stays. Rejects as {@linkcode Streams.listen} does. */
  async listen(streams: Streams, address: StreamAddress): Promise<void> {
    this.#listener?.close();
    this.#listener = await streams.listen(address, {
      onStream: (stream) => this.#onStream(stream),
      onError: () => this.counters.refused++,
    });
  }

  /** Whether anybody has ever greeted. */
  get wasHeard(): boolean {
    return this.#wasHeard;
  }

  /** Tells everybody who has greeted. */
  tell(message: FromShim): void {
    for (const client of this.#clients) if (client.hasGreeted) this.#send(client, message);
  }

  /** Passes lines on to those who follow. */
  tellLines(records: readonly LogRecord[], missed: number): void {
    for (const client of this.#clients) {
      if (!client.follows) continue;
      client.missed += missed;
      if (client.lines.waitingBytes > MAX_WAITING_FOR_LINES) {
        client.missed += records.length;
        this.counters.missed += records.length;
        continue;
      }
      const isSent = client.lines.send({ t: "log", records, missed: client.missed } satisfies FromShim);
      client.missed = isSent ? 0 : client.missed + records.length;
    }
  }

  /** Stops listening. Resolves when what was said has gone out, or nobody is there any more. */
  close(): Promise<void> {
    this.#listener?.close();
    this.#listener = null;
    for (const { lines } of this.#clients) lines.close();
    if (this.#clients.size === 0) this.#emptied.resolve();
    return this.#emptied.promise;
  }

  #onStream(stream: ByteStream): void {
    if (this.#clients.size >= MAX_CLIENTS) {
      this.counters.refused++;
      stream.open({ onData: () => {}, onWritten: () => {}, onEnd: () => {}, onClose: () => {} });
      stream.abort();
      return;
    }
    const limits = { maxLineBytes: MAX_CONTROL_LINE_BYTES, maxWaitingBytes: MAX_WAITING_BYTES };
    const lines: JsonLines = new JsonLines(stream, limits, {
      onObject: (value) => this.#onObject(client, value),
      onClose: (error) => this.#onClose(client, error),
    });
    const client: Client = { lines, hasGreeted: false, follows: false, missed: 0 };
    this.#clients.add(client);
  }

  #onClose(client: Client, _error: HanaError | null): void {
    this.#clients.delete(client);
    if (client.follows) this.#tellFollowed();
    if (this.#listener === null && this.#clients.size === 0) this.#emptied.resolve();
  }

  #onObject(client: Client, value: Readonly<Record<string, unknown>>): void {
    if (value.t === "hello") return this.#greet(client, value);
    if (!client.hasGreeted) return client.lines.abort();
    if (value.t === "follow") {
      client.follows = value.on === true;
      return this.#tellFollowed();
    }
    const demand = readDemand(value);
    if (demand === null) {
      this.counters.unreadable++;
      if (typeof value.op === "number") {
        const why = `this shim does not know ${String(value.t).slice(0, 32)}`;
        this.#send(client, { t: "no", op: value.op, code: "unsupported", why });
      }
      return;
    }
    const answer = this.#handlers.onDemand(demand);
    if (answer !== null) this.#send(client, answer);
  }

  #greet(client: Client, { v, sinceSeq }: Readonly<Record<string, unknown>>): void {
    if (typeof v !== "number" || v < OLDEST_VERSION) return client.lines.abort();
    this.#send(client, this.#handlers.welcome(typeof sinceSeq === "number" ? sinceSeq : 0));
    client.hasGreeted = true;
    this.#wasHeard = true;
  }

  #tellFollowed(): void {
    this.#handlers.onFollowed([...this.#clients].some(({ follows }) => follows));
  }

  #send(client: Client, message: FromShim): void {
    // Who does not take state and answers would go on with a wrong picture: better it comes back and asks anew.
    if (!client.lines.send(message) && client.lines.isOpen) client.lines.abort();
  }
}

const DEMANDS: ReadonlySet<unknown> = new Set(["want", "restart", "clear", "signal", "logs", "why"]);

/** A demand with the fields that it cannot do without, or null. The daemon is of this user: the rest is trusted. */
function readDemand(
  value: Readonly<Record<string, unknown>>,
): Exclude<ToShim, { t: "hello" } | { t: "follow" }> | null {
  if (!DEMANDS.has(value.t)) return null;
  if (value.t !== "clear" && typeof value.op !== "number") return null;
  return value as unknown as Exclude<ToShim, { t: "hello" } | { t: "follow" }>;
}

/** What this shim says of its protocol. */
export const SHIM_VERSION = CONTROL_VERSION;
