import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type ErrorCode, HanaError } from "../../../lib/base/mod.ts";
import {
  type CompiledMessage,
  defineRequest,
  type MessageDefinition,
  PayloadKind,
  type SessionCore,
} from "../../../lib/session/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import {
  broken,
  bytes,
  compiled,
  CorePair,
  CUE,
  DOUBLE,
  events,
  HUE,
  identity,
  kinds,
  NOTE,
  openListener,
  readFailure,
  START,
  START_US,
  transmits,
} from "./support.ts";

const second = 1_000_000;

function request(
  pair: CorePair,
  value: unknown = { value: 21 },
  timeoutUs = 5 * second,
  message: CompiledMessage = compiled(DOUBLE),
): number {
  const { id, payload } = pair.a.startRequest(pair.nowUs, message, value, timeoutUs);
  pair.deliver(pair.a, payload);
  return id;
}

function codeOf(run: () => unknown): ErrorCode {
  return assertThrows(run, HanaError).code;
}

Deno.test("a request is answered once, and its round trip is measured", () => {
  const pair = new CorePair().opened();
  const id = request(pair);
  const [asked] = events(pair.b);
  assert(asked?.type === "request");
  assertEquals([asked.definition.name, asked.body, asked.timeoutUs], [
    DOUBLE.name,
    { value: 21 },
    5 * second,
  ]);
  pair.nowUs += 1234;
  pair.b.respond(asked.id, { value: 42 });
  pair.b.respond(asked.id, { value: 43 });
  pair.b.respondFailure(asked.id, new HanaError("internal", { what: "late" }));
  pair.carry();
  assertEquals(events(pair.a), [{ type: "response", id, body: { value: 42 } }]);
  assertEquals([pair.a.pendingRequests, pair.a.rtt.count, pair.a.rtt.max], [0, 1, 1234]);
});

Deno.test("a refusal arrives with its code, its words and its hint", () => {
  const pair = new CorePair().opened();
  const id = request(pair);
  events(pair.b);
  pair.b.respondFailure(id, new HanaError("not-found", { what: "cue 7", why: "is gone", hint: "hana cues" }));
  pair.carry();
  const [told] = events(pair.a);
  assert(told?.type === "failure");
  assertEquals([told.id, told.error.code, told.error.message, told.error.hint], [
    id,
    "not-found",
    "cue 7: is gone",
    "hana cues",
  ]);
});

Deno.test("an error text of any length and form arrives, shortened and mended", () => {
  const pair = new CorePair().opened();
  const id = request(pair);
  events(pair.b);
  const half = "\ud83c";
  pair.b.respondFailure(id, new HanaError("internal", { what: half.repeat(100_000), why: half, hint: half }));
  pair.carry();
  const [told] = events(pair.a);
  assert(told?.type === "failure" && told.error.what.length <= 1024 && told.error.why === "\ufffd");
});

Deno.test("a failure arrives even where its words do not fit", () => {
  const pair = new CorePair({}, { limits: { maxPayloadBytes: 250 } }).opened();
  const id = request(pair);
  events(pair.b);
  pair.b.respondFailure(id, new HanaError("not-found", { what: "w".repeat(600) }));
  pair.carry();
  const [told] = events(pair.a);
  assert(told?.type === "failure" && told.id === id && told.error.code === "internal");
});

Deno.test("a request that is not answered in time fails here, and the peer is told to stop", () => {
  const pair = new CorePair().opened();
  const id = request(pair, { value: 1 }, 300_000);
  events(pair.b);
  assertEquals(pair.a.pollTimeout(), { atUs: START_US + 300_000, reason: "request" });
  pair.pass(300_000);
  const [told] = events(pair.a);
  assert(told?.type === "failure" && told.error.code === "timeout" && told.id === id);
  assertEquals(events(pair.b), [{ type: "cancel", id }]);
  pair.b.respond(id, { value: 2 });
  pair.carry();
  assertEquals([events(pair.a), pair.a.counters.timedOut, pair.a.counters.lateAnswers], [[], 1, 0]);
});

Deno.test("an answer that crosses its own expiry is counted as late, and changes nothing", () => {
  const pair = new CorePair().opened();
  const id = request(pair, { value: 1 }, 300_000);
  events(pair.b);
  pair.b.respond(id, { value: 2 });
  pair.nowUs += 300_000;
  pair.a.handleTimeout(pair.nowUs);
  pair.carry();
  assertEquals(events(pair.a).map((event) => event.type), ["failure"]);
  assertEquals(pair.a.counters.lateAnswers, 1);
});

