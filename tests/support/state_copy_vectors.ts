// The digests and copies of docs/vectors/state.json.
// Decides what is worth a vector; the bytes and hashes are made by lib/state alone.

import { fromHex, type NodeId, toHex } from "../../lib/base/mod.ts";
import { CopyDecoder, CopyEncoder, type CopyMessage } from "../../lib/state/copies/mod.ts";
import { StateDigest } from "../../lib/state/digest/mod.ts";
import type { StandbyUpdate } from "../../lib/state/host/mod.ts";
import type {
  ClientNumber,
  ParameterDefinition,
  PathId,
  StateValue,
  ValueType,
} from "../../lib/state/model/mod.ts";
import { isRefusal, readDefinition, SchemaBook } from "../../lib/state/schema/mod.ts";
import { plain } from "./state_messages.ts";

interface Halves {
  readonly high: number;
  readonly low: number;
}

/** An entry as a digest sees it. */
export interface DigestEntry {
  readonly id: number;
  readonly type: string;
  readonly value: unknown;
  readonly holder: number;
  readonly priority: number;
}

/** Entries and what they come to. */
export interface DigestVector {
  readonly name: string;
  readonly entries: readonly DigestEntry[];
  readonly digest: Halves;
  readonly buckets: readonly Halves[];
}

/** Definitions, each under its place as its id from 1 on, and what they come to. */
export interface BookVector {
  readonly name: string;
  readonly definitions: readonly unknown[];
  readonly digest: Halves;
}

/** An update and its bytes. */
export interface UpdateVector {
  readonly name: string;
  readonly update: unknown;
  readonly bytes: string;
}

/** A message about copies and its bytes. */
export interface CopyVector {
  readonly name: string;
  readonly message: unknown;
  readonly bytes: string;
}

type Row = readonly [id: number, type: ValueType, value: StateValue, holder: number, priority: number];

const DIGESTS: readonly (readonly [name: string, rows: readonly Row[]])[] = [
  ["nothing", []],
  ["one fader of nobody", [[1, "f32", 0.5, 0, 0]]],
  ["minus zero is zero", [[1, "f32", -0, 0, 0]]],
  ["one of each type", [
    [1, "f32", -2.75, 3, 100],
    [2, "unit", 32_768 / 65_535, 3, 100],
    [3, "i32", -70_000, 65_535, 200],
    [4, "bool", true, 0, 0],
    [5, "enum", "glitter", 4, 255],
    [6, "text", "Bühne", 4, 1],
    [7, "bytes", new Uint8Array([0, 255, 7]), 4, 100],
    [8, "vec3", [1, -0.5, 0], 4, 100],
    [9, "quat", [0, 0, 0, 1], 4, 100],
    [10, "json", { b: [1, null, "two"], a: { "ü": 0.5 } }, 4, 100],
    [16, "text", "", 0, 0],
    [70_000, "bytes", new Uint8Array(0), 1, 50],
  ]],
];

/** Digests of subsystems. */
export function makeDigestVectors(): DigestVector[] {
  return DIGESTS.map(([name, rows]) => {
    const digest = new StateDigest();
    for (const [id, type, value, holder, priority] of rows) {
      digest.toggle(id as PathId, type, value, holder, priority);
    }
    const entries = rows.map(([id, type, value, holder, priority]) => ({
      id,
      type,
      value: plain(value),
      holder,
      priority,
    }));
    return { name, entries, digest: digest.halves(), buckets: digest.buckets() };
  });
}

const HUE = readDefinition({ path: "aurora/hue", type: "f32", default: 0.1, min: 0, max: 360, unit: "°" });
const LOOK = readDefinition({
  path: "aurora/look",
  type: "enum",
  default: "calm",
  words: ["calm", "wild"],
  subsystem: "looks",
  merge: "lock",
  onLoss: "default",
  rate: "rare",
  description: "Schönes",
});
const DATA = readDefinition({ path: "aurora/data", type: "bytes", default: new Uint8Array([1, 2]) });

const BOOKS: readonly (readonly [name: string, definitions: readonly ParameterDefinition[]])[] = [
  ["an empty book", []],
  ["a book of one", [HUE]],
  ["a book of three", [HUE, LOOK, DATA]],
];

/** Digests of books. */
export function makeBookVectors(): BookVector[] {
  return BOOKS.map(([name, definitions]) => {
    const book = new SchemaBook();
    for (const definition of definitions) if (isRefusal(book.define(definition))) throw new Error(name);
    return { name, definitions: definitions.map(plain), digest: { high: book.high, low: book.low } };
  });
}

