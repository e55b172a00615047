// The DNS codec: byte vectors, names and their escapes, and whatever else may come from the wire.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  compareBytes,
  dataKey,
  decodeMessage,
  decodeText,
  type DnsMessage,
  encodeText,
  escapeLabel,
  firstLabel,
  isAskedFor,
  MAX_MESSAGE_IN_BYTES,
  MessageWriter,
  nameKey,
  parentOf,
  plainData,
  type ResourceRecord,
  TYPE,
} from "../../../../lib/discovery/dns_sd/mod.ts";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replace(/\s+/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function read(bytes: Uint8Array): DnsMessage {
  const message = decodeMessage(bytes);
  assert(typeof message !== "string", `refused: ${message}`);
  return message;
}

const record = (name: string, data: ResourceRecord["data"], ttlS = 120, isFlush = true): ResourceRecord => ({
  name,
  class: 1,
  isFlush,
  ttlS,
  data,
});

const QUERY = `
  0000 0000 0001 0001 0000 0000
  05 5f68616e61 04 5f756470 05 6c6f63616c 00  000c 0001
  c00c 000c 0001 00001194 0005 02 6131 c00c`;

Deno.test("a query with a known answer is written as RFC 1035 and RFC 6762 say, byte for byte", () => {
  const writer = new MessageWriter({ isResponse: false });
  assert(writer.canAddQuestion({ name: "_hana._udp.local", type: TYPE.ptr, class: 1, wantsUnicast: false }));
  const known = record(
    "_hana._udp.local",
    { type: TYPE.ptr, target: "a1._hana._udp.local" },
    4500,
    false,
  );
  assert(writer.canAddRecord("answer", known));
  assertEquals(hexOf(writer.finish()), hexOf(bytesOf(QUERY)));
  const back = read(bytesOf(QUERY));
  assertEquals(back.isResponse, false);
  assertEquals(back.answers, [known]);
  assertEquals(back.questions[0]?.name, "_hana._udp.local");
  const [question] = back.questions;
  assert(question !== undefined && isAskedFor(question, known));
});

const RESPONSE = `
  0000 8400 0000 0004 0000 0001
  03 706331 05 6c6f63616c 00  0001 8001 00000078 0004 0a000001
  02 6131 05 5f68616e61 04 5f756470 c010  0021 8001 00000078 0008 0000 0000 ba3c c00c
  c025 0010 8001 00001194 000a 09 747874766572733d31
  c00c 002f 8001 00000078 0005 c00c 00 01 40
  00 0029 05a0 00001194 0000`;

Deno.test("a response with A, SRV, TXT and NSEC is read, its OPT passed over, and written the same", () => {
  const back = read(bytesOf(RESPONSE));
  assertEquals(back.isResponse, true);
  assertEquals(back.additionals, []);
  const text = encodeText({ txtvers: "1" });
  const expected = [
    record("pc1.local", { type: TYPE.a, address: "10.0.0.1" }),
    record("a1._hana._udp.local", {
      type: TYPE.srv,
      priority: 0,
      weight: 0,
      port: 47676,
      target: "pc1.local",
    }),
    record("a1._hana._udp.local", { type: TYPE.txt, bytes: text }, 4500),
    record("pc1.local", { type: TYPE.nsec, next: "pc1.local", types: [TYPE.a] }),
  ];
  assertEquals(back.answers, expected);
  const writer = new MessageWriter({ isResponse: true });
  for (const each of expected) assert(writer.canAddRecord("answer", each));
  const written = hexOf(writer.finish());
  const original = hexOf(bytesOf(RESPONSE));
  // All but the count of additionals and the OPT record itself.
  assertEquals(written.slice(0, 20), original.slice(0, 20));
  assertEquals(written.slice(24), original.slice(24, -22));
});

Deno.test("an IPv6 address keeps its short text both ways", () => {
  for (
    const address of ["fe80::1", "::", "::1", "2001:db8:0:1:1:1:1:1", "2001:db8::1:0:0:1", "fe80::1:2:3:4"]
  ) {
    const writer = new MessageWriter({ isResponse: true });
    assert(writer.canAddRecord("answer", record("h.local", { type: TYPE.aaaa, address })));
    assertEquals(read(writer.finish()).answers[0]?.data, { type: TYPE.aaaa, address });
  }
});

Deno.test("a name keeps dots, backslashes, blanks and bytes that are no text inside a label", () => {
  const label = escapeLabel("Hall 1. \\ Bühne");
  const name = `${label}._osc._udp.local`;
  const writer = new MessageWriter({ isResponse: false });
  assert(writer.canAddQuestion({ name, type: TYPE.any, class: 1, wantsUnicast: true }));
  const [question] = read(writer.finish()).questions;
  assertEquals(question, { name, type: TYPE.any, class: 1, wantsUnicast: true });
  assertEquals(firstLabel(name), "Hall 1. \\ Bühne");
  assertEquals(parentOf(name), "_osc._udp.local");
  const raw = bytesOf("0000 0000 0001 0000 0000 0000 03 61ff07 05 6c6f63616c 00 00ff 0001");
  const odd = read(raw).questions[0]?.name ?? "";
  assertEquals(odd, "a\\255\\007.local");
  const again = new MessageWriter({ isResponse: false });
  assert(again.canAddQuestion({ name: odd, type: TYPE.any, class: 1, wantsUnicast: false }));
  assertEquals(hexOf(again.finish()), hexOf(raw));
});

Deno.test("names are compared without case in ASCII alone", () => {
  assertEquals(nameKey("Stage._HANA._udp.Local"), "stage._hana._udp.local");
  assert(nameKey("Ä.local") !== nameKey("ä.local"));
});

Deno.test("names that loop, point forward or into the header are refused", () => {
  const head = "0000 0000 0001 0000 0000 0000";
  for (
    const name of ["c00c", "c00d 00", "c00e 00 0000", "c000", "c00b", "01 61 c00c", "3f 61", "40 61 00", "ff"]
  ) {
    assertEquals(decodeMessage(bytesOf(`${head} ${name} 00ff 0001`)), "malformed", name);
  }
});

Deno.test("a chain of pointers ends at 255 bytes of name", () => {
  // Each record's name is one label of 50 letters and a pointer to the name before it.
  const parts = ["0000 8400 0000 000a 0000 0000"];
  let at = 12;
  let before = 0;
  for (let i = 0; i < 10; i++) {
    const label = `32${"61".repeat(50)}`;
    const name = i === 0 ? `${label}00` : `${label}${(0xc000 | before).toString(16)}`;
    parts.push(name, "0001 0001 00000078 0004 0a000001");
    before = at;
    at += name.length / 2 + 14;
  }
  assertEquals(decodeMessage(bytesOf(parts.join(""))), "malformed");
});

Deno.test("refusals say why: too short, too long, another opcode, an error, too many records", () => {
  assertEquals(decodeMessage(new Uint8Array(11)), "short");
  assertEquals(decodeMessage(new Uint8Array(MAX_MESSAGE_IN_BYTES + 1)), "oversize");
  assertEquals(decodeMessage(bytesOf("0000 2800 0000 0000 0000 0000")), "opcode");
  assertEquals(decodeMessage(bytesOf("0000 8403 0000 0000 0000 0000")), "opcode");
  assertEquals(decodeMessage(bytesOf("0000 0000 0201 0000 0000 0000")), "too-many");
  assertEquals(decodeMessage(bytesOf("0000 0000 0001 0000 0000 0000")), "malformed");
});

Deno.test("what does not fit is left out and leaves no trace", () => {
  const writer = new MessageWriter({ isResponse: true }, 64);
  const one = record("abc.local", { type: TYPE.a, address: "10.0.0.1" });
  assert(writer.canAddRecord("answer", one));
  assert(
    !writer.canAddRecord(
      "answer",
      record("much-longer-name.elsewhere", { type: TYPE.ptr, target: "x.local" }),
    ),
  );
  assert(writer.canAddRecord("answer", record("elsewhere", { type: TYPE.a, address: "10.0.0.2" })));
  const back = read(writer.finish());
  assertEquals(back.answers.map(({ name }) => name), ["abc.local", "elsewhere"]);
});

Deno.test("TXT pairs: the first of equal keys counts, keys know no case, junk is left out", () => {
  const bytes = Uint8Array.from([
    ...[3, 0x41, 0x3d, 0x31], // A=1
    ...[3, 0x61, 0x3d, 0x32], // a=2
    ...[2, 0x3d, 0x78], // =x
    ...[2, 0x62, 0xff], // no text
    ...[1, 0x63], // c
    0,
  ]);
  assertEquals(decodeText(bytes), { a: "1", c: "" });
  assertEquals(decodeText(encodeText({})), {});
  assertEquals(decodeText(encodeText({ id: "00ff", r: "app" })), { id: "00ff", r: "app" });
});

Deno.test("data are compared as unsigned bytes, shorter first", () => {
  const a = (address: string) => plainData({ type: TYPE.a, address });
  assert(compareBytes(a("169.254.99.200"), a("169.254.200.50")) < 0);
  assert(compareBytes(new Uint8Array([1]), new Uint8Array([1, 0])) < 0);
  assertEquals(compareBytes(a("10.0.0.1"), a("10.0.0.1")), 0);
  assertEquals(
    dataKey({ type: TYPE.ptr, target: "A.Local" }),
    dataKey({ type: TYPE.ptr, target: "a.local" }),
  );
});

const label = fc.uint8Array({ minLength: 1, maxLength: 12 });
const nameOf = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) =>
  read(Uint8Array.from([
    ...bytesOf("0000 0000 0001 0000 0000 0000"),
    ...labels.flatMap((each) => [each.length, ...each]),
    0,
    ...[0, 1, 0, 1],
  ])).questions[0]?.name ?? ""
);
const dataOf = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ({ type: TYPE.a, address: bytes.join(".") })),
  nameOf.map((target) => ({ type: TYPE.ptr, target })),
  fc.tuple(fc.nat(65535), fc.nat(65535), fc.nat(65535), nameOf).map(([priority, weight, port, target]) => ({
    type: TYPE.srv,
    priority,
    weight,
    port,
    target,
  })),
  fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), fc.string({ maxLength: 20 }), { maxKeys: 6 })
    .map((pairs) => ({ type: TYPE.txt, bytes: encodeText(pairs) })),
  fc.tuple(nameOf, fc.uniqueArray(fc.nat(255), { minLength: 1, maxLength: 6 })).map(([next, types]) => ({
    type: TYPE.nsec,
    next,
    types: types.sort((x, y) => x - y),
  })),
  fc.uint8Array({ maxLength: 30 }).map((opaque) => ({ type: 99, opaque })),
);

