// Feeds broken bytes to everything in lib/transport, lib/session and lib/node that reads what a peer or a damaged disk
// can bring: greetings, open sessions, frames on a link, definitions of messages, identity files, notes.
// A run fails on anything thrown that is no HanaError of the promised code, on a bound that does not hold, and on
// answers that contradict themselves.

import { type ErrorCode, HanaError, type Incarnation, isNodeId, type NodeId } from "../../lib/base/mod.ts";
import { claimIdentity, listLocalNodes } from "../../lib/node/mod.ts";
import type { ByteStream, Files, Platform, StreamHandlers } from "../../lib/platform/mod.ts";
import {
  CompiledMessage,
  DEFAULT_SESSION_LIMITS,
  defineEvent,
  defineRequest,
  type Identity,
  type MessageDefinition,
  MessageTable,
  parseDefinition,
  PayloadKind,
  SessionCore,
} from "../../lib/session/mod.ts";
import { Link, StreamCarrier } from "../../lib/transport/mod.ts";
import { ByteWriter, createCodec, encodeFrame, s } from "../../lib/wire/mod.ts";
import type { Mutator } from "./mutate.ts";
import { type FuzzReport, type Shares, takeTurns, type Target } from "./turns.ts";

const MAX_FRAME_BYTES = 4096;
const NOW_US = 5_000_000;
const codec = createCodec("msgpack");
const json = createCodec("json");

const LIMITS = {
  ...DEFAULT_SESSION_LIMITS,
  maxRunningRequests: 8,
  maxPendingRequests: 8,
  maxPeerNames: 32,
  maxPayloadBytes: MAX_FRAME_BYTES,
};

const roles = ["app", "visualization", "daemon", "observer"] as const;
const ASK = defineRequest({
  name: "fuzz.ask",
  description: "Asks.",
  lane: "control",
  effect: "read",
  from: roles,
  to: roles,
  body: s.object({ value: s.number(), text: s.optional(s.string({ maxLength: 20 })) }),
  reply: s.object({ value: s.number() }),
});
const TELL = defineEvent({
  name: "fuzz.tell",
  lane: "modulation",
  effect: "command",
  from: ["app"],
  to: ["daemon"],
  body: s.array(s.integer(), { maxItems: 8 }),
});
const DEFINITIONS: readonly MessageDefinition[] = [ASK, TELL];

function check(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`fuzzing lib/session: ${claim}`);
}

function identity(number: number, role: Identity["role"]): Identity {
  return {
    id: number.toString(16).padStart(32, "0") as NodeId,
    name: `node-${number}`,
    role,
    incarnation: number as Incarnation,
    software: "0.1.0",
  };
}

function newCore(side: "dialler" | "listener", local: Identity): SessionCore {
  const messages = new MessageTable();
  for (const definition of DEFINITIONS) messages.define(definition);
  const made = new SessionCore({
    side,
    local,
    messages,
    codec: "msgpack",
    access: "operator",
    limits: LIMITS,
  });
  made.handleOpen(NOW_US);
  return made;
}

function greeting(kind: number, peer: Identity, json_ = false): Uint8Array {
  const body = { ...peer, versions: [2, 1] };
  return Uint8Array.of(kind, json_ ? 1 : 0, ...(json_ ? json : codec).encode(body));
}

function payload(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(MAX_FRAME_BYTES);
  write(writer);
  return writer.copy();
}

/** What an honest peer says in an open session. */
function conversation(): Uint8Array[] {
  const name = (number: number, text: string) =>
    payload((writer) => (writer.u8(PayloadKind.name), writer.varint(number), writer.shortText(text)));
  const request = (id: number, body: unknown) =>
    payload((writer) => {
      writer.u8(PayloadKind.request);
      for (const number of [id, 1, 1000]) writer.varint(number);
      writer.bytes(codec.encode(body));
    });
  const numbered = (kind: number, id: number, body: unknown) =>
    payload((writer) => (writer.u8(kind), writer.varint(id), writer.bytes(codec.encode(body))));
  return [
    name(1, ASK.name),
    name(2, TELL.name),
    name(3, "fuzz.unknown"),
    request(1, { value: 1 }),
    request(2, { value: 2.5, text: "hello" }),
    numbered(PayloadKind.event, 2, [1, 2, 3]),
    numbered(PayloadKind.response, 1, { value: 3 }),
    numbered(PayloadKind.failure, 2, { code: "refused", what: "no", why: "because", hint: "hana help" }),
    payload((writer) => (writer.u8(PayloadKind.cancel), writer.varint(1))),
    payload((writer) => {
      for (const number of [PayloadKind.fenced, 1]) writer.u8(number);
      writer.varint(7);
      writer.bytes(new Uint8Array(16).fill(0xab));
      writer.varint(1_700_000_000_000);
      writer.u8(PayloadKind.event);
      writer.varint(2);
      writer.bytes(codec.encode([4]));
    }),
    Uint8Array.of(PayloadKind.fenced, 0, PayloadKind.event, 2, ...codec.encode([5])),
    payload((writer) => (writer.u8(PayloadKind.role), writer.shortText("daemon"))),
    payload((writer) => (writer.u8(PayloadKind.role), writer.shortText("app"))),
    payload((writer) => (writer.u8(PayloadKind.ping), writer.u32(7))),
    payload((writer) => (writer.u8(PayloadKind.pong), writer.u32(1))),
    payload((writer) => (writer.u8(PayloadKind.goodbye), writer.bytes(codec.encode({ reason: "done" })))),
  ];
}

