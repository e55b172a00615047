// docs/vectors/state.json: bytes of the state protocol for who implements it in another language.
// Decides what is worth a vector and the form of the document. Run as a program it writes the file anew, which is right
// only while nobody holds another implementation against it: `deno run -A tests/support/state_vectors.ts`.

import { fromHex, toHex } from "../../lib/base/mod.ts";
import { MessageDecoder, MessageEncoder } from "../../lib/state/messages/mod.ts";
import {
  type BookVector,
  type CopyVector,
  type DigestVector,
  makeBookVectors,
  makeCopyVectors,
  makeDigestVectors,
  makeRefusedUpdates,
  makeUpdateVectors,
  type UpdateVector,
} from "./state_copy_vectors.ts";
import { fromPlain, type PlainMessage, plainMessage } from "./state_messages.ts";

/** Where the document is. */
export const STATE_VECTORS_URL = new URL("../../docs/vectors/state.json", import.meta.url);

/** A message and its bytes. */
export interface StateVector {
  readonly name: string;
  readonly message: PlainMessage;
  readonly bytes: string;
}

/** Bytes that are no message, and why. */
export interface RefusedStateVector {
  readonly name: string;
  readonly bytes: string;
  readonly problem: string;
}

/** The document. */
export interface StateVectors {
  readonly schema: "hana.state-vectors/1";
  readonly messages: readonly StateVector[];
  readonly refused: readonly RefusedStateVector[];
  readonly digests: readonly DigestVector[];
  readonly books: readonly BookVector[];
  readonly updates: readonly UpdateVector[];
  readonly refusedUpdates: readonly RefusedStateVector[];
  readonly copies: readonly CopyVector[];
}

const HOST = "000102030405060708090a0b0c0d0e0f";
const OTHER = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
const TOKEN = "746f6b656e2d6f662d31362d62797465";
const EPOCH = { term: 7, hostId: HOST };
const MAX = Number.MAX_SAFE_INTEGER;

const entry = (id: number, type: string, value: unknown, winner: unknown = null) => ({
  id,
  type,
  value,
  winner,
});
const fader = (id: number, value: number, winner: unknown = null) => entry(id, "f32", value, winner);
const patch = (entries: readonly unknown[], more: Record<string, unknown> = {}): PlainMessage => ({
  kind: "patch",
  term: 7,
  subsystem: 4,
  base: 41,
  version: 42,
  ack: null,
  nonce: null,
  digest: null,
  entries,
  ...more,
});
const set = (priority: number, entries: readonly unknown[], more: Record<string, unknown> = {}) => ({
  kind: "set",
  term: 7,
  sequence: 12,
  priority,
  take: false,
  momentary: false,
  generation: null,
  entries,
  ...more,
});
const definition = (path: string, more: Record<string, unknown> = {}) => ({
  path,
  subsystem: "params",
  type: "f32",
  default: 0,
  min: null,
  max: null,
  unit: null,
  words: [],
  merge: "latest",
  onLoss: "hold",
  fadeUs: 0,
  rate: "fast",
  description: null,
  ...more,
});
const everyType = [
  entry(1, "f32", 0.5),
  entry(2, "unit", 1),
  entry(3, "unit", 13_107 / 65_535),
  entry(4, "i32", -2_147_483_648),
  entry(5, "i32", 31),
  ...Array.from({ length: 9 }, (_, i) => entry(10 + i, "bool", i % 3 === 0)),
  entry(20, "enum", "kaleidoscope"),
  entry(21, "text", "Bühne 🎛"),
  entry(22, "text", ""),
  entry(23, "bytes", "00ff10"),
  entry(24, "vec3", [1, -2, 0.25]),
  entry(25, "quat", [0, 0, 0, 1]),
  entry(26, "json", { members: ["wall-left", "wall-right"], layout: { columns: 2 }, gap: -1.5, open: true }),
  entry(27, "json", null),
  entry(28, "gone", null),
  entry(9_000, "gone", null),
];

