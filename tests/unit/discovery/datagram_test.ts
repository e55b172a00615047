// Bytes of records and datagrams.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError, type Incarnation, type NodeId, ROLES } from "../../../lib/base/mod.ts";
import {
  createBodyCodec,
  cutUtf8,
  decodeDatagram,
  DiscoveryCore,
  encodeDatagram,
  isRecordName,
  type Kind,
  LEAVE_REASONS,
  MAX_DATAGRAM_BYTES,
  meshTagOf,
  type Message,
  type NodeRecord,
} from "../../../lib/discovery/mod.ts";
import { recordFromMap, recordToMap } from "../../../lib/discovery/record.ts";
import { utf8Length } from "../../../lib/wire/mod.ts";
import { idOf, TestRandom, TestSeal } from "./mesh.ts";
import { announcement, heartbeat } from "./samples.ts";

const codec = createBodyCodec();
const seal = new TestSeal(7);
const TAG = meshTagOf("show");
const id = idOf(3);
const incarnation = 1_790_000_000_000 as Incarnation;

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((all) =>
    [...all].map((byte) => byte.toString(16).padStart(2, "0")).join("")
  );
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 48 }).filter(isRecordName);
const label = (max: number) => fc.string({ minLength: 1, maxLength: max }).filter(isRecordName);
const endpoint = fc.oneof(
  fc.tuple(fc.constantFrom("tcp", "udp"), fc.ipV4(), fc.integer({ min: 1, max: 65_535 })).map((
    [kind, host, port],
  ) => ({
    kind: kind as "tcp" | "udp",
    address: `${kind}://${host}:${port}`,
  })),
  fc.stringMatching(/^[a-z0-9/]{1,80}$/).map((path) => ({
    kind: "unix" as const,
    address: `unix:///${path}`,
  })),
);
const jsonValue = fc.jsonValue({ maxDepth: 3 }).filter((value) =>
  !JSON.stringify(value).includes("__proto__")
);
const record: fc.Arbitrary<NodeRecord> = fc.record({
  id: fc.constant(id),
  incarnation: fc.constant(incarnation),
  stateVersion: fc.nat(),
  name,
  role: fc.constantFrom(...ROLES.slice(0, 3)),
  version: label(20),
  endpoints: fc.array(endpoint, { maxLength: 16 }),
  capabilities: fc.dictionary(fc.stringMatching(/^[a-z]{1,12}$/), jsonValue, { maxKeys: 12 }),
  resources: fc.dictionary(fc.stringMatching(/^[a-z]{1,12}$/), jsonValue, { maxKeys: 12 }),
  tags: fc.dictionary(fc.stringMatching(/^[a-z]{1,12}$/), label(64), { maxKeys: 16 }),
});
const question = fc.record({
  nonce: hex(8),
  attempt: fc.nat(10),
  known: fc.uint8Array({ maxLength: 4_000 }).map((bytes) => bytes.slice(0, bytes.length & ~3)),
  digest: hex(8),
});
const echoes = fc.array(hex(4), { maxLength: 224 });
const named = { target: hex(8), incarnation: fc.nat(), seq: fc.integer({ min: 0, max: 2 ** 32 - 1 }) };
const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const syncEntry = fc.record({
  id: hex(16).map((text) => text as NodeId),
  incarnation: u48.map((number) => number as Incarnation),
  bootNonce: hex(8),
  seq: fc.nat(),
  ageMs: fc.nat(),
}).chain((base) =>
  fc.oneof(
    fc.record({
      beatMs: fc.nat(),
      peerCount: fc.nat(),
      from: fc.constant("10.0.0.5:51234"),
      name: name,
    }).map(({ name, ...rest }) => ({
      ...base,
      ...rest,
      state: "present" as const,
      record: {
        id: base.id,
        incarnation: base.incarnation,
        stateVersion: 1,
        name,
        role: "daemon" as const,
        version: "1",
        endpoints: [],
        capabilities: {},
        resources: {},
        tags: {},
      },
    })),
    fc.constantFrom("dead" as const, "left" as const).map((state) => ({
      ...base,
      beatMs: 1_000,
      peerCount: 1,
      from: "",
      state,
      record: null,
    })),
  )
);
const base = { bootNonce: hex(8) };
const counts = { peerCount: fc.nat(), beatMs: fc.nat() };
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant("announce" as const),
    ...base,
    record,
    question: fc.option(question),
    challenge: fc.option(hex(8)),
    echoes,
    resumedMs: fc.nat(),
    ...counts,
  }),
  fc.record({
    kind: fc.constant("heartbeat" as const),
    ...base,
    stateVersion: fc.nat(),
    ...counts,
    beat: fc.nat(),
    digest: hex(8),
    challenge: fc.option(hex(8)),
    echoes,
    dead: fc.array(fc.record({ target: hex(8), incarnation: u48 }), { maxLength: 6 }),
    joined: fc.array(fc.record({ target: hex(8), incarnation: u48 }), { maxLength: 6 }),
    availability: fc.array(fc.integer({ min: -1, max: 1_000_000 }), { maxLength: 5 }),
    leader: fc.option(fc.record({ term: fc.nat(), target: hex(8) })),
  }),
  fc.record({ kind: fc.constant("query" as const), ...base, question, target: fc.option(hex(8)) }),
  fc.record({
    kind: fc.constant("offer" as const),
    ...base,
    echo: hex(8),
    record,
    ...counts,
    digest: hex(8),
    cookie: fc.option(hex(8)),
  }),
  fc.record({ kind: fc.constant("bye" as const), ...base, reason: fc.constantFrom(...LEAVE_REASONS) }),
  fc.record({
    kind: fc.constant("ping" as const),
    ...base,
    nonce: hex(8),
    target: fc.option(hex(8)),
    observer: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("ack" as const),
    ...base,
    echo: hex(8),
    stateVersion: fc.nat(),
    heardBy: fc.nat(2),
  }),
  fc.record({
    kind: fc.constant("sync-request" as const),
    ...base,
    cookie: hex(8),
    nonce: hex(8),
    from: hex(8),
    until: fc.option(hex(8)),
    known: fc.uint8Array({ maxLength: 960 }).map((bytes) => bytes.slice(0, bytes.length & ~7)),
  }),
  fc.record({
    kind: fc.constant("sync-page" as const),
    ...base,
    echo: hex(8),
    next: fc.option(hex(8)),
    entries: fc.array(syncEntry, { maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant("get" as const), ...base, nonce: hex(8), offset: fc.nat(16_384) }),
  fc.record({
    kind: fc.constant("record-part" as const),
    ...base,
    echo: hex(8),
    stateVersion: fc.nat(),
    offset: fc.nat(15_384),
    total: fc.constant(16_384),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 1_000 }),
  }),
  fc.record({ kind: fc.constant("ping-request" as const), ...base, nonce: hex(8), target: hex(8) }),
  fc.record({
    kind: fc.constant("nack" as const),
    ...base,
    echo: hex(8),
    target: hex(8),
    heardMs: fc.option(fc.nat()),
    seq: fc.nat(),
  }),
  fc.record({
    kind: fc.constant("suspect" as const),
    ...base,
    nodes: fc.array(fc.record(named), { minLength: 1, maxLength: 50 }),
  }),
  fc.record({
    kind: fc.constant("vouch" as const),
    ...base,
    nodes: fc.array(fc.record({ ...named, ageMs: fc.nat(65_535) }), { minLength: 1, maxLength: 50 }),
  }),
);
const header = fc.record({
  path: fc.constantFrom("unicast" as const, "multicast" as const, "broadcast" as const),
  id: fc.constant(id),
  incarnation: fc.constant(incarnation),
  seq: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  sentMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
});

