// Tokens on commands and roles that change: what stands on the wire, what the fence is asked, who is told.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type FencingToken,
  formatToken,
  HanaError,
  type Incarnation,
  MAX_TOKEN_NUMBER,
  type NodeId,
  parseToken,
  type Role,
} from "../../../lib/base/mod.ts";
import {
  canBecome,
  type CommandRight,
  defineEvent,
  defineRequest,
  Envelope,
  type Fence,
  type MessageDefinition,
  parseDefinition,
  PayloadKind,
} from "../../../lib/session/mod.ts";
import { ByteReader, ByteWriter } from "../../../lib/wire/mod.ts";
import {
  broken,
  bytes,
  compiled,
  CorePair,
  CUE,
  DEFINITIONS,
  DOUBLE,
  events,
  identity,
  openListener,
  START,
  START_US,
  transmits,
} from "./support.ts";

function token(term: number, leader = 1): FencingToken {
  const { id, incarnation } = identity(leader);
  return { term, leaderId: id, leaderIncarnation: incarnation };
}

/** Lets pass what `judge` does not refuse, and remembers what it was asked. */
class TestFence implements Fence {
  readonly asked: { readonly name: string; readonly right: CommandRight; readonly from: string }[] = [];
  constructor(
    readonly own: FencingToken | null = null,
    readonly judge: (right: CommandRight) => boolean = () => true,
  ) {}
  tokenFor(): FencingToken | null {
    return this.own;
  }
  admit({ name }: MessageDefinition, right: CommandRight, from: { readonly name: string }): HanaError | null {
    this.asked.push({ name, right, from: from.name });
    return this.judge(right) ? null : new HanaError("refused", { what: "too late", hint: "hana leader" });
  }
}

const daemon = identity(2, { role: "daemon" });
const start = compiled(START);

Deno.test("a command carries the token of its node, and the fence of the other sees it before the handler", () => {
  const fence = new TestFence();
  const pair = new CorePair({ fence: new TestFence(token(7)) }, { local: daemon, fence }).opened();
  pair.deliver(pair.a, pair.a.startRequest(pair.nowUs, start, {}, 1e6).payload);
  assertEquals(events(pair.b).map(({ type }) => type), ["request"]);
  assertEquals(fence.asked, [{
    name: "test.start",
    right: { token: token(7), isForced: false },
    from: "node-1",
  }]);
});

Deno.test("what only reads carries no token and meets no fence, nor does a command of a node without one", () => {
  const fence = new TestFence();
  const pair = new CorePair({ fence: new TestFence(token(7)) }, { local: daemon, fence }).opened();
  const { payload } = pair.a.startRequest(pair.nowUs, compiled(DOUBLE), { value: 2 }, 1e6);
  assertEquals(payload[0], PayloadKind.request);
  pair.deliver(pair.a, payload);
  assertEquals([events(pair.b).length, fence.asked.length], [1, 0]);
  const plain = new CorePair({}, { local: daemon, fence }).opened();
  plain.deliver(plain.a, plain.a.startRequest(plain.nowUs, start, {}, 1e6).payload);
  assertEquals(fence.asked.map(({ right }) => right), [{ token: null, isForced: false }]);
});

Deno.test("a caller may give another token, or an operator's word", () => {
  const fence = new TestFence();
  const pair = new CorePair({ fence: new TestFence(token(7)) }, { local: daemon, fence }).opened();
  for (const options of [{ token: token(9, 4) }, { unfenced: true }]) {
    pair.deliver(pair.a, pair.a.startRequest(pair.nowUs, start, {}, 1e6, options).payload);
  }
  assertEquals(fence.asked.map(({ right }) => right), [
    { token: token(9, 4), isForced: false },
    { token: null, isForced: true },
  ]);
});

Deno.test("a token that is none is refused to its caller", () => {
  const pair = new CorePair({}, { local: daemon }).opened();
  for (
    const wrong of [{ ...token(3), term: -1 }, { ...token(3), term: NaN }, { ...token(3), leaderId: "me" }]
  ) {
    const asked = () => pair.a.startRequest(pair.nowUs, start, {}, 1e6, { token: wrong as FencingToken });
    assertEquals(assertThrows(asked, HanaError).code, "schema");
  }
  assertEquals([pair.a.pendingRequests, pair.a.isOpen], [0, true]);
});

