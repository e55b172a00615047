// docs/vectors/lanes.json against the code.

import { assert, assertEquals } from "@std/assert";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import {
  expand32,
  PacketHeader,
  PacketWriter,
  STREAM_PACKET_HEADER_BYTES,
  streamPacketNumber,
} from "../../../../lib/lanes/wire/mod.ts";
import { readPacket, writePacket } from "../../../support/lane_frames.ts";
import { LANE_VECTORS_URL, type LaneVectors, laneVectors } from "../../../support/lane_vectors.ts";

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