const EPOCH = { term: 7, hostId: "000102030405060708090a0b0c0d0e0f" as NodeId };
const PEER = { nodeId: "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff" as NodeId, key: null };
const client = (number: number) => number as ClientNumber;
const id = (number: number) => number as PathId;
const NOTHING: StandbyUpdate = {
  epoch: EPOCH,
  base: 0,
  number: 1,
  subsystems: [],
  rows: [],
  paths: [],
  clients: [],
  holding: null,
};
const CLAIM = {
  client: client(3),
  value: 0.5,
  priority: 100,
  term: 7,
  seq: 12,
  since: 12,
  stamp: 12,
  standing: "live",
  momentary: false,
  leaseUntilUs: 0,
  takenBy: client(0),
} as const;
const LEAVES = [
  { at: "loss", id: id(1), value: 0, priority: 100 },
  { at: "expiry", id: id(1), value: null, priority: 0 },
] as const;

const VALUES: readonly StateValue[] = [
  null,
  true,
  -3,
  536_870_911,
  536_870_912,
  32_768 / 65_535,
  0.5,
  0.1,
  "größer",
  [1, 0.5, -0.25],
  [0.1, 0, 0],
  [0, 0, 0, 1],
  [0, 0, 0, 0.1],
  { a: [1, "two", null] },
  [1, 2],
];

const UPDATES: readonly (readonly [name: string, update: StandbyUpdate])[] = [
  ["nothing", NOTHING],
  ["one write", {
    ...NOTHING,
    base: 70_000,
    number: 70_002,
    paths: [{
      id: id(1),
      record: { claims: [CLAIM], look: { value: 0.5, holder: client(3), term: 7, stamp: 12 } },
    }],
    clients: [{ client: client(3), name: "Foh-Desk", sequence: 9, isGone: false }],
  }],
  ["a whole", {
    ...NOTHING,
    number: 300,
    subsystems: [[0, "dict"], [4, "params"], [9, "looks"]] as never,
    rows: [
      { id: id(1), path: HUE.path, definition: HUE, revision: 1 },
      { id: id(2), path: LOOK.path, definition: LOOK, revision: 4 },
    ],
    paths: [{
      id: id(1),
      record: {
        claims: [
          { ...CLAIM, client: client(-1), standing: "kept", priority: 0 },
          { ...CLAIM, client: client(0), priority: 255, standing: "doubted" },
          { ...CLAIM, standing: "overtaken", takenBy: client(4), stamp: 14 },
          {
            ...CLAIM,
            client: client(4),
            standing: "live",
            momentary: true,
            leaseUntilUs: 5_000_000,
            value: 12.5,
          },
        ],
        look: { value: 12.5, holder: client(-1), term: 6, stamp: 13 },
      },
    }],
    clients: [{ client: client(3), name: "Foh-Desk", sequence: 9, isGone: false }],
    holding: {
      lastClient: 5,
      lastGeneration: 70_000,
      clients: [
        {
          number: client(3),
          peer: PEER,
          name: "Foh-Desk",
          level: "operator",
          sequence: 9,
          tokenHash: "ab".repeat(32),
          operations: LEAVES,
        },
        {
          number: client(5),
          peer: { ...PEER, key: "00ff" },
          name: "",
          level: "viewer",
          sequence: 0,
          tokenHash: "",
          operations: [],
        },
      ],
      objects: [{ id: id(2), owner: client(3), generation: 70_000 }],
      privileged: client(3),
      privilegeGeneration: 2,
    },
  }],
  ["what is gone", {
    ...NOTHING,
    base: 5,
    number: 9,
    rows: [{ id: id(2), path: LOOK.path, definition: null, revision: 6 }],
    clients: [{ client: client(3), name: "", sequence: 0, isGone: true }],
    holding: {
      lastClient: 5,
      lastGeneration: 70_000,
      clients: [],
      objects: [{ id: id(2), owner: client(0), generation: 0 }],
      privileged: client(0),
      privilegeGeneration: 0,
    },
  }],
  ["a value of each form", {
    ...NOTHING,
    paths: VALUES.map((value, at) => ({
      id: id(at + 1),
      record: { claims: [], look: { value, holder: client(0), term: 7, stamp: at + 1 } },
    })),
  }],
];