/** Every kind, and each form that a field can have. */
const MESSAGES: readonly (readonly [name: string, message: PlainMessage])[] = [
  ["hello of a newcomer", {
    kind: "hello",
    protocol: 1,
    name: "Foh-Desk",
    token: null,
    epoch: null,
    have: [],
    interests: [],
    capabilities: [],
  }],
  ["hello of somebody who comes back", {
    kind: "hello",
    protocol: 1,
    name: "Bühne",
    token: TOKEN,
    epoch: EPOCH,
    have: [{ subsystem: 0, version: 12 }, { subsystem: 4, version: 70_000 }, {
      subsystem: 300,
      version: MAX,
    }],
    interests: [{ prefix: "", rate: "rare", maxHz: 0 }, {
      prefix: "stage-left/aurora",
      rate: "fast",
      maxHz: 25,
    }],
    capabilities: ["standby"],
  }],
  ["welcome", {
    kind: "welcome",
    epoch: EPOCH,
    client: 3,
    token: TOKEN,
    resumed: false,
    ack: { sequence: 0, single: false },
    nowUs: 123_456_789,
    limits: { setsPerSecond: 200, maxPatchHz: 30, maxPriority: 200, silenceUs: 15_000_000 },
    plans: [
      { subsystem: 0, name: "dict", version: 12, chunks: 1 },
      { subsystem: 4, name: "params", version: 70_000, chunks: 3 },
    ],
    takenOver: [],
  }],
  ["welcome to somebody whose paths were taken over", {
    kind: "welcome",
    epoch: EPOCH,
    client: 65_535,
    token: TOKEN,
    resumed: true,
    ack: { sequence: 88, single: true },
    nowUs: MAX,
    limits: { setsPerSecond: 200, maxPatchHz: 30, maxPriority: 120, silenceUs: 15_000_000 },
    plans: [{ subsystem: 4, name: "params", version: 70_312, chunks: 0 }],
    takenOver: [1, 2, 900],
  }],
  ["the last chunk of a subsystem, in answer to a resync", {
    kind: "chunk",
    term: 7,
    subsystem: 4,
    version: 70_000,
    index: 2,
    count: 3,
    nonce: 0xfeed_beef,
    digest: { high: 0x0123_4567, low: 0x89ab_cdef },
    entries: [
      fader(1, 0.5, { holder: 2, priority: 100 }),
      fader(2, 1, { holder: 2, priority: 100 }),
      fader(3, 0),
      fader(9, -1, { holder: 1, priority: 255 }),
      entry(12, "unit", 1, { holder: 2, priority: 100 }),
      entry(13, "gone", null, { holder: 2, priority: 101 }),
    ],
  }],
  ["an empty subsystem", {
    kind: "chunk",
    term: 7,
    subsystem: 8,
    version: 0,
    index: 0,
    count: 1,
    nonce: null,
    digest: { high: 0, low: 0 },
    entries: [],
  }],
  ["definitions", {
    kind: "chunk",
    term: 7,
    subsystem: 0,
    version: 5,
    index: 0,
    count: 1,
    nonce: null,
    digest: null,
    entries: [
      entry(
        1,
        "definition",
        definition("stage-left/aurora/hue", { max: 360, min: 0, unit: "°", default: 0.1, fadeUs: 250_000 }),
      ),
      entry(2, "definition", definition("stage-left/aurora/hold", { type: "bool", default: false })),
      entry(
        3,
        "definition",
        definition("stage-left/aurora/mode", {
          type: "enum",
          default: "calm",
          words: ["calm", "storm"],
          merge: "lock",
          onLoss: "fallback",
          rate: "slow",
          description: "How it moves",
        }),
      ),
      entry(
        4,
        "definition",
        definition("stage-left/logo", {
          subsystem: "cues",
          type: "bytes",
          default: "cafe",
          onLoss: "default",
          rate: "rare",
        }),
      ),
      entry(5, "definition", definition("zoom", { type: "vec3", default: [1, 1, 0.1], merge: "sum" })),
      entry(
        8,
        "definition",
        definition("zoom/pose", { subsystem: "cues", type: "json", default: null, merge: "highest" }),
      ),
    ],
  }],
  ["one fader is set", set(100, [fader(17, 0.25)])],
  [
    "a lock is taken for a moment",
    set(120, everyType.filter(({ type }) => type !== "gone"), {
      take: true,
      momentary: true,
      generation: 70_000,
      sequence: 2 ** 52 - 1,
    }),
  ],
  ["claims are given up", set(0, [entry(3, "gone", null), entry(4, "gone", null), entry(70, "gone", null)])],
  ["a transaction", {
    kind: "tx",
    term: 7,
    sequence: 13,
    generation: null,
    guards: [{ on: "subsystem", subsystem: 2, version: 9 }, { on: "path", id: 26, version: 300 }],
    definitions: [
      definition("groups/wall", { subsystem: "groups", type: "json", default: null, rate: "rare" }),
    ],
    entries: [entry(26, "json", { members: [] }), entry(28, "gone", null)],
  }],
  ["a transaction of an owner", {
    kind: "tx",
    term: 7,
    sequence: 14,
    generation: 3,
    guards: [],
    definitions: [],
    entries: [entry(1, "definition", definition("stage-left/aurora/hue", { max: 720, default: null }))],
  }],
  ["a write is in the shadow of another", {
    kind: "nack",
    term: 7,
    sequence: 12,
    code: "shadowed",
    id: 17,
    generation: null,
    current: fader(17, 0.75, { holder: 2, priority: 150 }),
    text: "held by Foh-Desk (150)",
  }],
  ["a message is refused whole", {
    kind: "nack",
    term: 7,
    sequence: 15,
    code: "generation",
    id: null,
    generation: 4,
    current: null,
    text: "",
  }],
  ["one fader has changed", patch([fader(17, 0.25)])],
  [
    "one fader has changed hands, and a write of the receiver is acknowledged",
    patch([fader(17, 0.25, { holder: 3, priority: 100 })], { ack: { sequence: 12, single: false } }),
  ],
  [
    "sixteen faders have changed",
    patch(
      Array.from({ length: 16 }, (_, i) => fader(5 + 7 * i, i / 16)),
      { base: 70_000, version: 70_016, ack: { sequence: 20_500, single: true } },
    ),
  ],
  ["values of every type", patch(everyType, { base: 0, version: 41 })],
  [
    "the answer to a resync, with the digest",
    patch([fader(16_384, 1), fader(16_385, 2), fader(4_294_967_295, 3)], {
      base: 0,
      version: MAX,
      ack: { sequence: 2 ** 52 - 1, single: true },
      nonce: 4_294_967_295,
      digest: { high: 4_294_967_295, low: 1 },
      subsystem: 65_535,
      term: MAX,
    }),
  ],
  ["an acknowledgement alone", patch([], { base: 42, ack: { sequence: 12, single: false } })],
  ["a change that the receiver does not want to see", patch([])],
  ["what has arrived", {
    kind: "ack",
    term: 7,
    heldUs: 350,
    versions: [{ subsystem: 0, version: 12 }, { subsystem: 4, version: 42 }],
  }],
  ["a resync after a gap", {
    kind: "resync",
    term: 7,
    subsystem: 4,
    have: 40,
    nonce: 1,
    reason: "gap",
    digest: null,
    buckets: [],
  }],
  ["a resync after another digest", {
    kind: "resync",
    term: 7,
    subsystem: 4,
    have: 0,
    nonce: 2,
    reason: "digest",
    digest: { high: 1, low: 2 },
    buckets: Array.from({ length: 16 }, (_, i) => ({ high: i, low: 0x1000_0000 * i })),
  }],
  ["a beat of the host", {
    kind: "beat",
    epoch: EPOCH,
    nowUs: 5_000_000,
    state: "synced",
    ack: { sequence: 12, single: false },
    versions: [
      { subsystem: 0, version: 12, digest: { high: 1, low: 2 } },
      { subsystem: 4, version: 42, digest: null },
      { subsystem: 5, version: 1, digest: { high: 0, low: 0 } },
    ],
  }],
  ["a beat of a client that goes on alone", {
    kind: "beat",
    epoch: EPOCH,
    nowUs: 0,
    state: "local",
    ack: null,
    versions: [],
  }],
  ["two objects are requested", {
    kind: "own",
    term: 7,
    action: "request",
    request: 4,
    other: 0,
    objects: [
      { id: 9, state: "free", owner: 0, generation: 0, leftUs: 0 },
      { id: 10, state: "free", owner: 0, generation: 0, leftUs: 0 },
    ],
    text: "",
  }],
  ["one of them is granted", {
    kind: "own",
    term: 7,
    action: "answer",
    request: 4,
    other: 0,
    objects: [
      { id: 9, state: "owned", owner: 3, generation: 2, leftUs: 0 },
      { id: 10, state: "grace", owner: 2, generation: 70_000, leftUs: 60_000_000 },
    ],
    text: "Foh-Desk is away",
  }],
  ["the privilege is offered", {
    kind: "priv",
    term: 7,
    action: "offer",
    request: 1,
    state: "held",
    holder: 3,
    generation: 2,
    other: 5,
    leftUs: 0,
    text: "",
  }],
  ["nobody has the privilege", {
    kind: "priv",
    term: 7,
    action: "changed",
    request: 0,
    state: "none",
    holder: 0,
    generation: 3,
    other: 0,
    leftUs: 0,
    text: "Foh-Desk has left",
  }],
  ["a clean leave", { kind: "bye", term: 7, reason: "leaving", successor: null, text: "" }],
  ["another hosts", { kind: "bye", term: 7, reason: "moved", successor: OTHER, text: "term 8" }],
  ["an error before any welcome", { kind: "error", term: 0, code: "not-joined", text: "say hello first" }],
  ["what is left for a loss and for the end", {
    kind: "leave",
    term: 7,
    operations: [
      { at: "loss", id: 3, priority: 100, type: "f32", value: 0.5 },
      { at: "loss", id: 70, priority: 0, type: "gone", value: null },
      { at: "expiry", id: 3, priority: 200, type: "bool", value: true },
      { at: "expiry", id: 70_000, priority: 1, type: "bytes", value: "00ff" },
      { at: "loss", id: 9, priority: 50, type: "text", value: "bühne" },
    ],
  }],
  ["nothing is left any more", { kind: "leave", term: 7, operations: [] }],
  ["subsystems that began later", {
    kind: "names",
    term: 7,
    subsystems: [{ subsystem: 9, name: "clients" }, { subsystem: 12, name: "aurora" }],
  }],
];

