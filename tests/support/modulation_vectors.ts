// docs/vectors/modulation.json: bytes of frames of modulation for who implements them in another language.
// Decides what is worth a vector. Run as a program it writes the file anew, which is right only while nobody holds another
// implementation against it: `deno run -A tests/support/modulation_vectors.ts`.

import { fromHex, toHex } from "../../lib/base/mod.ts";
import type { ParameterDefinition } from "../../lib/state/model/mod.ts";
import {
  FRAME_NAMED,
  MAX_MODULATION_BYTES,
  MODULATION_FRAME,
  MODULATION_MODES,
  ModulationFrameReader,
  ModulationLayout,
  type ModulationMode,
} from "../../lib/state/modulation/mod.ts";
import { ByteWriter } from "../../lib/wire/mod.ts";

/** Where the document is. */
export const MODULATION_VECTORS_URL = new URL("../../docs/vectors/modulation.json", import.meta.url);

/** What a source does to one place, as JSON has it: NaN and the infinities are texts. */
export interface PlainEffect {
  readonly slot: number;
  readonly mode: ModulationMode;
  readonly priority: number;
  readonly value: number | string;
}

/** A frame as JSON has it. */
export interface PlainFrame {
  readonly source: number;
  readonly mark: number;
  readonly number: number;
  readonly name: string | null;
  readonly effects: readonly PlainEffect[];
}

/** A parameter as far as the mark of a layout goes. */
export type PlainParameter = Pick<ParameterDefinition, "path" | "type" | "min" | "max">;

/** The document. */
export interface ModulationVectors {
  readonly schema: "hana.modulation-vectors/1";
  readonly frames: readonly { readonly name: string; readonly frame: PlainFrame; readonly bytes: string }[];
  readonly refused: readonly { readonly name: string; readonly bytes: string; readonly problem: string }[];
  /** The marks of layouts, and how many places they have. */
  readonly layouts: readonly {
    readonly name: string;
    readonly parameters: readonly PlainParameter[];
    readonly count: number;
    readonly mark: number;
  }[];
}

const frame = (effects: readonly PlainEffect[], more: Partial<PlainFrame> = {}): PlainFrame => ({
  ...{ source: 3, mark: 0x1234_5678, number: 1, name: null, effects },
  ...more,
});
const effect = (slot: number, mode: ModulationMode, value: number | string, priority = 100): PlainEffect => ({
  ...{ slot, mode, priority, value },
});

const FRAMES: readonly (readonly [name: string, frame: PlainFrame])[] = [
  ["one LFO adds to one place", frame([effect(0, "add", 0.125)])],
  ["it says its name", frame([effect(0, "add", 0.125)], { name: "lfo-1" })],
  ["a name of other letters", frame([], { name: "Töne ♪", source: 255, number: 0xffff_ffff })],
  ["it lets go of everything", frame([], { number: 2 })],
  [
    "each mode, and priorities of their own",
    frame([
      effect(4, "replace", 0.5),
      effect(7, "replace", 1, 200),
      effect(4, "multiply", -2),
      effect(5, "multiply", 0.5),
      effect(4_095, "add", 1, 1),
      effect(0, "add", -3.4028234663852886e38),
    ]),
  ],
  [
    "values that are refused at their place alone",
    frame([
      effect(1, "add", "NaN"),
      effect(2, "add", "Infinity"),
      effect(3, "add", "-Infinity"),
      effect(4, "add", 0.25),
    ]),
  ],
  ["64 places", frame(Array.from({ length: 64 }, (_, i) => effect(2 * i, "add", i / 64)), { number: 1_000 })],
  [
    "128 places far apart",
    frame(
      Array.from({ length: 128 }, (_, i) => effect(100 + 31 * i % 4_096, "replace", i, 50)),
    ),
  ],
];

const HEAD = "010312345678" + "00000001";
const REFUSED: readonly (readonly [name: string, bytes: string, problem: string])[] = [
  ["nothing", "", "truncated"],
  ["another kind", "02" + HEAD.slice(2), "kind"],
  ["a flag that there is not", "21" + HEAD.slice(2), "kind"],
  ["half a head", HEAD.slice(0, 14), "truncated"],
  ["more than 1,200 bytes", HEAD + "00".repeat(1_191), "size"],
  ["no mark", "01030000000000000001", "range"],
  ["a name without letters", "11" + HEAD.slice(2) + "00", "range"],
  ["a name of 32 bytes", "11" + HEAD.slice(2) + "20" + "61".repeat(32), "range"],
  ["half a name", "11" + HEAD.slice(2) + "05" + "6c66", "truncated"],
  ["a name that is not there", "11" + HEAD.slice(2), "truncated"],
  ["a name that is no UTF-8", "11" + HEAD.slice(2) + "02" + "c328", "text"],
  ["a mode that there is not", HEAD + "036401" + "00" + "0000003f", "range"],
  ["priority 0", HEAD + "020001" + "00" + "0000003f", "range"],
  ["a priority of the host's", HEAD + "02c901" + "00" + "0000003f", "range"],
  ["a group of nothing", HEAD + "026400", "range"],
  ["more than 128 in a group", HEAD + "02644081" + "00" + "0000003f", "range"],
  ["more than 128 in all", HEAD + ("026401" + "00" + "0000003f").repeat(129), "range"],
  ["a place behind the last", HEAD + "026401" + "5000" + "0000003f", "range"],
  ["a place twice in a group", HEAD + "026402" + "05" + "0000003f" + "00" + "0000003f", "order"],
  ["half a value", HEAD + "026401" + "00" + "0000", "truncated"],
  ["a group that stops", HEAD + "026402" + "00" + "0000003f", "truncated"],
];