Deno.test("property: no datagram is over 1,200 bytes, and what arrives is what was sent, or less of the record", () => {
  fc.assert(
    fc.property(header, message, (head, sent) => {
      const bytes = encodeDatagram(head, sent, TAG, codec, seal);
      assert(bytes.length <= MAX_DATAGRAM_BYTES);
      const got = decodeDatagram(bytes, TAG, codec, seal);
      assert(typeof got === "object", `it is readable: ${JSON.stringify(got)}`);
      assertEquals(got.header, { ...head, kind: sent.kind as Kind });
      if (got.message.kind === "announce" || got.message.kind === "offer") {
        assert(sent.kind === got.message.kind);
        const { more, ...rest } = got.message.record;
        if (more === undefined) {
          assertEquals<unknown>(rest, sent.record);
        } else {
          assertEquals(rest.name, sent.record.name);
          assertEquals(rest.resources, {});
          assertEquals<unknown>(rest.endpoints, sent.record.endpoints.slice(0, rest.endpoints.length));
        }
      } else if (got.message.kind === "sync-page") {
        assert(sent.kind === got.message.kind);
        assertEquals(got.message.entries.map(({ id }) => id), sent.entries.map(({ id }) => id));
      } else if (got.message.kind !== "query") {
        assertEquals<Message>(got.message, sent);
      }
    }),
    { numRuns: 400 },
  );
});

Deno.test("property: a datagram with any bit flipped or any part cut off is refused", () => {
  const bytes = encodeDatagram(
    { path: "multicast", id, incarnation, seq: 5, sentMs: 6 },
    heartbeat(),
    TAG,
    codec,
    seal,
  );
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assertEquals(typeof decodeDatagram(flipped, TAG, codec, seal), "string");
  }
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(typeof decodeDatagram(bytes.subarray(0, length), TAG, codec, seal), "string");
  }
});

Deno.test("a beat has about the size that was planned for", () => {
  const bytes = encodeDatagram(
    { path: "multicast", id, incarnation, seq: 5, sentMs: 6 },
    heartbeat({ peerCount: 100, beat: 86_400 }),
    TAG,
    codec,
    seal,
  );
  assert(bytes.length <= 113, `${bytes.length} bytes`);
});

