// docs/vectors/lanes.json, and what docs/lanes.md says of bytes, against the code.

import { assert, assertEquals } from "@std/assert";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import {
  expand32,
  FrameType,
  PacketHeader,
  PacketWriter,
  STREAM_PACKET_HEADER_BYTES,
  streamPacketNumber,
} from "../../../../lib/lanes/wire/mod.ts";
import { CloseCode, LANES } from "../../../../lib/lanes/mod.ts";
import { readPacket, writePacket } from "../../../support/lane_frames.ts";
import { LANE_VECTORS_URL, type LaneVectors, laneVectors } from "../../../support/lane_vectors.ts";
import { readQuantities, SourceConstants } from "../../../support/source_constants.ts";

const told = JSON.parse(Deno.readTextFileSync(LANE_VECTORS_URL)) as LaneVectors;

Deno.test("the vectors of lanes are what the code makes of their frames today", () => {
  assertEquals(told, laneVectors());
});

Deno.test("every packet of the vectors is read as it says and written again as it is", () => {
  const types = new Set<string>();
  for (const { name, frames, packet } of told.packets) {
    const bytes = fromHex(packet);
    assertEquals(readPacket(bytes), { frames, problem: "", offset: 0 }, name);
    assertEquals(toHex(writePacket(new PacketWriter(), frames)), packet, name);
    for (const { type } of frames) types.add(type);
  }
  assertEquals(types.size, 11, "every frame has a vector");
});

Deno.test("what the vectors of lanes say is refused is refused, for that reason and at that byte", () => {
  const problems = new Set<string>();
  for (const { name, packet, problem, offset } of told.refused) {
    const read = readPacket(fromHex(packet));
    assertEquals([read.problem, read.offset], [problem, offset], name);
    problems.add(problem);
  }
  assertEquals(problems.size, 7, "every problem has a vector");
});

Deno.test("headers and numbers of the vectors of lanes are read as they say", () => {
  for (const { truncated, expected, number } of told.expansions) {
    assertEquals(expand32(truncated, expected), number, `${truncated} near ${expected}`);
  }
  const header = new PacketHeader();
  for (const each of told.headers) {
    const bytes = fromHex(each.header + "00".repeat(16));
    assert(header.read(bytes, 0, bytes.length), each.name);
    const { keyPhase, isImmediate, receiverIndex } = header;
    assertEquals([keyPhase, isImmediate, receiverIndex], [each.keyPhase, each.immediate, each.receiverIndex]);
    assertEquals(expand32(header.number, each.number), each.number);
  }
  for (const { name, datagram, problem } of told.refusedHeaders) {
    const bytes = fromHex(datagram);
    assert(!header.read(bytes, 0, bytes.length), name);
    assertEquals(header.problem, problem, name);
  }
  for (const { number, header } of told.streamHeaders) {
    const bytes = fromHex(header);
    assertEquals(streamPacketNumber(bytes, 0, STREAM_PACKET_HEADER_BYTES), number % 2 ** 32);
  }
});

// --- docs/lanes.md -----------------------------------------------------------------------------------------------

const page = Deno.readTextFileSync(new URL("../../../../docs/lanes.md", import.meta.url));

/** Rows of all tables whose head begins with these columns. */
function rowsOf(...columns: readonly string[]): string[][] {
  const rows: string[][] = [];
  let isIn = false;
  for (const line of page.split("\n")) {
    const cells = line.startsWith("|") ? line.split("|").slice(1, -1).map((cell) => cell.trim()) : null;
    if (cells === null) isIn = false;
    else if (columns.every((column, i) => cells[i] === column)) isIn = true;
    else if (isIn && !/^[-: ]+$/.test(cells.join(""))) rows.push(cells);
  }
  return rows;
}

const bare = (cell: string | undefined): string => (cell ?? "").replaceAll("`", "");
const hexOf = (cell: string | undefined): string => bare(cell).replaceAll(" ", "");

Deno.test("the page on lanes lists every frame with its type, and between which sizes it is", () => {
  const names: Record<string, string> = { acktimed: "ackTimed" };
  const rows = rowsOf("type", "frame");
  const inPage = rows.map(([type, frame]) => {
    const name = (frame ?? "").toLowerCase().replace("_", "");
    return [names[name] ?? name, parseInt(bare(type), 16)] as const;
  });
  assertEquals(Object.fromEntries(inPage), { ...FrameType });
  for (const [type, frame, , bytes] of rows) {
    const [least = NaN, most = bytes?.endsWith("…") === true ? Infinity : least] =
      (bytes?.match(/\d+/g) ?? []).map(Number);
    for (const { name, frames, packet } of told.packets) {
      const first = packet.slice(0, 2);
      if (frames.length !== 1 || first !== bare(type)) continue;
      const size = packet.length / 2;
      assert(size >= least && size <= most, `${frame} of ${size} bytes: ${name}`);
    }
  }
});

Deno.test("the page on lanes lists every problem", () => {
  const problems = rowsOf("problem", "when").map(([problem]) => bare(problem));
  assertEquals(problems.toSorted(), [...new Set(told.refused.map(({ problem }) => problem))].toSorted());
});

Deno.test("the examples of the page on lanes are packets that say what it says", () => {
  const examples = rowsOf("bytes", "meaning").map(([bytes]) => hexOf(bytes));
  assert(examples.length >= 5, `${examples.length} examples`);
  for (const example of examples) assertEquals(readPacket(fromHex(example)).problem, "", example);
  const ack = /Example: ((?:`[0-9a-f]+` ?)+) ?says/.exec(page.replaceAll(/\s+/g, " "))?.[1];
  assertEquals(readPacket(fromHex(hexOf(ack))).frames, [{
    type: "ack",
    largest: 100,
    delay: 3,
    time: null,
    ranges: [{ gap: 0, length: 10 }, { gap: 2, length: 5 }],
  }]);
  const power = (cell: string | undefined): number => {
    const text = (cell ?? "").replace("2^32 − 1", String(2 ** 32 - 1)).replace(
      /^2\^(\d+)$/,
      (_, n) => `${2 ** n}`,
    );
    return Number(text.replace("3 × 2^31", String(3 * 2 ** 31)));
  };
  const rows = rowsOf("truncated", "expected", "number");
  assertEquals(rows.length, 5);
  for (const [truncated, expected, number] of rows) {
    assertEquals(expand32(power(truncated), power(expected)), power(number));
  }
});

Deno.test("the constants on the page on lanes are those of the code", () => {
  const constants = new SourceConstants(new URL("../../../../", import.meta.url));
  const rows = rowsOf("constant", "file", "value");
  assert(rows.length >= 90, `${rows.length} constants`);
  for (const [name, file, value] of rows) {
    const inCode = constants.valueOf(bare(file), bare(name)).map((each) => Number(each.toPrecision(12)));
    assertEquals(readQuantities(value ?? ""), inCode, `${name} of ${file}`);
  }
});

Deno.test("the page on lanes lists every close code and every standard lane", () => {
  const codes = rowsOf("code", "name").map(([code, name]) => [bare(name), Number(code)]);
  assertEquals(Object.fromEntries(codes), { ...CloseCode });
  const lanes = rowsOf("lane", "name").map(([id, name, kind, tier, keys]) => [
    ...[Number(id), bare(name), kind, Number(tier), keys === "yes"],
  ]);
  const inCode = Object.values(LANES).map(({ id, name, kind, tier, keyed }) => [
    ...[id, name, kind, tier, kind === "unreliable-sequenced" && keyed],
  ]);
  assertEquals(lanes as unknown, inCode as unknown);
});
