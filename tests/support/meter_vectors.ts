// docs/vectors/meters.json: bytes of packets of meters for who implements them in another language.
// Decides what is worth a vector. Run as a program it writes the file anew, which is right only while nobody holds another
// implementation against it: `deno run -A tests/support/meter_vectors.ts`.

import { fromHex, toHex } from "../../lib/base/mod.ts";
import {
  beginPacket,
  markOf,
  MAX_METER_PACKET_BYTES,
  type MeterDefinition,
  MeterPacketReader,
  writeSection,
} from "../../lib/state/meters/mod.ts";
import { ByteWriter } from "../../lib/wire/mod.ts";

/** Where the document is. */
export const METER_VECTORS_URL = new URL("../../docs/vectors/meters.json", import.meta.url);

/** One section as JSON has it. */
export interface PlainSection {
  readonly source: number;
  readonly mark: number;
  readonly number: number;
  readonly ageMs: number;
  readonly first: number;
  readonly values: readonly number[];
}

/** The document. */
export interface MeterVectors {
  readonly schema: "hana.meter-vectors/1";
  readonly packets: readonly {
    readonly name: string;
    readonly sections: readonly PlainSection[];
    readonly bytes: string;
  }[];
  readonly refused: readonly { readonly name: string; readonly bytes: string; readonly problem: string }[];
  /** The marks of tables. */
  readonly tables: readonly {
    readonly name: string;
    readonly meters: readonly MeterDefinition[];
    readonly mark: number;
  }[];
}

const section = (more: Partial<PlainSection> = {}): PlainSection => ({
  ...{ source: 0, mark: 0x1234_5678, number: 1, ageMs: 0, first: 0, values: [0.5] },
  ...more,
});

const PACKETS: readonly (readonly [name: string, sections: readonly PlainSection[]])[] = [
  ["one value of the sender itself", [section()]],
  ["values of both signs, zero, the largest and the smallest", [section({
    number: 63,
    values: [-60, 0, 1, 3.4028234663852886e38, 1.401298464324817e-45, -0.25],
  })]],
  ["two sources at a board", [
    section({ source: 1, number: 64, ageMs: 12, values: [1, 2, 3] }),
    section({
      source: 65_535,
      mark: 0xffff_ffff,
      number: 2 ** 53 - 1,
      ageMs: 65_535,
      first: 255,
      values: [7],
    }),
  ]],
  ["some columns of a source", [
    section({ source: 17, number: 16_384, ageMs: 64, first: 64, values: [4, 5] }),
  ]],
  ["as many meters as a source may have", [section({
    number: 1_073_741_824,
    values: Array.from({ length: 256 }, (_, i) => i / 4),
  })]],
];

const REFUSED: readonly (readonly [name: string, bytes: string, problem: string])[] = [
  ["nothing", "", "truncated"],
  ["a packet without sections", "01", "truncated"],
  ["another kind", "020012345678010000010000003f", "kind"],
  ["more than 1,200 bytes", "01" + "00".repeat(1_200), "size"],
  ["half a value", "0100123456780100000100003f", "truncated"],
  ["a section that stops in its mark", "01001234", "truncated"],
  ["half a second section", "010012345678010000010000003f0112", "truncated"],
  ["no mark", "0100000000000100000100000000", "range"],
  ["frame 0", "0100123456780000000100000000", "range"],
  ["a source that is none", "018001000012345678010000010000003f", "range"],
  ["no values", "01001234567801000000", "range"],
  ["a column behind the last", "010012345678010040ff0240000000000000000000", "range"],
  ["an age that is none", "010012345678018001000000010000003f", "range"],
  ["not a number", "010012345678010000010000c07f", "not-finite"],
  ["an infinity", "010012345678010000010000807f", "not-finite"],
  [
    "minus infinity behind a good section",
    "010012345678010000010000003f001234567802000001000080ff",
    "not-finite",
  ],
];

const TABLES: readonly (readonly [name: string, meters: readonly MeterDefinition[]])[] = [
  ["no meters", []],
  ["one meter without unit and range", [{ name: "fps", unit: null, min: null, max: null }]],
  ["two meters", [
    { name: "audio/left", unit: "dB", min: -60, max: 6.5 },
    { name: "audio/right", unit: "dB", min: -60, max: 6.5 },
  ]],
  ["a range from minus zero", [{ name: "load", unit: "%", min: -0, max: 100 }]],
  ["a unit of other letters", [{ name: "temperature", unit: "°C", min: null, max: 90 }]],
];

/** The bytes of a packet. */
export function packetOf(sections: readonly PlainSection[]): Uint8Array {
  const writer = new ByteWriter(MAX_METER_PACKET_BYTES);
  beginPacket(writer);
  for (const { source, mark, number, ageMs, first, values } of sections) {
    const column = new Float32Array(first + values.length);
    column.set(values, first);
    writeSection(writer, source, mark, number, ageMs, column, first, values.length);
  }
  return writer.copy();
}

/** What a packet says, or why it is none. */
export function readPacket(bytes: Uint8Array): readonly PlainSection[] | string {
  const reader = new MeterPacketReader();
  const problem = reader.open(bytes);
  if (problem !== null) return problem;
  const sections: PlainSection[] = [];
  while (reader.next()) {
    const { source, mark, number, ageMs, first } = reader;
    const values = Array.from({ length: reader.count }, (_, i) => reader.valueAt(i));
    sections.push({ source, mark, number, ageMs, first, values });
  }
  return sections;
}

/** Makes the document. */
export function makeMeterVectors(): MeterVectors {
  return {
    schema: "hana.meter-vectors/1",
    packets: PACKETS.map(([name, sections]) => ({ name, sections, bytes: toHex(packetOf(sections)) })),
    refused: REFUSED.map(([name, bytes, problem]) => {
      const found = readPacket(fromHex(bytes));
      if (found !== problem) throw new Error(`${name}: ${JSON.stringify(found)}, not ${problem}`);
      return { name, bytes, problem };
    }),
    tables: TABLES.map(([name, meters]) => ({ name, meters, mark: markOf(meters) })),
  };
}

if (import.meta.main) {
  Deno.writeTextFileSync(METER_VECTORS_URL, `${JSON.stringify(makeMeterVectors(), null, 2)}\n`);
}
