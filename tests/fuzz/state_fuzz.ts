// Feeds broken bytes to what reads the messages of shared state.
// A run fails on anything thrown, on a message that is accepted although it is not what the writer would have written
// for it, on one that holds more than its bytes can, and on an answer that depends on what stands around the bytes.

import { assertEquals } from "@std/assert";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import { MessageDecoder, MessageEncoder, type StateMessage } from "../../lib/state/messages/mod.ts";
import { makeStateVectors } from "../support/state_vectors.ts";
import { Mutator } from "./mutate.ts";
import type { Report } from "./plan.ts";

/** What stands around a message, and must never be seen. */
const AROUND = 8;

/** Runs `iterations` mutated messages; the same seed runs the same ones. Throws at the first wrong answer. */
export function fuzzState(seed: number, iterations: number): Report {
  const mutator = new Mutator(seed);
  const { messages, refused } = makeStateVectors();
  const seeds = [...messages, ...refused].map(({ bytes }) => fromHex(bytes));
  const feed = new Feed();
  let accepted = 0;
  for (let i = 0; i < iterations; i++) {
    const bytes = mutator.mutate(seeds[mutator.below(seeds.length)] ?? new Uint8Array(0));
    try {
      if (feed.message(bytes)) accepted++;
    } catch (error) {
      throw new Error(`state, seed ${seed}, iteration ${i}, input ${toHex(bytes)}`, { cause: error });
    }
  }
  return { iterations, accepted, refused: iterations - accepted };
}

/** One reader and one writer for all inputs, as a connection has them. */
class Feed {
  readonly #decoder = new MessageDecoder();
  readonly #fresh = new MessageDecoder();
  readonly #encoder = new MessageEncoder();
  readonly #again = new MessageDecoder();

  /** Whether `bytes` are a message; throws when they are read wrongly. */
  message(bytes: Uint8Array): boolean {
    const around = new Uint8Array(bytes.length + 2 * AROUND).fill(0xa5);
    around.set(bytes, AROUND);
    const read = this.#decoder.decode(around.subarray(AROUND, AROUND + bytes.length));
    const alone = this.#fresh.decode(bytes.slice());
    if (typeof read === "string" || typeof alone === "string") {
      assertEquals(read, alone);
      const at = this.#decoder.problemAt;
      if (at < 0 || at > bytes.length) throw new Error(`a problem at byte ${at} of ${bytes.length}`);
      return false;
    }
    holdToBytes(read, bytes.length);
    const written = this.#encoder.encode(read);
    if (written === null) throw new Error("what was read cannot be written");
    if (!holdsJson(read)) assertEquals(toHex(written), toHex(bytes));
    else assertEquals(this.#again.decode(written), alone);
    return true;
  }
}

/** Every entry has a bit of the message at least, everything else a byte. */
function holdToBytes(message: StateMessage, bytes: number): void {
  for (const items of Object.values(message)) {
    if (Array.isArray(items) && items.length > 8 * bytes) {
      throw new Error(`${items.length} items from ${bytes} bytes`);
    }
  }
}

/** Whether part of it is MessagePack, the inside of which has several forms. */
function holdsJson(message: StateMessage): boolean {
  const definitions = "definitions" in message ? message.definitions : [];
  const entries = "entries" in message ? message.entries : [];
  const current = message.kind === "nack" && message.current !== null ? [message.current] : [];
  return definitions.some(({ type }) => type === "json") ||
    [...entries, ...current].some(({ type, value }) =>
      type === "json" || (type === "definition" && value.type === "json")
    );
}