/** Updates and their bytes. */
export function makeUpdateVectors(): UpdateVector[] {
  const encoder = new CopyEncoder();
  return UPDATES.map(([name, update]) => {
    const bytes = encoder.encodeUpdate(update);
    if (bytes === null) throw new Error(`${name} has no form`);
    return { name, update: plain(update), bytes: toHex(bytes) };
  });
}

const HEAD = "0107000102030405060708090a0b0c0d0e0f";
const LOOK_ROW = `${HEAD}010000000100010701`;
const REFUSED: readonly (readonly [name: string, bytes: string, problem: string])[] = [
  ["nothing", "", "truncated"],
  ["an update of another form", `02${HEAD.slice(2)}01000000000000`, "unknown-kind"],
  ["an update with number 0", `${HEAD}00000000000000`, "out-of-range"],
  ["a difference from what is to come", `${HEAD}01020000000000`, "out-of-range"],
  ["more rows than bytes", `${HEAD}010000800fffff00`, "truncated"],
  ["a holding of tomorrow", `${HEAD}01000000000002`, "out-of-range"],
  ["bytes behind the end", `${HEAD}0100000000000000`, "trailing"],
  ["a whole number as a float", `${LOOK_ROW}050000803f000000`, "not-canonical"],
  ["a float as a double", `${LOOK_ROW}063fe0000000000000000000`, "not-canonical"],
  ["a value of a form that is not given out", `${LOOK_ROW}0e000000`, "out-of-range"],
  ["NaN", `${LOOK_ROW}050000c07f000000`, "not-finite"],
  ["infinity", `${LOOK_ROW}067ff0000000000000000000`, "not-finite"],
  ["text that is no UTF-8", `${LOOK_ROW}0702c080000000`, "not-utf8"],
  ["three whole numbers as json", `${LOOK_ROW}0d0493010203000000`, "not-canonical"],
  ["MessagePack in a longer form than needed", `${LOOK_ROW}0d0492cc0102000000`, "not-canonical"],
  ["MessagePack that is none", `${LOOK_ROW}0d01c1000000`, "not-json"],
  ["a claim of a standing with a bit too many", `${LOOK_ROW}00010440640707070700000000`, "out-of-range"],
  [
    "a claim that the host overtook, told twice",
    `${LOOK_ROW}0001042564070c0c0c010000000000`,
    "not-canonical",
  ],
];

/** Bytes that are no update, and why. */
export function makeRefusedUpdates(): { name: string; bytes: string; problem: string }[] {
  const decoder = new CopyDecoder();
  return REFUSED.map(([name, bytes, problem]) => {
    const read = decoder.decodeUpdate(fromHex(bytes));
    if (read !== problem) throw new Error(`${name}: ${JSON.stringify(read)} instead of ${problem}`);
    return { name, bytes, problem };
  });
}

const COPIES: readonly (readonly [name: string, message: CopyMessage])[] = [
  ["an update in one part", {
    kind: "part",
    serial: 1,
    at: 0,
    total: 3,
    isLast: true,
    bytes: new Uint8Array([1, 2, 3]),
  }],
  ["its first part", {
    kind: "part",
    serial: 70_000,
    at: 0,
    total: 4,
    isLast: false,
    bytes: new Uint8Array([1, 2]),
  }],
  ["a part in the midst", {
    kind: "part",
    serial: 9,
    at: 61_415,
    total: null,
    isLast: false,
    bytes: new Uint8Array([0]),
  }],
  ["its last part", {
    kind: "part",
    serial: 9,
    at: 2,
    total: null,
    isLast: true,
    bytes: new Uint8Array([3, 4]),
  }],
  ["it is there", { kind: "confirmation", epoch: EPOCH, number: 300 }],
  ["it has to be sent again", { kind: "confirmation", epoch: EPOCH, number: null }],
  ["how far are you?", { kind: "question", epoch: EPOCH, number: 300, wants: false }],
  ["who has something?", { kind: "question", epoch: null, number: 0, wants: true }],
  ["so far", { kind: "answer", epoch: EPOCH, number: 301 }],
  ["nothing is here", { kind: "answer", epoch: null, number: 0 }],
];

/** Messages about copies and their bytes. */
export function makeCopyVectors(): CopyVector[] {
  const encoder = new CopyEncoder();
  return COPIES.map(([name, message]) => {
    const bytes = encoder.encode(message);
    if (bytes === null) throw new Error(`${name} has no form`);
    return { name, message: plain(message), bytes: toHex(bytes) };
  });
}