Deno.test("cancelling twice, or what was never asked, is harmless", () => {
  const pair = new CorePair().opened();
  const id = request(pair);
  events(pair.b);
  pair.a.cancelRequest(id);
  pair.a.cancelRequest(id);
  pair.a.cancelRequest(999);
  pair.carry();
  assertEquals([events(pair.a), events(pair.b)], [[], [{ type: "cancel", id }]]);
});

Deno.test("a patience without end is one that the wire can carry", () => {
  const pair = new CorePair().opened();
  request(pair, { value: 1 }, Infinity);
  const [asked] = events(pair.b);
  assert(asked?.type === "request" && asked.timeoutUs > 40 * 24 * 3600 * second);
  assertEquals(pair.a.pollTimeout()?.reason, "heartbeat");
});

Deno.test("one request more than may wait is refused to the caller", () => {
  const pair = new CorePair({ limits: { maxPendingRequests: 2 } }).opened();
  request(pair);
  request(pair);
  assertEquals(codeOf(() => request(pair)), "overloaded");
  assertEquals([pair.a.pendingRequests, pair.a.counters.overloaded], [2, 1]);
});

Deno.test("one request more than may run is refused to the peer, and room comes back", () => {
  const pair = new CorePair({}, { limits: { maxRunningRequests: 2 } }).opened();
  const first = request(pair);
  request(pair);
  const third = request(pair);
  pair.carry();
  const [told] = events(pair.a);
  assert(told?.type === "failure" && told.id === third && told.error.code === "overloaded");
  assertEquals(events(pair.b).length, 2);
  pair.b.respond(first, { value: 1 });
  request(pair);
  assertEquals(events(pair.b).length, 1);
});

Deno.test("asking and cancelling in a loop starts no more handlers than may run", () => {
  const side = openListener({ limits: { maxRunningRequests: 3 } });
  side.handlePayload(START_US, bytes.name(1, DOUBLE.name));
  let started = 0;
  for (let id = 1; id <= 100; id++) {
    side.handlePayload(START_US, bytes.request(id, 1, { value: 1 }));
    side.handlePayload(START_US, bytes.cancel(id));
    started += events(side).filter((event) => event.type === "request").length;
  }
  assertEquals([started, side.counters.overloaded], [3, 97]);
  // Once a handler is done its place is free, although nobody waits for its answer.
  transmits(side);
  side.respond(1, { value: 2 });
  side.handlePayload(START_US, bytes.request(101, 1, { value: 1 }));
  assertEquals([events(side).length, transmits(side)], [1, []]);
});

Deno.test("a wrong call is refused to the caller before anything is sent", () => {
  const pair = new CorePair({ local: identity(1, { role: "app" }) }, { local: identity(2, { role: "app" }) });
  assertEquals(codeOf(() => pair.a.encodeEvent(compiled(NOTE), { number: 1 })), "closed");
  pair.opened();
  assertEquals(codeOf(() => pair.a.encodeEvent(compiled(NOTE), { number: "one" })), "schema");
  assertEquals(codeOf(() => request(pair, { value: NaN })), "schema");
  assertEquals(codeOf(() => pair.a.encodeEvent(compiled(CUE), {})), "refused");
  assertEquals(codeOf(() => request(pair, {}, second, compiled(START))), "refused");
  assertEquals([transmits(pair.a), pair.a.pendingRequests], [[], 0]);
});

Deno.test("the role table holds on receipt as well, for every pair of roles", () => {
  const roles = ["app", "visualization", "daemon", "observer"] as const;
  for (const [definition, from, to] of [[START, "app", "daemon"], [CUE, "app", "visualization"]] as const) {
    for (const peer of roles) {
      for (const own of roles) {
        const side = openListener({ local: identity(1, { role: own }), peer: { role: peer } });
        side.handlePayload(START_US, bytes.name(1, definition.name));
        side.handlePayload(
          START_US,
          definition.kind === "request" ? bytes.request(9, 1, {}) : bytes.event(1, {}),
        );
        const allowed = peer === from && own === to;
        assertEquals(events(side).length, allowed ? 1 : 0, `${peer} to ${own}`);
        assertEquals(side.counters.wrongRole, allowed ? 0 : 1);
        if (definition.kind === "request" && !allowed) {
          const [answer] = transmits(side);
          assertEquals(answer && readFailure(answer).body.code, "refused");
        }
        assert(side.isOpen, "a wrong role costs the message, not the session");
      }
    }
  }
});

