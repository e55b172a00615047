import { assert, assertEquals, assertMatch } from "@std/assert";
import { PayloadKind } from "../../../lib/session/mod.ts";
import {
  broken,
  bytes,
  core,
  CorePair,
  DOUBLE,
  events,
  identity,
  kinds,
  START_US,
  transmits,
} from "./support.ts";

Deno.test("both sides learn who the other is, in either codec, and the dialler speaks first", () => {
  for (const codec of ["msgpack", "json"] as const) {
    const pair = new CorePair({ codec }, { codec: "msgpack" });
    assertEquals(transmits(pair.b), []);
    pair.carry();
    assertEquals(events(pair.a), [{ type: "open", peer: identity(2) }]);
    assertEquals(events(pair.b), [{ type: "open", peer: identity(1) }]);
    assertEquals([pair.a.codecName, pair.b.codecName], [codec, codec]);
  }
});

Deno.test("whatever comes before the greeting ends the session and does nothing else", () => {
  for (const side of ["dialler", "listener"] as const) {
    const own = side === "dialler" ? PayloadKind.welcome : PayloadKind.hello;
    const first = [...Object.values(PayloadKind), 0, 7, 255].filter((kind) => kind !== own);
    for (const kind of first) {
      if (side === "dialler" && kind === PayloadKind.reject) continue;
      const one = core({ side });
      one.handleOpen(START_US);
      transmits(one);
      one.handlePayload(START_US, Uint8Array.of(kind, 0, ...bytes.hello().subarray(2)));
      const told = events(one);
      assertEquals(
        [told.length, broken(told)?.code, one.counters.violations],
        [1, "protocol", 1],
        `${side} ${kind}`,
      );
      assertEquals([transmits(one).length, one.isOpen, one.peer], [0, false, null]);
    }
  }
});

Deno.test("a request, an event and a goodbye before hello never reach anybody", () => {
  const side = core({ side: "listener" });
  side.handleOpen(START_US);
  side.handlePayload(START_US, bytes.name(1, DOUBLE.name));
  side.handlePayload(START_US, bytes.request(1, 1, { value: 2 }));
  side.handlePayload(START_US, bytes.hello());
  assertEquals(events(side).map((event) => event.type), ["broken"]);
  assertEquals(side.counters.requestsReceived, 0);
});

Deno.test("every greeting that says impossible things is refused", () => {
  const wrong: Record<string, unknown>[] = [
    { versions: [] },
    { versions: [0] },
    { versions: [1.5] },
    { versions: ["1"] },
    { versions: 1 },
    { versions: Array.from({ length: 17 }, (_, i) => i + 1) },
    { id: "short" },
    { id: "A".repeat(32) },
    { id: 7 },
    { name: "" },
    { name: "n".repeat(65) },
    { name: null },
    { role: "controller" },
    { role: "toString" },
    { role: 0 },
    { incarnation: -1 },
    { incarnation: 0.5 },
    { incarnation: "1" },
    { incarnation: NaN },
    { software: "s".repeat(65) },
    { software: 1 },
  ];
  for (const each of wrong) {
    const side = core({ side: "listener" });
    side.handleOpen(START_US);
    side.handlePayload(START_US, bytes.hello(each));
    assertEquals(broken(events(side))?.code, "protocol", JSON.stringify(each));
    assertEquals(transmits(side), []);
  }
});

Deno.test("a greeting that is cut off anywhere, or followed by more, is refused", () => {
  const whole = bytes.hello();
  for (let length = 0; length < whole.length; length++) {
    const side = core({ side: "listener" });
    side.handleOpen(START_US);
    side.handlePayload(START_US, whole.subarray(0, length));
    assertEquals(broken(events(side))?.code, "protocol", `${length} bytes`);
  }
  const side = core({ side: "listener" });
  side.handleOpen(START_US);
  side.handlePayload(START_US, Uint8Array.of(...whole, 0));
  assertEquals(broken(events(side))?.code, "protocol");
});