/** Mutated first payloads, to either side. */
function greetings(mutator: Mutator): Target {
  const peer = identity(2, "app");
  const seeds = [
    greeting(PayloadKind.hello, peer),
    greeting(PayloadKind.hello, peer, true),
    greeting(PayloadKind.welcome, peer),
    Uint8Array.of(PayloadKind.reject, 0, ...codec.encode({ code: "version", what: "no", why: "7" })),
    ...conversation(),
  ];
  return () => {
    const side = newCore(mutator.below(2) === 0 ? "dialler" : "listener", identity(1, "daemon"));
    side.handlePayload(NOW_US, mutator.mutate(pick(mutator, seeds)));
    let events = 0;
    for (let event = side.pollEvent(); event !== null; event = side.pollEvent()) {
      events++;
      check(
        event.type === "open" || event.type === "broken",
        `${event.type} before the greeting was through`,
      );
    }
    check(events === 1, `${events} events of one first payload`);
    drainTransmits(side);
    if (!side.isOpen) return false;
    check(side.peer !== null && isNodeId(side.peer.id) && side.peer.name.length <= 64, "an impossible peer");
    return true;
  };
}

/** Mutated payloads into open sessions, which live until one of them ends it. */
function openSessions(mutator: Mutator): Target {
  const seeds = conversation();
  const ask = new CompiledMessage(ASK);
  let side: SessionCore | null = null;
  let nowUs = NOW_US;
  const open = (): SessionCore => {
    nowUs = NOW_US;
    const made = newCore("listener", identity(1, "daemon"));
    made.handlePayload(nowUs, greeting(PayloadKind.hello, identity(2, "app")));
    for (const each of seeds.slice(0, 3)) made.handlePayload(nowUs, each);
    drainTransmits(made);
    while (made.pollEvent() !== null);
    check(made.isOpen, "an honest greeting was refused");
    return made;
  };
  return () => {
    side ??= open();
    if (mutator.below(8) === 0 && side.pendingRequests < LIMITS.maxPendingRequests) {
      side.startRequest(nowUs, ask, { value: 1 }, 1000 * (1 + mutator.below(1000)));
    }
    side.handlePayload(nowUs, mutator.mutate(pick(mutator, seeds)));
    let accepted = false;
    let events = 0;
    for (let event = side.pollEvent(); event !== null; event = side.pollEvent()) {
      events++;
      if (event.type === "request" || event.type === "event") {
        const schema = event.type === "request" ? ask.body : TELL_BODY;
        check(
          schema.validate(event.body) === null,
          `a body that its schema forbids: ${JSON.stringify(event.body)}`,
        );
      }
      if (event.type === "request" && mutator.below(4) !== 0) {
        if (mutator.below(2) === 0) side.respond(event.id, { value: 1 });
        else side.respondFailure(event.id, new HanaError("refused", { what: "no" }));
      }
      accepted ||= event.type !== "broken";
    }
    check(events <= 1, `${events} events of one payload`);
    drainTransmits(side);
    nowUs += mutator.below(2000);
    if ((side.pollTimeout()?.atUs ?? Infinity) <= nowUs) {
      side.handleTimeout(nowUs);
      while (side.pollEvent() !== null);
      drainTransmits(side);
    }
    check(side.pendingRequests <= LIMITS.maxPendingRequests, "more requests wait than may");
    if (!side.isOpen) side = null;
    return accepted;
  };
}
const TELL_BODY = new CompiledMessage(TELL).body;

function drainTransmits(side: SessionCore): void {
  let count = 0;
  for (let next = side.pollTransmit(); next !== null; next = side.pollTransmit()) {
    check(next.payload.length > 0 && next.payload.length <= LIMITS.maxPayloadBytes, "a payload of no size");
    count++;
  }
  check(count <= LIMITS.maxPendingRequests + 4, `${count} payloads in answer to one`);
}

/** A stream whose other end is the fuzzer. */
class FuzzStream implements ByteStream {
  readonly local = "tcp://10.0.0.1:1";
  readonly remote = "tcp://10.0.0.2:2";
  handlers: StreamHandlers | null = null;
  open(handlers: StreamHandlers): void {
    this.handlers = handlers;
  }
  write(): void {}
  closeWrite(): void {}
  abort(): void {}
  pauseReading(): void {}
  resumeReading(): void {}
}