Deno.test("a request that the fence refuses is answered with why; an event is counted; neither is told of", () => {
  const fence = new TestFence(null, () => false);
  const pair = new CorePair({ fence: new TestFence(token(3)) }, { local: daemon, fence }).opened();
  pair.deliver(pair.a, pair.a.startRequest(pair.nowUs, start, {}, 1e6).payload);
  assertEquals(events(pair.b), []);
  pair.carry();
  const [failure] = events(pair.a);
  assert(failure?.type === "failure");
  assertEquals([failure.error.code, failure.error.what, failure.error.hint], [
    "refused",
    "too late",
    "hana leader",
  ]);
  const wall = identity(2, { role: "visualization" });
  const other = new CorePair({ fence: new TestFence(token(3)) }, { local: wall, fence }).opened();
  other.deliver(other.a, other.a.encodeEvent(compiled(CUE), {}));
  assertEquals([events(other.b), other.b.counters.fencedOff, pair.b.counters.fencedOff], [[], 1, 1]);
});

Deno.test("a message that is refused for another reason never reaches the fence, so it cannot raise it", () => {
  const fence = new TestFence();
  const side = openListener({ local: identity(3, { role: "daemon" }), peer: { role: "app" }, fence });
  side.handlePayload(START_US, bytes.name(1, START.name));
  const right = [7, ...new Uint8Array(16).fill(1), 9];
  side.handlePayload(START_US, bytes.fenced(1, right, bytes.request(1, 1, { no: "such field" })));
  side.handlePayload(START_US, bytes.fenced(1, right, bytes.request(2, 1, {})));
  assertEquals([fence.asked.length, side.counters.schemaRefused], [1, 1]);
});

Deno.test("a token that cannot be read, or one before what is no message, ends its own session", () => {
  const right = [7, ...new Uint8Array(16).fill(1), 9];
  const request = bytes.request(1, 1, {});
  const tooHigh = [0xff, ...new Uint8Array(6).fill(0xff), 0xff, ...right.slice(1)];
  for (
    const payload of [
      bytes.fenced(2, right, request),
      bytes.fenced(1, right.slice(0, 9), new Uint8Array(0)),
      bytes.fenced(1, tooHigh, request),
      bytes.fenced(1, right, bytes.pulse(PayloadKind.ping, 3)),
      bytes.fenced(0, [], bytes.fenced(0, [], request)),
      Uint8Array.of(PayloadKind.fenced),
    ]
  ) {
    const side = openListener({
      local: identity(3, { role: "daemon" }),
      peer: { role: "app" },
      fence: new TestFence(),
    });
    side.handlePayload(START_US, bytes.name(1, START.name));
    side.handlePayload(START_US, payload);
    assertEquals(broken(events(side))?.code, "protocol", String(payload));
  }
});

Deno.test("to a peer of the first version commands go without a token", () => {
  const pair = new CorePair({ fence: new TestFence(token(7)) }, { local: daemon });
  pair.a.handleOpen(pair.nowUs);
  transmits(pair.a);
  pair.a.handlePayload(pair.nowUs, bytes.welcome({ role: "daemon" }));
  const { payload } = pair.a.startRequest(pair.nowUs, start, {}, 1e6);
  assertEquals(payload[0], PayloadKind.request);
});

Deno.test("a node that must not command any more is refused by its own fence, before anything is sent", () => {
  const fence: Fence = {
    tokenFor: () => {
      throw new HanaError("refused", { what: "not sent" });
    },
    admit: () => null,
  };
  const pair = new CorePair({ fence }, { local: daemon }).opened();
  const error = assertThrows(() => pair.a.startRequest(pair.nowUs, start, {}, 1e6), HanaError);
  assertEquals([error.code, transmits(pair.a), pair.a.pendingRequests], ["refused", [], 0]);
  assert(pair.a.startRequest(pair.nowUs, start, {}, 1e6, { unfenced: true }).payload.length > 0);
});

Deno.test("every right comes back as it was written, in 26 bytes for a term below 64", () => {
  const number = fc.integer({ min: 0, max: MAX_TOKEN_NUMBER });
  const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((raw) =>
    [...raw].map((byte) => byte.toString(16).padStart(2, "0")).join("") as NodeId
  );
  const tokens = fc.record({ term: number, leaderId: id, leaderIncarnation: number });
  const [writing, reading] = [new Envelope(), new Envelope()];
  const roundTrip = (right: CommandRight): [CommandRight | null, number] => {
    const writer = new ByteWriter(64);
    writing.write(writer, right);
    const reader = new ByteReader(writer.copy());
    const read = reading.read(reader);
    assertEquals(reader.remaining, 0);
    return [read, writer.length];
  };
  fc.assert(fc.property(fc.array(tokens, { minLength: 1, maxLength: 4 }), (many) => {
    for (const made of [...many, ...many]) {
      const right = { token: made as FencingToken, isForced: false };
      assertEquals(roundTrip(right)[0], right);
      assertEquals(parseToken(formatToken(right.token)), right.token);
    }
  }));
  assertEquals(roundTrip({ token: null, isForced: true }), [{ token: null, isForced: true }, 1]);
  assertEquals(roundTrip({ token: token(63), isForced: false })[1], 26);
});

