// What the tests of lib/session share: identities, messages of every kind, a pair of cores with a lossless pipe
// between them, a core that is talked to in bytes, and sessions over memory on a simulated clock.

import type { HanaError, Incarnation, NodeId } from "../../../lib/base/mod.ts";
import { assert } from "@std/assert";
import {
  type AccessSource,
  CompiledMessage,
  DEFAULT_SESSION_LIMITS,
  defineEvent,
  defineRequest,
  type Fence,
  type Identity,
  type MessageDefinition,
  MessageTable,
  PayloadKind,
  SessionCore,
  type SessionEvent,
  type SessionLimits,
} from "../../../lib/session/mod.ts";
import { ByteReader, ByteWriter, type CodecName, createCodec, s } from "../../../lib/wire/mod.ts";

/** A moment at which tests begin; no clock starts at 0. */
export const START_US = 7_000_000;

export function identity(number: number, overrides: Partial<Identity> = {}): Identity {
  return {
    id: number.toString(16).padStart(32, "0") as NodeId,
    name: `node-${number}`,
    role: "app",
    incarnation: (1_700_000_000_000 + number) as Incarnation,
    software: "0.1.0",
    ...overrides,
  };
}

const anyRole = ["app", "visualization", "daemon", "observer"] as const;

/** Doubles a number. */
export const DOUBLE = defineRequest({
  name: "test.double",
  lane: "control",
  effect: "read",
  from: anyRole,
  to: anyRole,
  body: s.object({ value: s.number() }),
  reply: s.object({ value: s.number() }),
});

/** A command of an app to a daemon. */
export const START = defineRequest({
  name: "test.start",
  lane: "control",
  effect: "command",
  from: ["app"],
  to: ["daemon"],
  body: s.object({}),
  reply: s.object({}),
});

/** A one-way message that is kept. */
export const NOTE = defineEvent({
  name: "test.note",
  lane: "events",
  effect: "read",
  from: anyRole,
  to: anyRole,
  body: s.object({ number: s.integer() }),
});

/** A one-way message of which the newest matters. */
export const HUE = defineEvent({
  name: "test.hue",
  lane: "modulation",
  effect: "read",
  from: anyRole,
  to: anyRole,
  body: s.object({ number: s.integer() }),
});

/** A one-way command that only an app may send, and only to a visualization. */
export const CUE = defineEvent({
  name: "test.cue",
  lane: "state",
  effect: "command",
  from: ["app"],
  to: ["visualization"],
  body: s.object({}),
});

export const DEFINITIONS: readonly MessageDefinition[] = [DOUBLE, START, NOTE, HUE, CUE];

export function table(definitions: readonly MessageDefinition[] = DEFINITIONS): MessageTable {
  const messages = new MessageTable();
  for (const definition of definitions) messages.define(definition);
  return messages;
}

export function compiled(definition: MessageDefinition): CompiledMessage {
  return new CompiledMessage(definition);
}

export interface CoreOptions {
  readonly side?: "dialler" | "listener";
  readonly local?: Identity;
  readonly definitions?: readonly MessageDefinition[];
  readonly codec?: CodecName;
  readonly access?: AccessSource;
  readonly limits?: Partial<SessionLimits>;
  readonly fence?: Fence;
}

export function core(options: CoreOptions = {}): SessionCore {
  return new SessionCore({
    side: options.side ?? "dialler",
    local: options.local ?? identity(1),
    messages: table(options.definitions),
    codec: options.codec ?? "msgpack",
    access: options.access ?? "operator",
    ...(options.fence === undefined ? {} : { fence: options.fence }),
    limits: { ...DEFAULT_SESSION_LIMITS, ...options.limits },
  });
}

/** All events that wait. */
export function events(of: SessionCore): SessionEvent[] {
  const all: SessionEvent[] = [];
  for (let event = of.pollEvent(); event !== null; event = of.pollEvent()) all.push(event);
  return all;
}

/** All payloads that wait. */
export function transmits(of: SessionCore): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let next = of.pollTransmit(); next !== null; next = of.pollTransmit()) all.push(next.payload);
  return all;
}

/** Kinds of the payloads that wait. */
export function kinds(of: SessionCore): number[] {
  return transmits(of).map((payload) => payload[0] ?? 0);
}

/** The error with which a core broke; null when it did not. */
export function broken(of: readonly SessionEvent[]): HanaError | null {
  const event = of.find((each) => each.type === "broken");
  return event?.type === "broken" ? event.error : null;
}

/** Two cores and the pipe between them. Payloads arrive in the order in which they were sent. */
export class CorePair {
  nowUs = START_US;
  readonly a: SessionCore;
  readonly b: SessionCore;

  constructor(a: CoreOptions = {}, b: CoreOptions = {}) {
    this.a = core({ side: "dialler", local: identity(1), ...a });
    this.b = core({ side: "listener", local: identity(2), ...b });
    this.a.handleOpen(this.nowUs);
    this.b.handleOpen(this.nowUs);
  }

