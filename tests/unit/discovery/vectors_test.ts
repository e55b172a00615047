// docs/discovery.md and docs/vectors/discovery.json against the code: bytes, kinds, reasons and constants.

import { assert, assertEquals } from "@std/assert";
import { fromHex, toHex } from "../../../lib/base/mod.ts";
import { DROPS, REFUSALS } from "../../../lib/discovery/counters.ts";
import { type Header, sealDatagram } from "../../../lib/discovery/datagram.ts";
import { KIND_NUMBERS } from "../../../lib/discovery/messages/mod.ts";
import { createBodyCodec, decodeDatagram, encodeDatagram, meshTagOf } from "../../../lib/discovery/mod.ts";
import {
  type DatagramVector,
  discoveryVectors,
  MESH_NAME,
  messageOf,
  plainOf,
  type RefusedVector,
  SEALS,
  VECTORS_URL,
} from "../../support/discovery_vectors.ts";
import { readQuantities, SourceConstants } from "../../support/source_constants.ts";

interface Document {
  readonly datagrams: readonly DatagramVector[];
  readonly tolerated: readonly DatagramVector[];
  readonly refused: readonly RefusedVector[];
}

const TAG = meshTagOf(MESH_NAME);
const codec = createBodyCodec();
const page = Deno.readTextFileSync(new URL("../../../docs/discovery.md", import.meta.url));
const document = JSON.parse(Deno.readTextFileSync(VECTORS_URL)) as Document;

Deno.test("the vectors of discovery are what the code makes of their messages today", () => {
  assertEquals(document as unknown, plainOf(discoveryVectors()));
});

Deno.test("every kind of discovery has a vector, which is read as it says and written again as it is", () => {
  const kinds = new Set<string>();
  for (const { name, key, header, message, datagram } of document.datagrams) {
    const bytes = fromHex(datagram);
    const read = decodeDatagram(bytes, TAG, codec, SEALS[key]);
    assert(typeof read === "object", `${name}: ${JSON.stringify(read)}`);
    assertEquals(plainOf(read.header), header, name);
    assertEquals(messageOf(read.message), message, name);
    assertEquals(read.key, "primary", name);
    kinds.add(read.header.kind);
    const isCut = read.message.kind === "announce" && read.message.record.more === true;
    const again = encodeDatagram(read.header, read.message, TAG, codec, SEALS[key]);
    if (!isCut) assertEquals(toHex(again), datagram, name);
  }
  assertEquals([...kinds].sort(), Object.keys(KIND_NUMBERS).sort());
});

Deno.test("bodies that no hana writes are read where the protocol says so", () => {
  for (const { name, key, header, message, datagram } of document.tolerated) {
    const read = decodeDatagram(fromHex(datagram), TAG, codec, SEALS[key]);
    assert(typeof read === "object", `${name}: ${JSON.stringify(read)}`);
    assertEquals(plainOf(read.header), header, name);
    assertEquals(messageOf(read.message), message, name);
  }
});

Deno.test("what the vectors say is refused is refused, and for that reason", () => {
  const reasons = new Set<string>();
  for (const { name, why, datagram } of document.refused) {
    assertEquals<unknown>(decodeDatagram(fromHex(datagram), TAG, codec, SEALS.show), why, name);
    reasons.add(why);
  }
  const byBytes = ["not-hana", "oversize", "version", "other-mesh", "foreign", "unknown-kind", "malformed"];
  assertEquals([...reasons].sort(), byBytes.sort());
});

Deno.test("a datagram of another key of the ring is read while keys are rotated, and says so", () => {
  const beat = document.datagrams.find(({ key }) => key === "next");
  assert(beat !== undefined);
  const read = decodeDatagram(fromHex(beat.datagram), TAG, codec, SEALS.show);
  assert(typeof read === "object");
  assertEquals(read.key, "previous");
  const { kind, ...rest } = read.header as Header;
  const sealed = sealDatagram({ kind, ...rest }, TAG, fromHex("80"), SEALS.open);
  assertEquals(decodeDatagram(sealed, TAG, codec, SEALS.show), "foreign");
});

// --- docs/discovery.md -------------------------------------------------------------------------------------------

/** Rows of all tables whose head has these columns. */
function rowsOf(columns: readonly string[]): string[][] {
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

Deno.test("the page on discovery lists every kind with its number", () => {
  const told = rowsOf(["kind", "number"]).map(([kind, number]) => [bare(kind), Number(number)] as const);
  assertEquals(
    told.toSorted((a, b) => a[1] - b[1]),
    Object.entries(KIND_NUMBERS).toSorted((a, b) => a[1] - b[1]),
  );
});

Deno.test("the page on discovery lists every key of every body that a vector has", () => {
  const keys = new Map<string, Set<string>>();
  for (const [kind, key] of rowsOf(["message", "key"])) {
    for (const each of bare(kind).split(", ")) {
      keys.set(each, (keys.get(each) ?? new Set()).add(bare(key).replace(" ?", "")));
    }
  }
  for (const { name, header, body } of document.datagrams) {
    const { kind } = header as { kind: string };
    for (const key of Object.keys(body as Record<string, unknown>)) {
      const isTold = keys.get("all")?.has(key) === true || keys.get(kind)?.has(key) === true;
      assert(isTold, `${key} of ${kind} (${name}) stands in no table`);
    }
  }
});

Deno.test("the page on discovery lists every reason to refuse in the order of the checks, and every drop", () => {
  assertEquals(rowsOf(["refusal"]).map(([reason]) => bare(reason)), [...REFUSALS]);
  assertEquals(rowsOf(["drop"]).map(([reason]) => bare(reason)).sort(), [...DROPS].sort());
});

Deno.test("the constants on the page on discovery are those of the code", () => {
  const constants = new SourceConstants(new URL("../../../lib/discovery/", import.meta.url));
  const rows = rowsOf(["constant", "file", "value"]);
  assert(rows.length >= 100, `${rows.length} constants`);
  for (const [name, file, value] of rows) {
    const inCode = constants.valueOf(bare(file), bare(name)).map((each) => Number(each.toPrecision(12)));
    assertEquals(readQuantities(value ?? ""), inCode, `${name} of ${file}`);
  }
});