/** Bytes that only look like a message. */
const REFUSED: readonly (readonly [name: string, bytes: string, problem: string])[] = [
  ["nothing", "", "truncated"],
  ["a kind that is not given out", "0b07", "unknown-kind"],
  ["a kind of tomorrow", "1f07", "unknown-kind"],
  ["something left without a priority and yet with a value", "10070100030000" + "0000003f", "out-of-range"],
  ["something left as a definition", "1007010003010b", "out-of-range"],
  ["names of nothing", "110700", "out-of-range"],
  ["a flag that an ack does not have", "28070000", "out-of-range"],
  ["a patch without its version", "070704", "truncated"],
  ["a varint in a longer form than needed", "07400704", "not-canonical"],
  ["a varint beyond 2^53 − 1", "0fe0000000000000000000", "out-of-range"],
  ["a subsystem beyond 65,535", "0707800100002a01", "out-of-range"],
  ["a patch that goes back further than it can", "0707042a2b", "out-of-range"],
  ["a patch from nothing to nothing with a value", "0707042a0010200000803e", "out-of-range"],
  ["an id of 0xffffffff and one more", "0707042a0120c0000001ffffffff0000000000000000", "out-of-range"],
  ["a run that is longer than its section", "0707042a012001010000000000000000", "out-of-range"],
  ["a section without entries", "0707042a0100", "out-of-range"],
  ["sections in the wrong order", "0707042a01120202100000000000", "not-canonical"],
  ["a section twice", "0707042a01100000000000100200000000", "not-canonical"],
  ["an id in two sections", "0707042a01100000000000110000ff", "out-of-range"],
  ["more values than bytes", "0707042a01f0bfff00", "truncated"],
  ["NaN", "0707042a0110220000c07f", "not-finite"],
  ["infinity", "0707042a0110220000807f", "not-finite"],
  ["bits behind the last bool", "0707042a01130004", "not-canonical"],
  ["an enum without a word", "0707042a011400", "truncated"],
  ["an enum with an empty word", "0707042a01140000", "out-of-range"],
  ["text that is no UTF-8", "0707042a01150002c080", "not-utf8"],
  ["json that is no MessagePack", "0707042a01190001c1", "not-json"],
  ["json that nests too deep", "0707042a0119001191919191919191919191919191919191" + "91c0", "not-json"],
  ["a type that is not given out", "0707042a011c00", "out-of-range"],
  ["winners of nobody", "0707042a011f00640100", "out-of-range"],
  ["a winner of an entry that is not there", "0707042a011000000000001f02640102", "out-of-range"],
  ["a winner of the same entry again", "0707042a011000000000002f0264010003640100", "out-of-range"],
  ["winners in the wrong order", "0707042a0120010000000000000000002f0364010002640102", "not-canonical"],
  ["bytes behind the winners", "0707042a011000000000001f0264010000", "trailing"],
  ["a set with a priority and without values", "04070c641b00", "out-of-range"],
  ["a set of priority 0 with a value", "04070c00100000000000", "out-of-range"],
  ["a set with sequence 0", "04070064100000000000", "out-of-range"],
  ["a chunk behind the last", "030704000101", "out-of-range"],
  ["a nack with a code of tomorrow", "06070c3f00", "out-of-range"],
  ["a nack with two values", "06070c00002001000000000000000000", "out-of-range"],
  ["a beat cut in its host", "0a07000102", "truncated"],
  ["an ack that ends with more", "080700000000", "trailing"],
  ["more subsystems than there may be", "080700410100", "out-of-range"],
  ["more subsystems than bytes", "08070004000c", "truncated"],
  ["a section that is too long for its bytes, and whose ids are wrong", "0707042a01300105", "truncated"],
  [
    "winners of the same client and priority in two groups",
    "0707042a0120010000000000000000002f0364010003640102",
    "not-canonical",
  ],
  [
    "a path that repeats what it has in common",
    "05070d000201000161017300000000000002616200000000",
    "not-canonical",
  ],
  [
    "a path that has more in common than there is",
    "05070d0002010001610173000000000005016200000000",
    "out-of-range",
  ],
  ["a subsystem that is told again", "05070d000201000161017300000000010100017300000000", "not-canonical"],
  ["a default of nothing", "05070d00010900016101730900000001c0", "not-canonical"],
  ["a transaction with a winner", "05070d00001000000000001f02640100", "out-of-range"],
  ["a set with a winner", "04070c641000000000001f02640100", "out-of-range"],
  ["a set with a definition", "04070c641a0001000161017300000000", "out-of-range"],
  ["a definition with a winner", "0307000500011a00010001610173000000001f02640100", "out-of-range"],
  ["a list that is too long for its bytes, and wrong", "08070004800100000c", "truncated"],
  [
    "a beat of a subsystem beyond 65,535",
    "0a07000102030405060708090a0b0c0d0e0f0000028001fffe000000",
    "out-of-range",
  ],
  ["a path that is none", "0307000500011a00" + "0700014100000000000000", "out-of-range"],
];