Deno.test("a definition says whether it is fenced and what it changes, and says it in the description too", () => {
  const made = defineEvent({ ...CUE, name: "wall.cue", fenced: "required", resource: "wall/left" });
  assertEquals(parseDefinition({ ...made }), made as MessageDefinition);
  const wrong: readonly Record<string, unknown>[] = [
    { fenced: "sometimes" },
    { resource: "" },
    { resource: "No" },
    { resource: 7 },
    { resource: "w".repeat(65) },
    { effect: "read", fenced: "never" },
  ];
  for (const fields of wrong) {
    assertEquals(assertThrows(() => parseDefinition({ ...CUE, ...fields }), HanaError).code, "schema");
  }
});

const NEVER = defineRequest({ ...START, name: "test.never", fenced: "never" });

Deno.test("a command that is no matter of who leads goes without a token even from the leader", () => {
  const fence = new TestFence(token(7));
  const definitions = [...DEFINITIONS, NEVER];
  const pair = new CorePair({ fence, definitions }, { local: daemon, definitions, fence }).opened();
  const { payload } = pair.a.startRequest(pair.nowUs, compiled(NEVER), {}, 1e6);
  assertEquals(payload[0], PayloadKind.request);
});

Deno.test("a role that changes is known on both sides at once, and counts for what is sent from then on", () => {
  const pair = new CorePair({ local: identity(1, { role: "daemon" }) }, { local: daemon }).opened();
  assertThrows(() => pair.a.startRequest(pair.nowUs, start, {}, 1e6), HanaError, "may not send");
  assert(pair.a.changeRole("app"));
  pair.deliver(pair.a, pair.a.startRequest(pair.nowUs, start, {}, 1e6).payload);
  assertEquals([pair.a.local.role, pair.b.peer?.role], ["app", "app"]);
  assertEquals(events(pair.b).map(({ type }) => type), ["request"]);
  pair.a.changeRole("daemon");
  pair.carry();
  assertThrows(() => pair.a.startRequest(pair.nowUs, start, {}, 1e6), HanaError, "may not send");
  assertEquals([pair.b.peer?.role, pair.b.isOpen], ["daemon", true]);
});

Deno.test("a role that changes while the sides greet is told after the greeting", () => {
  for (const side of ["a", "b"] as const) {
    const pair = new CorePair({}, { local: identity(2) });
    pair[side].changeRole("daemon");
    pair.carry();
    const other = side === "a" ? pair.b : pair.a;
    assertEquals([pair.a.isOpen, other.peer?.role], [true, "daemon"]);
  }
});

Deno.test("a peer of the first version cannot be told of a role, and is not", () => {
  const pair = new CorePair();
  pair.a.handleOpen(pair.nowUs);
  pair.a.handlePayload(pair.nowUs, bytes.welcome());
  transmits(pair.a);
  assertEquals([pair.a.changeRole("daemon"), transmits(pair.a)], [false, []]);
});

Deno.test("apps become nodes that stay and these become apps; nothing else changes its role", () => {
  const may: readonly (readonly [Role, Role])[] = [
    ["app", "daemon"],
    ["app", "visualization"],
    ["daemon", "app"],
    ["visualization", "app"],
  ];
  const mayNot: readonly (readonly [Role, Role])[] = [
    ["observer", "app"],
    ["app", "observer"],
    ["daemon", "visualization"],
    ["visualization", "daemon"],
  ];
  for (const [from, to] of may) assert(canBecome(from, to), `${from} to ${to}`);
  for (const [from, to] of mayNot) {
    assert(!canBecome(from, to), `${from} to ${to}`);
    const side = openListener({ peer: { role: from } });
    side.handlePayload(START_US, bytes.role(to));
    assertEquals(broken(events(side))?.code, "protocol", `${from} to ${to}`);
  }
  for (const text of ["", "king", "x".repeat(200)]) {
    const side = openListener();
    side.handlePayload(START_US, bytes.role(text));
    assertEquals(broken(events(side))?.code, "protocol", text);
  }
});

Deno.test("a token is read only as it is written", () => {
  const text = formatToken(token(3));
  assertEquals(parseToken(text), token(3));
  const id = "0a".repeat(16);
  for (const wrong of ["", "3", `03-${id}-1`, `3-${id}`, `3-${id}-1 `, `3-${id.toUpperCase()}-1`, null, 3]) {
    assertEquals(parseToken(wrong), null, String(wrong));
  }
  assertEquals(
    parseToken(`${MAX_TOKEN_NUMBER}-${id}-${MAX_TOKEN_NUMBER}`)?.term,
    MAX_TOKEN_NUMBER as Incarnation,
  );
  assertEquals(parseToken(`${MAX_TOKEN_NUMBER + 1}-${id}-1`), null);
});
