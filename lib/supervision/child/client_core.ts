// The program's side of the child protocol without a connection: lines out, bytes in, when a heartbeat is due.
// Decides that a heartbeat needs a frame or a call from the loop that draws; knows no socket and no timer.
// Never throws on what a shim says: what it does not know is ignored and counted.

import { CHILD_VERSION, MAX_CHILD_LINE_BYTES } from "./limits.ts";
import { LineBuffer } from "./line_buffer.ts";
import { parseObject } from "./line.ts";
import type { ChildCapability } from "./messages.ts";
import { cleanText, TEXT_LIMITS } from "./text.ts";

/** What a shim asks or tells. */
export type ClientEvent =
  | { readonly kind: "welcome"; readonly run: number; readonly lastExit: string | null }
  | { readonly kind: "stop"; readonly graceUs: number; readonly reason: string }
  | { readonly kind: "reload"; readonly path: string | null }
  | { readonly kind: "dump" };

/** Who says hello. */
export interface ClientIdentity {
  readonly token: string;
  readonly name: string;
  /** Which library speaks, with its version: `hana/0.6`. */
  readonly sdk: string;
  readonly caps: readonly ChildCapability[];
  /** HANA_RUN; null where it is not known. */
  readonly run: number | null;
  readonly heartbeatUs: number;
}

/** What a heartbeat may tell. */
export interface Beat {
  /** Counts the pictures that were drawn. */
  readonly frame?: number;
  /** Pictures a second; computed by the shim where it is left out. */
  readonly fps?: number;
  /** How late the last picture was, in milliseconds. */
  readonly lateMs?: number;
}

/** One program's side of one connection. Every method returns the line to send, with its end, or null for none. */
export class ChildClientCore {
  readonly #identity: ClientIdentity;
  readonly #buffer = new LineBuffer(MAX_CHILD_LINE_BYTES);
  #heartbeatUs: number;
  #beats = 0;
  #beatUs: number | null = null;
  #isReady = false;
  /** Lines of the shim that mean nothing here. */
  unknown = 0;

  constructor(identity: ClientIdentity) {
    this.#identity = identity;
    this.#heartbeatUs = identity.heartbeatUs;
  }

  /** How often the shim wants to hear a heartbeat, in microseconds. */
  get heartbeatUs(): number {
    return this.#heartbeatUs;
  }
  /** Heartbeats that were made. */
  get beats(): number {
    return this.#beats;
  }
  /** When the next heartbeat is due; null before the first. */
  get nextBeatUs(): number | null {
    return this.#beatUs === null ? null : this.#beatUs + this.#heartbeatUs;
  }

  hello(): string {
    const { token, name, sdk, caps, run } = this.#identity;
    return line({
      t: "hello",
      v: CHILD_VERSION,
      token,
      name: cleanText(name, TEXT_LIMITS.name),
      sdk: cleanText(sdk, TEXT_LIMITS.sdk),
      caps,
      ...(run === null ? {} : { run }),
    });
  }

  /** Once: null the second time. */
  ready(): string | null {
    if (this.#isReady) return null;
    this.#isReady = true;
    return line({ t: "ready" });
  }

  /** A heartbeat where one is due, for a loop that calls this with every picture. */
  maybeBeat(nowUs: number, beat: Beat): string | null {
    const dueUs = this.nextBeatUs;
    return dueUs !== null && nowUs < dueUs ? null : this.beat(nowUs, beat);
  }

  /** A heartbeat now. */
  beat(nowUs: number, beat: Beat): string {
    this.#beatUs = nowUs;
    return line({
      t: "hb",
      n: ++this.#beats,
      ...(beat.frame === undefined ? {} : { frame: beat.frame }),
      ...(beat.fps === undefined ? {} : { fps: beat.fps }),
      ...(beat.lateMs === undefined ? {} : { late_ms: beat.lateMs }),
    });
  }

  status(text: string, pct: number | null): string {
    return line({
      t: "status",
      text: cleanText(text, TEXT_LIMITS.status),
      ...(pct === null ? {} : { pct: Math.min(100, Math.max(0, pct)) }),
    });
  }

  extend(us: number, why: string): string {
    return line({ t: "extend", ms: Math.ceil(us / 1_000), why: cleanText(why, TEXT_LIMITS.why) });
  }

  fault(code: string, fatal: boolean, text: string): string {
    return line({
      t: "fault",
      code: cleanText(code, TEXT_LIMITS.code),
      fatal,
      text: cleanText(text, TEXT_LIMITS.fault),
    });
  }

  bye(reason: string): string {
    return line({ t: "bye", reason: cleanText(reason, TEXT_LIMITS.reason) });
  }

  /** Takes in what the shim sent. Answers to pings go to `onLine`, everything else is told by `onEvent`. */
  handleBytes(
    bytes: Uint8Array,
    onEvent: (event: ClientEvent) => void,
    onLine: (line: string) => void,
  ): void {
    this.#buffer.push(bytes, (one) => {
      const parsed = one === null ? null : parseObject(one);
      if (parsed === null || "rule" in parsed) this.unknown++;
      else this.#handle(parsed.fields, onEvent, onLine);
      return true;
    });
  }

  #handle(
    fields: Readonly<Record<string, unknown>>,
    onEvent: (event: ClientEvent) => void,
    onLine: (line: string) => void,
  ): void {
    switch (fields["t"]) {
      case "welcome": {
        const heartbeatMs = positive(fields["hb_ms"]);
        if (heartbeatMs !== null) this.#heartbeatUs = Math.round(heartbeatMs * 1_000);
        const run = positive(fields["run"]) ?? this.#identity.run ?? 0;
        onEvent({ kind: "welcome", run, lastExit: text(fields["last_exit"], TEXT_LIMITS.reason) });
        return;
      }
      case "stop":
        onEvent({
          kind: "stop",
          graceUs: Math.round((positive(fields["grace_ms"]) ?? 0) * 1_000),
          reason: text(fields["reason"], TEXT_LIMITS.reason) ?? "",
        });
        return;
      case "ping":
        onLine(line({ t: "pong", n: positive(fields["n"]) ?? 0 }));
        return;
      case "reload":
        onEvent({ kind: "reload", path: text(fields["path"], 4_096) });
        return;
      case "dump":
        onEvent({ kind: "dump" });
        return;
      default:
        this.unknown++;
    }
  }
}

function line(message: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(message) + "\n";
}

function positive(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? value : null;
}

function text(value: unknown, maxChars: number): string | null {
  return typeof value === "string" ? cleanText(value, maxChars) : null;
}