const parameter = (path: string, more: Partial<PlainParameter> = {}): PlainParameter => ({
  ...{ path, type: "f32", min: null, max: null },
  ...more,
});
const LAYOUTS: readonly (readonly [name: string, parameters: readonly PlainParameter[]])[] = [
  ["nothing to modulate", []],
  ["one number", [parameter("hue", { min: 0, max: 360 })]],
  ["another range", [parameter("hue", { min: 0, max: 359 })]],
  ["numbers, a switch, a vector; what is no number has no place", [
    parameter("speed"),
    parameter("title", { type: "text", max: 64 }),
    parameter("mix", { type: "unit", min: 0, max: 1 }),
    parameter("camera/position", { type: "vec3", min: -10, max: 10 }),
    parameter("mode", { type: "enum" }),
    parameter("copies", { type: "i32", min: 1, max: 64 }),
    parameter("strobe", { type: "bool" }),
  ]],
];

/** The bytes of a frame, as they are: nothing is checked. */
export function frameOf({ source, mark, number, name, effects }: PlainFrame): Uint8Array {
  const writer = new ByteWriter(MAX_MODULATION_BYTES);
  writer.u8(MODULATION_FRAME | (name === null ? 0 : FRAME_NAMED));
  writer.u8(source);
  writer.u32(mark);
  writer.u32(number);
  if (name !== null) writer.shortText(name);
  effects.forEach((one, at) => {
    const before = effects[at - 1];
    const goesOn = before !== undefined && isOneGroup(before, one);
    if (!goesOn) {
      let end = at + 1;
      while (effects[end] !== undefined && isOneGroup(effects[end] as PlainEffect, one, effects[end - 1])) {
        end++;
      }
      writer.u8(MODULATION_MODES.indexOf(one.mode));
      writer.u8(one.priority);
      writer.varint(end - at);
    }
    writer.varint(goesOn ? one.slot - before.slot : one.slot);
    writer.f32le(Number(one.value));
  });
  return writer.copy();
}

function isOneGroup(a: PlainEffect, b: PlainEffect, beforeA?: PlainEffect): boolean {
  if (beforeA !== undefined && a.slot <= beforeA.slot) return false;
  return a.mode === b.mode && a.priority === b.priority && (beforeA !== undefined || b.slot > a.slot);
}

/** What a frame says, or why it is none. */
export function readFrame(bytes: Uint8Array): PlainFrame | string {
  const reader = new ModulationFrameReader();
  const problem = reader.open(bytes);
  if (problem !== null) return problem;
  const effects: PlainEffect[] = [];
  while (reader.next()) {
    const { slot, mode, priority, value } = reader;
    const plain = Number.isFinite(value) ? value : String(value);
    effects.push({ slot, mode: MODULATION_MODES[mode] as ModulationMode, priority, value: plain });
  }
  const { source, mark, number, name } = reader;
  return { source, mark, number, name, effects };
}

/** A layout of parameters of which only these fields matter. */
export function layoutOf(parameters: readonly PlainParameter[]): ModulationLayout {
  return new ModulationLayout(parameters.map((plain) => ({
    ...{ subsystem: "params", default: null, unit: null, words: [], merge: "latest", onLoss: "hold" },
    ...{ fadeUs: 0, rate: "fast", description: null },
    ...plain,
  })));
}

/** Makes the document. */
export function makeModulationVectors(): ModulationVectors {
  return {
    schema: "hana.modulation-vectors/1",
    frames: FRAMES.map(([name, frame]) => ({ name, frame, bytes: toHex(frameOf(frame)) })),
    refused: REFUSED.map(([name, bytes, problem]) => {
      const found = readFrame(fromHex(bytes));
      if (found !== problem) throw new Error(`${name}: ${JSON.stringify(found)}, not ${problem}`);
      return { name, bytes, problem };
    }),
    layouts: LAYOUTS.map(([name, parameters]) => {
      const { count, mark } = layoutOf(parameters);
      return { name, parameters, count, mark };
    }),
  };
}

if (import.meta.main) {
  Deno.writeTextFileSync(MODULATION_VECTORS_URL, `${JSON.stringify(makeModulationVectors(), null, 2)}\n`);
}
