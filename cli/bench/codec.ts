// `hana bench codec`: what bytes cost: packets of lanes, MessagePack messages, sealing and opening by size.
// Decides what stands beside each: copying the same bytes, JSON, the runtime's own cipher. One process, no sockets.

import { HanaError } from "../../lib/base/mod.ts";
import { FRAME_BROKEN, FRAME_END, FrameReader, FrameType, PacketWriter } from "../../lib/lanes/mod.ts";
import {
  aeadCandidates,
  type AeadCipher,
  loadSessionSuite,
  type NoiseSuite,
} from "../../lib/security/mod.ts";
import { DatagramBuffer, PacketSealer } from "../../lib/transport/mod.ts";
import { createCodec } from "../../lib/wire/mod.ts";
import { type Operation, timeOperations } from "./operations.ts";
import type { BenchPlan } from "./plan.ts";
import { type BenchResult, type BenchRun } from "./result.ts";
import { round } from "./statistics.ts";

interface Pair {
  readonly hana: Operation;
  readonly baseline: Operation;
  readonly sizeBytes?: number;
}

const MESSAGES = 10;
const MESSAGE_BYTES = 24;
const LANE = 2;
const RUNTIME_CIPHER = "node:crypto";

/** Runs the workload. */
export async function benchCodec(plan: BenchPlan, { say }: BenchRun): Promise<BenchResult[]> {
  const suite = await loadSessionSuite();
  const runtime = await aeadCandidates("ChaChaPoly").find(({ label }) => label === RUNTIME_CIPHER)?.load();
  if (runtime === undefined) throw new HanaError("internal", { what: `no cipher ${RUNTIME_CIPHER}` });
  const pairs = [
    ...packetPairs(),
    ...messagePairs(),
    ...plan.sizes.flatMap((size) => sealPairs(suite, runtime, size)),
  ];
  const operations = pairs.flatMap(({ hana, baseline }) => [hana, baseline]);
  const costs = await timeOperations(
    operations,
    plan,
    (done, all) => say(`codecs: round ${done + 1} of ${all}`),
  );
  return pairs.map(({ hana, baseline, sizeBytes }, i) => {
    const [cost, other] = [costs[2 * i], costs[2 * i + 1]];
    if (cost === undefined || other === undefined) {
      throw new HanaError("internal", { what: "a cost is missing" });
    }
    return {
      name: `codec ${hana.name}`,
      workload: "codec" as const,
      n: cost.n,
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
      us: cost.us,
      msgsPerS: cost.perS,
      baseline: { name: baseline.name, us: other.us },
      ratio: { p50: round(cost.us.p50 / other.us.p50) },
      how: `one process; batches of a fifth of a millisecond; ${plan.rounds} rounds in turn`,
    };
  });
}

function packetPairs(): Pair[] {
  const out = new Uint8Array(1_200);
  const source = Uint8Array.from({ length: MESSAGES * MESSAGE_BYTES }, (_, i) => i);
  const writer = new PacketWriter();
  const reader = new FrameReader();
  let number = 0;
  const write = (): number => {
    writer.reset(out, out.length);
    for (let i = 0; i < MESSAGES; i++) {
      writer.data(LANE, number++, -1, source, i * MESSAGE_BYTES, MESSAGE_BYTES);
    }
    return writer.length;
  };
  const bytes = out.slice(0, write());
  const read = (): number => {
    reader.reset(bytes, 0, bytes.length);
    let sum = 0;
    for (let type = reader.next(); type !== FRAME_END; type = reader.next()) {
      if (type === FRAME_BROKEN) throw new HanaError("internal", { what: "a packet cannot be read" });
      if (type === FrameType.data) sum += reader.payloadLength;
    }
    return sum;
  };
  if (read() !== source.length) throw new HanaError("internal", { what: "a packet lost messages" });
  const copy: Operation = { name: `copying its ${bytes.length} B`, run: () => out.set(bytes) };
  const what = `packet of ${MESSAGES} messages of ${MESSAGE_BYTES} B`;
  return [
    { hana: { name: `${what}, write`, run: write }, baseline: copy, sizeBytes: bytes.length },
    { hana: { name: `${what}, read`, run: read }, baseline: copy, sizeBytes: bytes.length },
  ];
}

function messagePairs(): Pair[] {
  const codec = createCodec("msgpack");
  const value = { name: "wall.flash", at: 1_234_567, count: 3, level: 0.75 };
  const packed = codec.encode(value);
  const text = JSON.stringify(value);
  return [
    {
      hana: { name: `MessagePack of ${packed.length} B, encode`, run: () => codec.encode(value) },
      baseline: { name: "JSON of the runtime", run: () => JSON.stringify(value) },
      sizeBytes: packed.length,
    },
    {
      hana: { name: `MessagePack of ${packed.length} B, decode`, run: () => codec.decode(packed) },
      baseline: { name: "JSON of the runtime", run: () => JSON.parse(text) as unknown },
      sizeBytes: packed.length,
    },
  ];
}

/** A packet's number is its nonce, and none is opened twice: both ends go on by one each time. */
function sealPairs(suite: NoiseSuite, runtime: AeadCipher, size: number): Pair[] {
  const keys = { send: new Uint8Array(32).fill(1), receive: new Uint8Array(32).fill(2) };
  const other = { send: keys.receive, receive: keys.send };
  const sealer = new PacketSealer({ suite, keys, initiator: true, nowUs: 0 });
  const sealing = new DatagramBuffer(size + 64);
  let sent = 0;
  const seal = (): number => sealer.seal(0, sealing, 7, sent++, false, size);
  const aead = suite.cipher.withKey(keys.send);
  const runtimeAead = runtime.withKey(keys.send);
  const nonce = new Uint8Array(12);
  const aad = new Uint8Array(9);
  const plain = new Uint8Array(size);
  const sealed = new Uint8Array(size + 16);
  aead.seal(sealed, nonce, aad, plain);
  const opener = new PacketSealer({ suite, keys: other, initiator: false, nowUs: 0 });
  const opening = new DatagramBuffer(size + 64);
  const whole = sealing.bytes.slice(0, seal());
  opening.bytes.set(whole);
  if (opener.open(0, opening, whole.length) !== size) {
    throw new HanaError("internal", { what: "a packet cannot be opened" });
  }
  return [
    {
      hana: { name: `packet with ${size} B, seal`, run: seal },
      baseline: { name: RUNTIME_CIPHER, run: () => runtimeAead.seal(sealed, nonce, aad, plain) },
      sizeBytes: size,
    },
    {
      hana: { name: `text of ${size} B, open`, run: () => aead.open(plain, nonce, aad, sealed) },
      baseline: { name: RUNTIME_CIPHER, run: () => runtimeAead.open(plain, nonce, aad, sealed) },
      sizeBytes: size,
    },
  ];
}
