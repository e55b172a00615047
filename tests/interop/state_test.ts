// The messages of shared state as another language has them: tests/interop/state_reader.py reads docs/state-protocol.md.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import { CopyDecoder } from "../../lib/state/copies/mod.ts";
import { DECODE_PROBLEMS, MessageDecoder, MessageEncoder } from "../../lib/state/messages/mod.ts";
import { damaged, readEach, verifyVectors } from "../support/reader.ts";
import { skippable } from "../support/requirement.ts";
import { anyMessage, plain, plainMessage } from "../support/state_messages.ts";
import { STATE_VECTORS_URL, type StateVectors } from "../support/state_vectors.ts";

const READER = new URL("./state_reader.py", import.meta.url).pathname;
const COPIES_READER = new URL("./state_copies.py", import.meta.url).pathname;

skippable({
  name: "a reader in Python reads, writes and refuses every vector of shared state as hana does",
  needs: ["command:python3"],
  fn: async () => {
    await verifyVectors(READER, STATE_VECTORS_URL);
  },
});

const vectors = JSON.parse(Deno.readTextFileSync(STATE_VECTORS_URL)) as StateVectors;
const encoder = new MessageEncoder();
const decoder = new MessageDecoder();

/** Messages of which some bytes are others. */
const damagedMessage = damaged(fc.oneof(
  fc.constantFrom(...[...vectors.messages, ...vectors.refused].map(({ bytes }) => bytes)).map(fromHex),
  anyMessage.map((message) => encoder.encode(message)?.slice() ?? new Uint8Array(0)),
));

skippable({
  name: "of thousands of damaged messages the reader in Python makes the same as hana",
  needs: ["command:python3"],
  fn: async () => {
    const inputs = fc.sample(damagedMessage, { numRuns: 8_000, seed: 7 });
    const answers = await readEach(READER, inputs);
    const seen = new Map<string, number>();
    inputs.forEach((bytes, i) => {
      const read = decoder.decode(bytes);
      const there = answers[i] as Record<string, unknown>;
      if (typeof read === "string") assertEquals<unknown>(there, { problem: read }, toHex(bytes));
      else {
        const here = plainMessage(read);
        // MessagePack inside of values has several forms: only hana's own is written again.
        const rewritten = JSON.stringify(here).includes('"json"') ? there.written : toHex(bytes);
        assertEquals(inJson(there), inJson({ message: here, written: rewritten }), toHex(bytes));
      }
      const result = typeof read === "string" ? read : "read";
      seen.set(result, (seen.get(result) ?? 0) + 1);
    });
    for (const result of ["read", ...DECODE_PROBLEMS]) {
      assert((seen.get(result) ?? 0) >= 15, `${result}: ${seen.get(result)} of ${inputs.length}`);
    }
  },
});

skippable({
  name: "of thousands of damaged copies the reader in Python makes the same as hana",
  needs: ["command:python3"],
  fn: async () => {
    const whole = fc.constantFrom(
      ...[...vectors.updates, ...vectors.refusedUpdates].map(({ bytes }) => bytes),
    );
    const inputs = fc.sample(damaged(whole.map(fromHex)), { numRuns: 6_000, seed: 7 });
    const answers = await readEach(COPIES_READER, inputs);
    const updates = new CopyDecoder();
    const seen = new Map<string, number>();
    inputs.forEach((bytes, i) => {
      const read = updates.decodeUpdate(bytes);
      assertEquals(inJson(answers[i]), inJson(plain(read)), toHex(bytes));
      const result = typeof read === "string" ? read : "read";
      seen.set(result, (seen.get(result) ?? 0) + 1);
    });
    for (const result of ["read", ...DECODE_PROBLEMS]) {
      assert((seen.get(result) ?? 0) >= 5, `${result}: ${seen.get(result)} of ${inputs.length}`);
    }
  },
});

/** As JSON has it: no NaN, no minus zero. */
function inJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
