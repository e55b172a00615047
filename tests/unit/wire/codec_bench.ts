// What lib/wire costs: `deno bench -A tests/unit/wire/codec_bench.ts`. The package's own codec and JSON of the
// platform run beside it, because only the ratio in one run means something.

import { Decoder, Encoder } from "@msgpack/msgpack";
import {
  CODEC_NAMES,
  compileSchema,
  createCodec,
  encodeFrame,
  FrameDecoder,
  s,
} from "../../../lib/wire/mod.ts";

const SMALL = { id: 42, name: "hue", value: 0.25, on: true, tags: ["a", "b"] };
const WITH_BYTES = { t: 1, id: 123456, m: "set", b: new Uint8Array(64).fill(7) };

for (const [group, value] of [["small object", SMALL], ["64 B binary body", WITH_BYTES]] as const) {
  for (const name of CODEC_NAMES) {
    const codec = createCodec(name);
    const bytes = codec.encode(value).slice();
    Deno.bench(`${name} encode, ${bytes.length} B`, { group }, () => void codec.encode(value));
    Deno.bench(`${name} decode`, { group }, () => void codec.decode(bytes));
    Deno.bench(`${name} encode + decode`, { group, baseline: name === "msgpack" }, () => {
      codec.decode(codec.encode(value));
    });
  }
  const encoder = new Encoder({ ignoreUndefined: true });
  const decoder = new Decoder();
  Deno.bench(
    "package, unchecked: encode + decode",
    { group },
    () => void decoder.decode(encoder.encodeSharedRef(value)),
  );
  Deno.bench(
    "platform, unchecked: JSON there and back",
    { group },
    () => void JSON.parse(JSON.stringify(value)),
  );
}

const validator = compileSchema(s.object({
  id: s.integer(),
  name: s.string({ maxLength: 32 }),
  value: s.number({ minimum: 0, maximum: 1 }),
  on: s.boolean(),
  tags: s.array(s.string()),
}));
Deno.bench("validate the small object", { group: "schema" }, () => void validator.validate(SMALL));

const frame = encodeFrame(new Uint8Array(64));
const read = new Uint8Array(frame.length * 900);
for (let at = 0; at < read.length; at += frame.length) read.set(frame, at);
const decoder = new FrameDecoder();
const onFrame = (): void => {};
Deno.bench("900 frames of 64 B in one read", { group: "framing" }, () => void decoder.push(read, onFrame));
