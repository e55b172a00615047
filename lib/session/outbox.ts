// The payloads that wait to go out, and how those of the session itself are written.
// Decides bytes and lanes of greetings, names, roles, pulses, cancels, failures and goodbyes; never when one is due.

import { HanaError, type Role } from "../base/mod.ts";
import type { LaneName } from "../lanes/mod.ts";
import { ByteWriter, type Codec } from "../wire/mod.ts";
import type { Transmit } from "./events.ts";
import { CODEC_NUMBERS, encodeFailure, PayloadKind, shortText } from "./protocol.ts";

/** What one session sends. */
export class SessionOutbox {
  readonly #waiting: Transmit[] = [];
  /** One payload at a time is written here; whoever keeps it copies it. */
  readonly #writer: ByteWriter;

  /** @param codec of the session; a listener takes the dialler's */
  constructor(public codec: Codec, readonly maxPayloadBytes: number) {
    this.#writer = new ByteWriter(maxPayloadBytes);
  }

  /** The next payload, null when there is none. */
  poll(): Transmit | null {
    return this.#waiting.shift() ?? null;
  }

  /** The one writer, with what was written since {@linkcode begin}. */
  get writer(): ByteWriter {
    return this.#writer;
  }

  /** The one writer, empty. */
  begin(): ByteWriter {
    this.#writer.reset();
    return this.#writer;
  }

  /** Writes the body of a message behind what was begun. Throws `frame-too-large`. */
  writeBody(name: string, body: unknown): void {
    this.#writer.bytes(this.codec.encode(body));
    if (this.#writer.failed) {
      const why = `it is over ${this.maxPayloadBytes} bytes`;
      throw new HanaError("frame-too-large", { what: `${name} was not sent`, why });
    }
  }

  /** What was written goes out. `optional`: may be left out where the lane is full. */
  send(lane: LaneName, payload: Uint8Array = this.#writer.copy(), optional = false): void {
    this.#waiting.push({ lane, payload, optional });
  }

  /** Hello, welcome or reject: the kinds that name the codec. */
  sendGreeting(kind: number, body: Record<string, unknown>): void {
    const writer = this.begin();
    writer.u8(kind);
    writer.u8(CODEC_NUMBERS[this.codec.name]);
    writer.bytes(this.codec.encode(body));
    this.send("control");
  }

  /** The number of a message. Never on the message's own lane: that may drop its oldest, and a number without a name ends the session. */
  sendName(number: number, name: string): void {
    const writer = this.begin();
    writer.u8(PayloadKind.name);
    writer.varint(number);
    writer.shortText(name);
    this.send("control");
  }

  /** The role that we have from now on; on the lane that goes before all others. */
  sendRole(role: Role): void {
    const writer = this.begin();
    writer.u8(PayloadKind.role);
    writer.shortText(role);
    this.send("control");
  }

  /** Ping or pong. */
  sendPulse(kind: number, nonce: number): void {
    const writer = this.begin();
    writer.u8(kind);
    writer.u32(nonce);
    this.send("control", writer.copy(), true);
  }

  /** Takes a request of ours back. */
  sendCancel(id: number, lane: LaneName): void {
    const writer = this.begin();
    writer.u8(PayloadKind.cancel);
    writer.varint(id);
    this.send(lane, writer.copy(), true);
  }

  /** Answers a request of the peer with an error. */
  sendFailure(id: number, error: HanaError, lane: LaneName): void {
    const writer = this.begin();
    writer.u8(PayloadKind.failure);
    writer.varint(id);
    const start = writer.copy();
    writer.bytes(this.codec.encode(encodeFailure(error)));
    // Where not even the reason fits, the failure itself must still arrive: without a body it reads as `internal`.
    this.send(lane, writer.failed ? start : writer.copy());
  }

  /** The last payload of a session in order. */
  sendGoodbye(reason: string): void {
    const writer = this.begin();
    writer.u8(PayloadKind.goodbye);
    writer.bytes(this.codec.encode({ reason: shortText(reason, 256) }));
    this.send("control");
  }
}