Deno.test("a stranger in an open mesh may look but not command", () => {
  for (const access of ["crew", "viewer"] as const) {
    const trusted = access === "crew";
    const side = openListener({
      access,
      local: identity(1, { role: "daemon" }),
      peer: { role: "app" },
    });
    side.handlePayload(START_US, bytes.name(1, START.name));
    side.handlePayload(START_US, bytes.name(2, DOUBLE.name));
    side.handlePayload(START_US, bytes.request(1, 1, {}));
    side.handlePayload(START_US, bytes.request(2, 2, { value: 1 }));
    assertEquals(events(side).length, trusted ? 2 : 1);
    assertEquals(side.counters.untrusted, trusted ? 0 : 1);
    if (!trusted) {
      const [answer] = transmits(side);
      assertEquals(answer && readFailure(answer).body.code, "refused");
    }
  }
});

Deno.test("a message that nobody here knows is counted, answered, and costs nothing else", () => {
  const side = openListener();
  side.handlePayload(START_US, bytes.name(1, "other.thing"));
  // A request's name used for an event, and the other way round, are unknown as well.
  side.handlePayload(START_US, bytes.name(2, NOTE.name));
  side.handlePayload(START_US, bytes.name(3, DOUBLE.name));
  for (
    const payload of [
      bytes.request(1, 1, {}),
      bytes.event(1, {}),
      bytes.request(2, 2, {}),
      bytes.event(3, {}),
    ]
  ) {
    side.handlePayload(START_US, payload);
  }
  assertEquals([events(side), side.counters.unknownMessage, side.isOpen], [[], 4, true]);
  assertEquals(transmits(side).map((payload) => readFailure(payload).body.code), [
    "unknown-message",
    "unknown-message",
  ]);
});

Deno.test("a body that cannot be read, or that the schema forbids, never reaches a handler", () => {
  const side = openListener();
  side.handlePayload(START_US, bytes.name(1, DOUBLE.name));
  const undecodable = bytes.request(1, 1, {});
  undecodable[undecodable.length - 1] = 0xc1;
  side.handlePayload(START_US, undecodable);
  side.handlePayload(START_US, bytes.request(2, 1, { value: "two" }));
  side.handlePayload(START_US, bytes.request(3, 1, { value: 1, extra: true }));
  side.handlePayload(START_US, bytes.request(4, 1, null));
  assertEquals(transmits(side).map((payload) => readFailure(payload).body.code), [
    "decode",
    "schema",
    "schema",
    "schema",
  ]);
  assertEquals([events(side), side.counters.undecodable, side.counters.schemaRefused], [[], 1, 3]);
  assert(side.isOpen);
});

Deno.test("what breaks the protocol ends the session", () => {
  const named = bytes.name(1, DOUBLE.name);
  const asked = bytes.request(5, 1, { value: 1 });
  const cases: [string, Uint8Array[]][] = [
    ["an event whose number was never named", [bytes.event(9, {})]],
    ["a request whose number was never named", [bytes.request(1, 9, {})]],
    ["a request number used twice", [named, asked, asked]],
    ["a request number used again while its cancelled handler runs", [named, asked, bytes.cancel(5), asked]],
    ["a request that is cut off", [named, Uint8Array.of(PayloadKind.request, 1)]],
    ["an event that is cut off", [Uint8Array.of(PayloadKind.event)]],
    ["an answer that is cut off", [Uint8Array.of(PayloadKind.response)]],
    ["a name that is cut off", [named.subarray(0, 5)]],
    ["a name that is no text", [Uint8Array.of(PayloadKind.name, 1, 1, 0xff)]],
  ];
  for (const [what, payloads] of cases) {
    const side = openListener();
    for (const payload of payloads) side.handlePayload(START_US, payload);
    assertEquals(
      [broken(events(side))?.code, side.counters.violations, side.isOpen],
      ["protocol", 1, false],
      what,
    );
  }
});

Deno.test("a peer may name so many messages and not one more", () => {
  const side = openListener({ limits: { maxPeerNames: 10 } });
  for (let i = 1; i <= 10; i++) side.handlePayload(START_US, bytes.name(i, `some.name-${i}`));
  assert(side.isOpen);
  side.handlePayload(START_US, bytes.name(11, "one.more"));
  assertEquals(broken(events(side))?.code, "protocol");
});