Deno.test("every message that fits is read as it was written", () => {
  const records = fc.array(fc.tuple(nameOf, dataOf, fc.nat(4500), fc.boolean()), { maxLength: 12 });
  fc.assert(fc.property(records, (list) => {
    const writer = new MessageWriter({ isResponse: true }, 9000);
    const made = list.map(([name, data, ttlS, isFlush]) =>
      record(name, data as ResourceRecord["data"], ttlS, isFlush)
    );
    for (const each of made) assert(writer.canAddRecord("answer", each));
    assertEquals(read(writer.finish()).answers, made);
  }));
});

Deno.test("100,000 altered and random messages are read or refused, never thrown at", () => {
  const seeds = [bytesOf(QUERY), bytesOf(RESPONSE)];
  let state = 12345;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
  const seen = new Set<string>();
  for (let i = 0; i < 100_000; i++) {
    const seed = seeds[i % seeds.length] ?? new Uint8Array(0);
    const bytes = i % 10 === 0 ? Uint8Array.from({ length: random(64) }, () => random(256)) : seed.slice();
    for (let flips = random(6); flips >= 0 && bytes.length > 0; flips--) {
      bytes[random(bytes.length)] = random(256);
    }
    const cut = random(8) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
    const message = decodeMessage(cut);
    if (typeof message === "string") {
      seen.add(message);
      continue;
    }
    seen.add("read");
    // What was read can be written and keeps its meaning.
    const writer = new MessageWriter({ isResponse: message.isResponse }, 9000);
    for (const each of message.answers) {
      assert(writer.canAddRecord("answer", each));
      firstLabel(each.name);
      if ("bytes" in each.data) decodeText(each.data.bytes);
    }
    const again = decodeMessage(writer.finish());
    assert(typeof again !== "string", String(again));
    assertEquals(again.answers.length, message.answers.length);
  }
  assert(seen.has("read") && seen.has("malformed") && seen.has("opcode") && seen.has("too-many"));
});