Deno.test("fields of later versions are passed over", () => {
  const side = core({ side: "listener" });
  side.handleOpen(START_US);
  side.handlePayload(START_US, bytes.hello({ versions: [99, 1], colour: "blue", nested: { a: [1] } }));
  assertEquals(events(side).map((event) => event.type), ["open"]);
});

Deno.test("a codec that nobody knows is refused", () => {
  for (const number of [2, 99, 255]) {
    const side = core({ side: "listener" });
    side.handleOpen(START_US);
    side.handlePayload(START_US, bytes.hello({}, number));
    assertEquals(broken(events(side))?.code, "protocol");
  }
});

Deno.test("without a version in common both sides read which ones there are", () => {
  const side = core({ side: "listener" });
  side.handleOpen(START_US);
  side.handlePayload(START_US, bytes.hello({ versions: [7, 8] }));
  const own = broken(events(side));
  assertEquals(own?.code, "version");
  assertMatch(own?.message ?? "", /7, 8/);
  const dialler = core({ local: identity(2) });
  dialler.handleOpen(START_US);
  transmits(dialler);
  for (const payload of transmits(side)) dialler.handlePayload(START_US, payload);
  const theirs = broken(events(dialler));
  assertEquals([theirs?.code, theirs?.message], ["version", own?.message]);
});

Deno.test("a welcome of a version that we do not speak is refused", () => {
  const side = core();
  side.handleOpen(START_US);
  side.handlePayload(START_US, bytes.welcome({ versions: [3] }));
  assertEquals(broken(events(side))?.code, "version");
});

Deno.test("a node that meets its own id is told of the conflict, on both sides", () => {
  const pair = new CorePair({ local: identity(5) }, { local: identity(5, { name: "copy" }) });
  pair.carry();
  assertEquals([broken(events(pair.a))?.code, broken(events(pair.b))?.code], ["conflict", "conflict"]);
  assert(!pair.a.isOpen && !pair.b.isOpen);
});

Deno.test("an unreadable rejection is a rejection all the same", () => {
  for (const rest of [[], [0], [0, 0xc1], [0, 0x80], [9, 1, 2, 3]]) {
    const side = core();
    side.handleOpen(START_US);
    side.handlePayload(START_US, Uint8Array.of(PayloadKind.reject, ...rest));
    assertEquals(broken(events(side))?.code, "internal");
  }
});

Deno.test("who does not greet in time is given up, and the deadline says why it stands", () => {
  for (const side of ["dialler", "listener"] as const) {
    const one = core({ side, limits: { helloTimeoutUs: 3000 } });
    one.handleOpen(START_US);
    assertEquals(one.pollTimeout(), { atUs: START_US + 3000, reason: "hello" });
    one.handleTimeout(START_US + 2999);
    assertEquals(events(one), []);
    one.handleTimeout(START_US + 3000);
    assertEquals([broken(events(one))?.code, one.pollTimeout()], ["timeout", null]);
  }
});

Deno.test("a second greeting in an open session is a kind that means nothing there", () => {
  const pair = new CorePair().opened();
  pair.b.handlePayload(pair.nowUs, bytes.hello({ id: "f".repeat(32), name: "other" }));
  assertEquals([events(pair.b), pair.b.peer?.name, pair.b.counters.unknownKind], [[], "node-1", 1]);
  assertEquals(kinds(pair.b), []);
});

Deno.test("nothing more is heard of a session that broke", () => {
  const side = core({ side: "listener" });
  side.handleOpen(START_US);
  side.handlePayload(START_US, Uint8Array.of(PayloadKind.event));
  events(side);
  side.handlePayload(START_US, bytes.hello());
  side.handleTimeout(START_US + 60_000_000);
  assertEquals([events(side), transmits(side), side.pollTimeout()], [[], [], null]);
});