Deno.test("kinds of later versions are passed over and counted", () => {
  const side = openListener();
  for (const kind of [0, 7, 99, 255]) side.handlePayload(START_US, Uint8Array.of(kind, 1, 2, 3));
  side.handlePayload(START_US, new Uint8Array(0));
  assertEquals([events(side), side.counters.unknownKind, side.isOpen], [[], 5, true]);
});

Deno.test("answers that nobody waits for are counted and change nothing", () => {
  const side = openListener();
  for (let id = 0; id < 50; id++) side.handlePayload(START_US, bytes.answer(PayloadKind.response, id, {}));
  side.handlePayload(START_US, bytes.answer(PayloadKind.failure, 3, {}));
  side.handlePayload(START_US, bytes.cancel(3));
  assertEquals([events(side), side.counters.lateAnswers], [[], 51]);
});

Deno.test("an answer that its schema forbids is a failure here", () => {
  for (const wrong of [{ value: "x" }, {}, null, 7]) {
    const pair = new CorePair().opened();
    const id = request(pair);
    pair.a.handlePayload(pair.nowUs, bytes.answer(PayloadKind.response, id, wrong));
    const [told] = events(pair.a);
    assert(told?.type === "failure" && told.id === id && told.error.code === "schema");
  }
});

Deno.test("a failure that cannot be read, or claims a code that peers may not claim, is an internal one", () => {
  for (const body of [null, [], { code: 7 }, { code: "authentication" }, { code: "toString", what: 3 }]) {
    const pair = new CorePair().opened();
    const id = request(pair);
    pair.a.handlePayload(pair.nowUs, bytes.answer(PayloadKind.failure, id, body));
    const [told] = events(pair.a);
    assert(told?.type === "failure" && told.error.code === "internal");
    assertMatch(told.error.what, /node-2/);
  }
});

Deno.test("a reply that its own schema forbids goes out as a failure and frees its place", () => {
  const pair = new CorePair({}, { limits: { maxRunningRequests: 1 } }).opened();
  for (const reply of [{ value: "x" }, undefined, () => 1, { value: 1, more: 2 }]) {
    const id = request(pair);
    events(pair.b);
    pair.b.respond(id, reply);
    pair.carry();
    const [told] = events(pair.a);
    assert(told?.type === "failure" && told.id === id && told.error.code === "internal");
  }
});

Deno.test("a reply over the limit fails as too large, and the session goes on", () => {
  const big = defineRequest({
    name: "test.big",
    lane: "control",
    effect: "read",
    from: ["app"],
    to: ["app"],
    body: s.object({}),
    reply: s.unknown(),
  });
  const definitions: MessageDefinition[] = [big];
  const pair = new CorePair({ definitions }, { definitions, limits: { maxPayloadBytes: 1000 } }).opened();
  const id = request(pair, {}, second, compiled(big));
  events(pair.b);
  pair.b.respond(id, "x".repeat(2000));
  pair.carry();
  const [told] = events(pair.a);
  assert(told?.type === "failure" && told.error.code === "frame-too-large" && pair.b.isOpen);
});

Deno.test("a message over the limit is refused to the caller, and the next one is fine", () => {
  const pair = new CorePair({ limits: { maxPayloadBytes: 400 } }, {}).opened();
  const definition = { ...NOTE, name: "test.large", body: s.object({ text: s.string() }) };
  assertEquals(
    codeOf(() => pair.a.encodeEvent(compiled(definition), { text: "x".repeat(500) })),
    "frame-too-large",
  );
  pair.deliver(pair.a, pair.a.encodeEvent(compiled(NOTE), { number: 1 }));
  assertEquals(events(pair.b).map((event) => event.type), ["event"]);
});

Deno.test("a message is named once a direction, on the lane that loses nothing", () => {
  const pair = new CorePair().opened();
  pair.a.encodeEvent(compiled(HUE), { number: 1 });
  const first = pair.a.pollTransmit();
  assertEquals([first?.lane, first?.payload[0]], ["control", PayloadKind.name]);
  pair.a.encodeEvent(compiled(HUE), { number: 2 });
  assertEquals(kinds(pair.a), []);
});

Deno.test("both sides beat, both measure, and none is lost while the other answers", () => {
  const pair = new CorePair().opened();
  pair.pass(60 * second);
  assert(pair.a.isOpen && pair.b.isOpen);
  assert(pair.a.rtt.count >= 59 && pair.b.rtt.count >= 59);
  assertEquals([pair.a.latestRttUs, pair.b.latestRttUs], [0, 0]);
});