  /** Greets; both are open afterwards and their events are read. */
  opened(): this {
    this.carry();
    assert(this.a.isOpen && this.b.isOpen, "both sides have greeted");
    events(this.a);
    events(this.b);
    return this;
  }

  /** Carries everything that waits, both ways, until nothing does. */
  carry(): void {
    for (let moved = true; moved;) {
      moved = false;
      for (const [from, to] of [[this.a, this.b], [this.b, this.a]] as const) {
        for (const payload of transmits(from)) {
          to.handlePayload(this.nowUs, payload);
          moved = true;
        }
      }
    }
  }

  /** Sends a payload of the application from one side to the other, behind what waits. */
  deliver(from: SessionCore, payload: Uint8Array): void {
    const to = from === this.a ? this.b : this.a;
    const copy = payload.slice();
    for (const waiting of transmits(from)) to.handlePayload(this.nowUs, waiting);
    to.handlePayload(this.nowUs, copy);
  }

  /** Lets time pass; both sides get their timeouts. */
  pass(us: number): void {
    const untilUs = this.nowUs + us;
    for (;;) {
      const dueUs = Math.min(this.a.pollTimeout()?.atUs ?? Infinity, this.b.pollTimeout()?.atUs ?? Infinity);
      if (dueUs > untilUs) break;
      this.nowUs = Math.max(this.nowUs, dueUs);
      for (const side of [this.a, this.b]) {
        if ((side.pollTimeout()?.atUs ?? Infinity) <= this.nowUs) side.handleTimeout(this.nowUs);
      }
      this.carry();
    }
    this.nowUs = untilUs;
  }
}

const codec = createCodec("msgpack");

/** Payloads as a peer would write them, honest or not. */
export const bytes = {
  greeting(kind: number, body: unknown, codecNumber = 0): Uint8Array {
    return Uint8Array.of(kind, codecNumber, ...codec.encode(body));
  },
  hello(overrides: Record<string, unknown> = {}, codecNumber = 0): Uint8Array {
    return bytes.greeting(PayloadKind.hello, { ...identity(2), versions: [1], ...overrides }, codecNumber);
  },
  welcome(overrides: Record<string, unknown> = {}): Uint8Array {
    return bytes.greeting(PayloadKind.welcome, { ...identity(2), versions: [1], ...overrides });
  },
  name(number: number, name: string): Uint8Array {
    return written((writer) => {
      writer.u8(PayloadKind.name);
      writer.varint(number);
      writer.shortText(name);
    });
  },
  request(id: number, message: number, body: unknown, timeoutMs = 1000): Uint8Array {
    return written((writer) => {
      writer.u8(PayloadKind.request);
      writer.varint(id);
      writer.varint(message);
      writer.varint(timeoutMs);
      writer.bytes(codec.encode(body));
    });
  },
  event(message: number, body: unknown): Uint8Array {
    return written((writer) => {
      writer.u8(PayloadKind.event);
      writer.varint(message);
      writer.bytes(codec.encode(body));
    });
  },
  answer(kind: number, id: number, body: unknown): Uint8Array {
    return written((writer) => {
      writer.u8(kind);
      writer.varint(id);
      writer.bytes(codec.encode(body));
    });
  },
  role(text: string): Uint8Array {
    return written((writer) => {
      writer.u8(PayloadKind.role);
      writer.shortText(text);
    });
  },
  /** Form, right and message as they are given. */
  fenced(form: number, right: readonly number[], message: Uint8Array): Uint8Array {
    return Uint8Array.of(PayloadKind.fenced, form, ...right, ...message);
  },
  cancel(id: number): Uint8Array {
    return written((writer) => {
      writer.u8(PayloadKind.cancel);
      writer.varint(id);
    });
  },
  pulse(kind: number, nonce: number): Uint8Array {
    return written((writer) => {
      writer.u8(kind);
      writer.u32(nonce);
    });
  },
};

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(1 << 20);
  write(writer);
  assert(!writer.failed);
  return writer.copy();
}

/** A failure payload: whose request it is, and what it says. */
export function readFailure(payload: Uint8Array): { id: number; body: Record<string, unknown> } {
  const reader = new ByteReader(payload);
  assert(reader.u8() === PayloadKind.failure, `a failure, not kind ${payload[0]}`);
  const id = reader.varint();
  return { id, body: codec.decode(reader.bytes(reader.remaining)) as Record<string, unknown> };
}

/** A listener that has greeted `node-2` and waits for its payloads. */
export function openListener(options: CoreOptions & { peer?: Record<string, unknown> } = {}): SessionCore {
  const side = core({ side: "listener", ...options });
  side.handleOpen(START_US);
  side.handlePayload(START_US, bytes.hello(options.peer));
  assert(side.isOpen, `greeted: ${broken(events(side))?.message}`);
  events(side);
  transmits(side);
  return side;
}