Deno.test("a record that does not fit loses resources, then capabilities, then tags, then endpoints, and says so", () => {
  const long = "x".repeat(60);
  const full: NodeRecord = {
    id,
    incarnation,
    stateVersion: 1,
    name: "n",
    role: "app",
    version: "1",
    endpoints: Array.from(
      { length: 16 },
      (_, i) => ({ kind: "tcp" as const, address: `tcp://10.0.0.${i}:4000` }),
    ),
    capabilities: { c: long },
    resources: { r: long },
    tags: { t: long },
  };
  const keysAt = (step: number) => Object.keys(recordToMap(full, step)).sort().join("");
  assertEquals([0, 1, 2, 3].map(keysAt), ["cenorstv", "cemnrstv", "emnrstv", "emnrsv"]);
  const endpointsAt = (step: number) => (recordToMap(full, step).e as unknown[]).length;
  assertEquals([3, 4, 5, 6, 7, 8].map(endpointsAt), [16, 8, 4, 2, 1, 0]);
});

Deno.test("a record of a peer is refused for any field out of its limits", () => {
  const good = {
    s: 1,
    r: 0,
    n: "name",
    v: "0.1.0",
    e: [[0, "10.0.0.1:4000"]],
    t: { a: "b" },
    c: {},
    o: {},
  };
  assert(recordFromMap(good, id, incarnation) !== null);
  assertEquals(recordFromMap({ ...good, future: 7 }, id, incarnation)?.name, "name");
  assertEquals(recordFromMap({ ...good, e: [[9, "later"]] }, id, incarnation)?.endpoints, []);
  const bad: Record<string, unknown>[] = [
    { s: -1 },
    { s: 1.5 },
    { s: "1" },
    { r: 9 },
    { r: "app" },
    { n: "" },
    { n: "x".repeat(49) },
    { n: "ü".repeat(25) },
    { n: "\u001b[31mred" },
    { n: "a\u202eb" },
    { n: " a" },
    { n: 5 },
    { v: "x".repeat(33) },
    { e: "tcp" },
    { e: Array.from({ length: 17 }, () => [0, "10.0.0.1:1"]) },
    { e: [[0, "example.com:80"]] },
    { e: [[0, "10.0.0.1:0"]] },
    { e: [[0, "10.0.0.1:65536"]] },
    { e: [[0, "10.0.0.256:1"]] },
    { e: [[2, "relative"]] },
    { e: [[2, "/" + "x".repeat(120)]] },
    { e: [[3, "..\\x"]] },
    { e: [[0]] },
    { t: { a: 5 } },
    { t: { ["k".repeat(33)]: "v" } },
    { t: { k: "v".repeat(65) } },
    { t: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"])) },
    { t: [] },
    { c: [] },
    { c: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 1])) },
    { o: 7 },
    { m: 1 },
  ];
  for (const change of bad) {
    assertEquals(recordFromMap({ ...good, ...change }, id, incarnation), null, JSON.stringify(change));
  }
});

Deno.test("a record of our own that could not be announced is refused with what is wrong", () => {
  const make = (changes: object) =>
    new DiscoveryCore(0, {
      id,
      incarnation,
      role: "daemon",
      record: { name: "n", version: "1", ...changes },
      trust: "keyed",
      seal,
      codec,
      random: new TestRandom(1),
    });
  assertEquals(make({}).record.name, "n");
  for (const changes of [{ name: "" }, { tags: { a: "x".repeat(65) } }, { capabilities: { f: () => 1 } }]) {
    assertThrows(() => make(changes), HanaError);
  }
  const core = make({});
  assertThrows(() => core.updateRecord(0, { name: "x".repeat(49) }), HanaError);
  assertEquals(core.record.name, "n");
});

Deno.test("a record of any size of ours is cut until it fits", () => {
  const big = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`capability-${i}`, "x".repeat(200)]));
  const sent = announcement({
    id,
    incarnation,
    stateVersion: 1,
    name: "n",
    role: "app",
    version: "1",
    endpoints: [{ kind: "tcp", address: "tcp://10.0.0.1:1" }],
    capabilities: big,
    resources: big,
    tags: { wall: "left" },
  });
  const bytes = encodeDatagram(
    { path: "unicast", id, incarnation, seq: 1, sentMs: 1 },
    sent,
    TAG,
    codec,
    seal,
  );
  const got = decodeDatagram(bytes, TAG, codec, seal);
  assert(typeof got === "object" && got.message.kind === "announce");
  assertEquals(got.message.record.more, true);
  assertEquals(got.message.record.tags, { wall: "left" });
  assertEquals(got.message.record.capabilities, {});
});

Deno.test("property: cutting a text keeps whole characters and the bound", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.nat(60), (text, max) => {
    const cut = cutUtf8(text, max);
    assert(text.startsWith(cut));
    assert(utf8Length(cut) <= max);
  }));
});
