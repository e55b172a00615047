// What the messages of shared state cost: `deno bench -A tests/unit/state/messages/codec_bench.ts`. JSON of the same
// message runs beside each, because only the ratio in one run means something.

import { MessageDecoder, MessageEncoder, type WireEntry } from "../../../../lib/state/messages/mod.ts";
import { fromPlain } from "../../../support/state_messages.ts";

const encoder = new MessageEncoder();
const decoder = new MessageDecoder();

const LOADS: readonly (readonly [name: string, ids: readonly number[], winners: boolean])[] = [
  ["1 fader", [17], false],
  ["16 faders", Array.from({ length: 16 }, (_, i) => 5 + 7 * i), false],
  ["300 floats", Array.from({ length: 300 }, (_, i) => 1 + 7 * Math.floor(i / 3) + i % 3), false],
  ["300 floats and holders", Array.from({ length: 300 }, (_, i) => 1 + 7 * Math.floor(i / 3) + i % 3), true],
];

for (const [group, ids, winners] of LOADS) {
  const entries = ids.map((id, i) => ({
    id,
    type: "f32",
    value: Math.fround(Math.sin(i)),
    winner: winners ? { holder: 1 + i % 3, priority: 100 } : null,
  })) as unknown as WireEntry[];
  const patch = fromPlain({
    kind: "patch",
    term: 3,
    subsystem: 4,
    base: 108_000,
    version: 108_016,
    ack: { sequence: 20_500, single: false },
    nonce: null,
    digest: null,
    entries,
  });
  const bytes = encoder.encode(patch)?.slice() ?? new Uint8Array(0);
  const json = JSON.stringify(patch);
  Deno.bench(`encode, ${bytes.length} B`, { group, baseline: true }, () => void encoder.encode(patch));
  Deno.bench(`JSON.stringify, ${json.length} B`, { group }, () => void JSON.stringify(patch));
  Deno.bench("decode", { group }, () => void decoder.decode(bytes));
  Deno.bench("JSON.parse", { group }, () => void JSON.parse(json));
}
