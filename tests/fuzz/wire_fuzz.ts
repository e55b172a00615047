// Feeds broken bytes to everything in lib/wire that reads a peer's bytes.
// A run fails on anything thrown that is no HanaError of the code that the entry point promises, and on answers that
// contradict themselves: a value that was accepted must encode and come back the same.

import { type ErrorCode, HanaError } from "../../lib/base/mod.ts";
import {
  ByteReader,
  type Codec,
  compileSchema,
  createCodec,
  encodeFrame,
  FrameDecoder,
  parseSchema,
  s,
} from "../../lib/wire/mod.ts";
import { Mutator } from "./mutate.ts";

/** What a run did. Every iteration feeds one mutated input to one entry point. */
export interface FuzzReport {
  readonly iterations: number;
  /** Inputs that were taken as valid. */
  readonly accepted: number;
  /** Inputs that were refused as they should be. */
  readonly refused: number;
}

/** One entry point: what it is fed with, and whether it took an input as valid. */
interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  readonly run: (bytes: Uint8Array) => boolean;
}

const MAX_FRAME_BYTES = 4096;

const VALUES: readonly unknown[] = [
  null,
  -1,
  2 ** 40,
  0.5,
  "hana",
  "é花🌸".repeat(20),
  new Uint8Array([0, 1, 254, 255]),
  [],
  {},
  { id: 7, name: "hue", value: 0.25, on: true, tags: ["a", "b"], mask: new Uint8Array(40) },
  [[[[[[1]]]]], { a: { b: { c: [null, NaN, -Infinity] } } }],
  { $bytes: "AAEC", $$: { $number: "NaN" } },
  Array.from({ length: 40 }, (_, i) => ({ i, at: i * 1e9 })),
];

const SCHEMAS: readonly unknown[] = [
  s.object({
    hue: s.number({ minimum: 0, maximum: 1, unit: "turn", default: 0.5 }),
    label: s.optional(s.string({ minLength: 1, maxLength: 8, title: "Label" })),
    mode: s.enum(["wash", "spot"]),
    mask: s.nullable(s.bytes({ maxLength: 16 })),
    points: s.array(s.object({ x: s.integer(), y: s.integer() }), { maxItems: 4 }),
    tags: s.map(s.boolean()),
  }),
  s.array(s.array(s.array(s.null()))),
  s.const("x"),
];

/** Runs `iterations` mutated inputs; the same seed runs the same ones. Throws at the first wrong answer. */
export function fuzzWire(seed: number, iterations: number): FuzzReport {
  const mutator = new Mutator(seed);
  const codecs = [createCodec("msgpack"), createCodec("json")];
  const targets: Target[] = codecs.flatMap((codec): Target[] => [
    {
      name: `${codec.name} values`,
      seeds: VALUES.map((value) => codec.encode(value).slice()),
      run: decodes(codec),
    },
    {
      name: `${codec.name} schemas`,
      seeds: SCHEMAS.map((value) => codec.encode(value).slice()),
      run: parses(codec),
    },
  ]);
  const payloads = targets.flatMap((target) => target.seeds).filter((bytes) =>
    bytes.length <= MAX_FRAME_BYTES
  );
  const streams = payloads.map((payload, i) =>
    concat(payload, payloads[(i + 1) % payloads.length] ?? payload)
  );
  targets.push({ name: "frames", seeds: streams, run: (bytes) => framesArrive(bytes, mutator) });
  targets.push({ name: "reader", seeds: payloads, run: (bytes) => readsInBounds(bytes, mutator) });

  let accepted = 0;
  for (let i = 0; i < iterations; i++) {
    const target = targets[i % targets.length];
    const start = target?.seeds[mutator.below(target.seeds.length)];
    if (target === undefined || start === undefined) throw new Error("a fuzz target has no seed input");
    const bytes = mutator.mutate(start);
    try {
      if (target.run(bytes)) accepted++;
    } catch (error) {
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      throw new Error(`${target.name}, seed ${seed}, iteration ${i}, input ${hex}`, { cause: error });
    }
  }
  return { iterations, accepted, refused: iterations - accepted };
}

/** Runs `read`; true when it returned, false when it refused with `code`. Anything else passes through. */
function accepts(code: ErrorCode, read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof HanaError && error.code === code) return false;
    throw error;
  }
}

function decodes(codec: Codec): (bytes: Uint8Array) => boolean {
  return (bytes) => {
    let value: unknown;
    if (!accepts("decode", () => value = codec.decode(bytes))) return false;
    const first = codec.encode(value).slice();
    const second = codec.encode(codec.decode(first));
    if (!sameBytes(first, second)) throw new Error("an accepted value does not come back as it was");
    return true;
  };
}

function parses(codec: Codec): (bytes: Uint8Array) => boolean {
  return (bytes) => {
    let value: unknown;
    if (!accepts("decode", () => value = codec.decode(bytes))) return false;
    return accepts("schema", () => {
      const validator = compileSchema(parseSchema(value));
      for (const sample of VALUES) validator.validate(sample);
      validator.validate(value);
    });
  };
}

/** Whole and in random pieces, the same stream must give the same frames and the same problem. */
function framesArrive(bytes: Uint8Array, mutator: Mutator): boolean {
  const whole = readFrames(bytes, () => bytes.length);
  const pieces = readFrames(bytes, () => 1 + mutator.below(9));
  if (whole !== pieces) throw new Error(`whole: ${whole}; in pieces: ${pieces}`);
  return whole.endsWith("null");
}

function readFrames(bytes: Uint8Array, nextSize: () => number): string {
  const decoder = new FrameDecoder(MAX_FRAME_BYTES);
  let frames = "";
  for (let at = 0; at < bytes.length;) {
    const size = nextSize();
    decoder.push(bytes.slice(at, at + size), (payload) => {
      frames += `${payload.length}:${payload.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 0)} `;
    });
    if (decoder.capacityBytes > 2 * bytes.length + 1024) throw new Error("the buffer outgrew its input");
    at += size;
  }
  return frames + String(decoder.problem);
}

function readsInBounds(bytes: Uint8Array, mutator: Mutator): boolean {
  const reader = new ByteReader(bytes);
  for (let i = 0; i < 32; i++) {
    switch (mutator.below(9)) {
      case 0:
        inRange(reader.u8(), 0xff);
        break;
      case 1:
        inRange(reader.u16(), 0xffff);
        break;
      case 2:
        inRange(reader.u32(), 0xffff_ffff);
        break;
      case 3:
        inRange(reader.u48(), 0xffff_ffff_ffff);
        break;
      case 4:
        inRange(reader.varint(), Number.MAX_SAFE_INTEGER);
        break;
      case 5:
        reader.f64();
        break;
      case 6:
        inRange(reader.bytes(mutator.below(64)).length, 64);
        break;
      case 7:
        inRange(reader.shortText().length, 255);
        break;
      default:
        reader.skip(mutator.below(16));
    }
    if (reader.at > bytes.length) throw new Error("the reader went past its end");
  }
  return !reader.failed;
}

function inRange(value: number, max: number): void {
  if (!(Number.isInteger(value) && value >= 0 && value <= max)) {
    throw new Error(`${value} is not in 0 … ${max}`);
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Uint8Array.from([...encodeFrame(a), ...encodeFrame(b)]);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