/** Lets one side live alone until `untilUs`: nothing comes, and it is asked in time. */
function alone(side: SessionCore, untilUs: number, lateUs = 0): void {
  for (let dueUs = side.pollTimeout()?.atUs ?? Infinity; dueUs + lateUs <= untilUs;) {
    side.handleTimeout(dueUs + lateUs);
    transmits(side);
    dueUs = side.pollTimeout()?.atUs ?? Infinity;
  }
}

Deno.test("a peer that falls silent is lost after the silence and not before, on either side", () => {
  for (const which of ["a", "b"] as const) {
    const side = new CorePair().opened()[which];
    alone(side, START_US + 5 * second - 1);
    assert(side.isOpen);
    alone(side, START_US + 5 * second);
    const error = broken(events(side));
    assertEquals([error?.code, side.isOpen], ["timeout", false]);
    assertMatch(error?.message ?? "", /5000 ms/);
  }
});

Deno.test("anything that comes counts as a sign of life", () => {
  const side = openListener();
  let nowUs = START_US;
  for (let i = 0; i < 10; i++) {
    alone(side, nowUs += 4 * second);
    side.handlePayload(nowUs, Uint8Array.of(99));
  }
  assert(side.isOpen);
});

Deno.test("who was late itself does not blame the peer for the silence", () => {
  const side = openListener();
  side.handleTimeout(START_US + 60 * second);
  assert(side.isOpen, "we slept; the peer may have spoken all the time");
  alone(side, START_US + 64 * second);
  assert(side.isOpen);
  alone(side, START_US + 66 * second);
  assert(!side.isOpen, "once awake, silence counts again");
});

Deno.test("a pong that was not asked for, or comes twice, measures nothing", () => {
  const side = openListener();
  for (const nonce of [0, 1, 7, 0xffff_ffff]) {
    side.handlePayload(START_US, bytes.pulse(PayloadKind.pong, nonce));
  }
  assertEquals([side.rtt.count, side.latestRttUs], [0, null]);
  side.handleTimeout(START_US + second);
  const [ping] = transmits(side);
  assert(ping !== undefined && ping[0] === PayloadKind.ping);
  const pong = Uint8Array.of(PayloadKind.pong, ...ping.subarray(1));
  side.handlePayload(START_US + second + 500, pong);
  side.handlePayload(START_US + second + 900, pong);
  assertEquals([side.rtt.count, side.latestRttUs], [1, 500]);
});

Deno.test("a ping comes back as it went", () => {
  const side = openListener();
  side.handlePayload(START_US, bytes.pulse(PayloadKind.ping, 0xdead_beef));
  assertEquals(transmits(side), [bytes.pulse(PayloadKind.pong, 0xdead_beef)]);
});

Deno.test("a goodbye is told with its reason; nothing else ends like it", () => {
  const pair = new CorePair().opened();
  pair.a.sayGoodbye("show is over");
  pair.carry();
  assertEquals(events(pair.b), [{ type: "goodbye", reason: "show is over" }]);
  const strange = openListener();
  for (const rest of [[], [0xc1], [0x80], [0xc0], [0x81, 0xa6, ...new TextEncoder().encode("reason"), 7]]) {
    strange.handlePayload(START_US, Uint8Array.of(PayloadKind.goodbye, ...rest));
  }
  assertEquals(events(strange), Array(5).fill({ type: "goodbye", reason: "" }));
});

Deno.test("a reason of any length and form can be said", () => {
  const pair = new CorePair().opened();
  pair.a.sayGoodbye("🌸".repeat(300).slice(1));
  pair.carry();
  const [told] = events(pair.b);
  assert(told?.type === "goodbye" && told.reason.length <= 256 && told.reason.isWellFormed());
});

Deno.test("when the carrier goes, everything that waits fails and everything that runs is told", () => {
  const pair = new CorePair().opened();
  const mine = request(pair);
  events(pair.b);
  const gone = new HanaError("closed", { what: "cable pulled" });
  pair.a.handleClose(gone);
  pair.b.handleClose(gone);
  assertEquals(events(pair.a), [{ type: "failure", id: mine, error: gone }]);
  assertEquals(events(pair.b), [{ type: "cancel", id: mine }]);
  assertEquals([pair.a.pendingRequests, pair.a.pollTimeout(), pair.b.pollTimeout()], [0, null, null]);
  pair.b.respond(mine, { value: 1 });
  assertEquals(transmits(pair.b), []);
  assertEquals(codeOf(() => request(pair)), "closed");
});