/** Mutated streams of frames into a carrier over a link, cut anywhere. */
function streams(mutator: Mutator): Target {
  const lanes = [0, 2, 4, 200];
  const said = conversation();
  const seeds = said.map((each, i) =>
    Uint8Array.from([each, said[(i + 1) % said.length] ?? each, Uint8Array.of(9)].flatMap((part, j) => [
      ...encodeFrame(Uint8Array.of(lanes[(i + j) % lanes.length] ?? 0, ...part)),
    ]))
  );
  return () => {
    const stream = new FuzzStream();
    const carrier = new StreamCarrier(new Link(stream, { channel: null, maxFrameBytes: MAX_FRAME_BYTES }));
    let closed = 0;
    let error: HanaError | null = null;
    carrier.open({
      onOpen: () => {},
      onPayload: (_lane, bytes) => {
        check(closed === 0, "a payload after the end");
        check(bytes.length < MAX_FRAME_BYTES, "a payload over the limit");
      },
      onWritable: () => {},
      onClose: (reason) => {
        closed++;
        error = reason;
      },
    });
    const input = mutator.mutate(pick(mutator, seeds));
    for (let at = 0; at < input.length;) {
      const size = mutator.below(3) === 0 ? 1 + mutator.below(12) : input.length - at;
      stream.handlers?.onData(input.subarray(at, at + size));
      at += size;
    }
    stream.handlers?.onEnd();
    stream.handlers?.onClose(null);
    check(closed === 1, `closed ${closed} times`);
    const code = (error as HanaError | null)?.code ?? null;
    check(code === null || code === "protocol" || code === "frame-too-large", `ended with ${code}`);
    return code === null;
  };
}

/** Mutated definitions, as a node describes itself. */
function definitions(mutator: Mutator): Target {
  const seeds = DEFINITIONS.flatMap((
    definition,
  ) => [codec.encode(definition).slice(), json.encode(definition).slice()]);
  return () => {
    const at = mutator.below(seeds.length);
    const reader = at % 2 === 0 ? codec : json;
    const bytes = mutator.mutate(seeds[at] ?? new Uint8Array(0));
    const definition = refusedWith(["decode", "schema"], () => parseDefinition(reader.decode(bytes)));
    if (definition === null) return false;
    const again = parseDefinition(codec.decode(codec.encode(definition)));
    check(JSON.stringify(again) === JSON.stringify(definition), "a definition does not come back as it was");
    new CompiledMessage(definition).body.validate(null);
    return true;
  };
}

/** Mutated identity files and notes on the own disk. */
function ownFiles(mutator: Mutator): Target {
  const id = "0123456789abcdef".repeat(2);
  const kept = new TextEncoder().encode(JSON.stringify({ schema: "hana.identity/1", id, incarnation: 7 }));
  const note = new TextEncoder().encode(
    JSON.stringify({
      schema: "hana.local/1",
      id,
      name: "a",
      role: "daemon",
      processId: 1,
      address: "unix:///x",
    }),
  );
  let content: Uint8Array = kept;
  let written: Uint8Array | null = null;
  const files: Files = {
    read: () => content,
    write: (_path, bytes) => {
      written = bytes;
    },
    remove: () => false,
    makeDirectory: () => {},
    stat: () => ({ kind: "file", size: content.length, mode: 0o600, userId: 1 }),
    list: () => ["0123456789ab.json"],
    lock: () => ({ release: () => {} }),
    openAppend: () => ({ size: 0, append: () => {}, sync: () => {}, close: () => {} }),
    readAt: () => null,
    rename: () => false,
    isExecutable: () => false,
    freeBytes: () => null,
  };
  const platform = {
    files,
    clock: { wallMs: () => 1_700_000_000_000, nowUs: () => NOW_US },
    random: {
      stream: () => ({
        u32: () => mutator.u32(),
        float: () => 0,
        fill: (target: Uint8Array) => target.fill(7),
      }),
    },
  } as unknown as Platform;
  return () => {
    if (mutator.below(2) === 0) {
      content = mutator.mutate(note);
      const found = listLocalNodes(files, "/run");
      for (const node of found) {
        check(isNodeId(node.id) && typeof node.address === "string", "an impossible note");
      }
      return found.length === 1;
    }
    content = mutator.mutate(kept);
    const held = claimIdentity(platform, { stateDirectory: "/state", name: "a" });
    check(isNodeId(held.id) && held.incarnation >= 1_700_000_000_000, "an impossible identity");
    check(
      held.incarnation < 2 ** 48 && written !== null,
      "an incarnation that does not fit, or was not kept",
    );
    return held.id === id;
  };
}

function pick(mutator: Mutator, seeds: readonly Uint8Array[]): Uint8Array {
  return seeds[mutator.below(seeds.length)] ?? new Uint8Array(0);
}

/** Runs `read`; null when it refused with a promised code, and anything else goes through. */
function refusedWith<T>(codes: readonly ErrorCode[], read: () => T): T | null {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof HanaError && codes.includes(thrown.code)) return null;
    throw thrown;
  }
}

/** How many of 16 iterations go to each entry point: those that strangers reach get most. */
const SHARES: Shares = [
  [6, openSessions],
  [5, streams],
  [3, greetings],
  [1, definitions],
  [1, ownFiles],
];

/** Feeds `iterations` mutated inputs; the same seed feeds the same ones. Throws at the first that does harm. */
export function fuzzSession(seed: number, iterations: number): FuzzReport {
  return takeTurns(SHARES, seed, iterations);
}