/** The document, made anew. */
export function makeStateVectors(): StateVectors {
  const encoder = new MessageEncoder();
  const decoder = new MessageDecoder();
  return {
    schema: "hana.state-vectors/1",
    messages: MESSAGES.map(([name, told]) => {
      const bytes = encoder.encode(fromPlain(told));
      if (bytes === null) throw new Error(`${name} cannot be written`);
      const hex = toHex(bytes);
      const read = decoder.decode(fromHex(hex));
      if (typeof read === "string") throw new Error(`${name} is refused: ${read}`);
      return { name, message: plainMessage(read), bytes: hex };
    }),
    refused: REFUSED.map(([name, bytes, problem]) => {
      const read = decoder.decode(fromHex(bytes));
      if (read !== problem) {
        throw new Error(`${name}: ${JSON.stringify(read)} instead of ${problem}`);
      }
      return { name, bytes, problem };
    }),
    digests: makeDigestVectors(),
    books: makeBookVectors(),
    updates: makeUpdateVectors(),
    refusedUpdates: makeRefusedUpdates(),
    copies: makeCopyVectors(),
  };
}

if (import.meta.main) {
  Deno.writeTextFileSync(STATE_VECTORS_URL, JSON.stringify(makeStateVectors(), null, 2) + "\n");
}
