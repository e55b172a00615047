import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { LANES } from "../../../lib/lanes/mod.ts";
import {
  ANY_ROLE,
  defineEvent,
  defineRequest,
  type HandlerContext,
  MAX_UNFINISHED_EVENTS,
} from "../../../lib/session/mod.ts";
import { encodeFrame, s } from "../../../lib/wire/mod.ts";
import { PORT, Stage } from "./session_support.ts";
import { bytes, CUE, DOUBLE, HUE, NOTE } from "./support.ts";

const second = 1_000_000;

/** Takes a text of any size and answers with one. */
const ECHO = defineRequest({
  name: "test.echo",
  lane: "state",
  effect: "read",
  from: ANY_ROLE,
  to: ANY_ROLE,
  body: s.object({ text: s.string() }),
  reply: s.object({ text: s.string() }),
});

/** A one-way message of no content, on the same lane as {@linkcode ECHO}. */
const BULK = defineEvent({
  name: "test.bulk",
  lane: "state",
  effect: "read",
  from: ANY_ROLE,
  to: ANY_ROLE,
  body: s.object({}),
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, HanaError)).code;
}

Deno.test("handlers answer at once, later, or with an error, however the stream is cut", async () => {
  const stage = new Stage({ pieces: "random" });
  stage.farHandlers.onRequest(DOUBLE, ({ value }) => {
    if (value === 1) throw new HanaError("not-found", { what: "no one" });
    if (value === 2) throw new TypeError("a bug of the program");
    if (value === 3) return Promise.reject(new RangeError("another"));
    if (value === 4) return Promise.resolve({ value: 8 });
    return { value: value * 2 };
  });
  const { near, far } = await stage.connected();
  const ask = (value: number) => stage.settle(near.request(DOUBLE, { value }));
  assertEquals([await ask(21), await ask(4)], [{ value: 42 }, { value: 8 }]);
  assertEquals(await codeOf(ask(1)), "not-found");
  assertEquals([await codeOf(ask(2)), await codeOf(ask(3))], ["internal", "internal"]);
  assertEquals([far.handlerFailures, near.isOpen, stage.crashes], [2, true, []]);
});

Deno.test("requests in flight together find their own answers, and a slow one keeps none waiting", async () => {
  const stage = new Stage();
  const held: (() => void)[] = [];
  stage.farHandlers.onRequest(DOUBLE, ({ value }) => {
    const reply = { value: value * 2 };
    return value === 0 ? new Promise((resolve) => held.push(() => resolve(reply))) : reply;
  });
  const { near } = await stage.connected();
  const slow = near.request(DOUBLE, { value: 0 });
  const all = Array.from({ length: 100 }, (_, i) => near.request(DOUBLE, { value: i + 1 }));
  assertEquals(
    (await stage.settle(Promise.all(all))).map((reply) => reply.value),
    all.map((_, i) => 2 * i + 2),
  );
  for (const release of held) release();
  assertEquals(await stage.settle(slow), { value: 0 });
});

Deno.test("one-way messages come in order and are counted; a handler that fails costs only its message", async () => {
  const stage = new Stage({ pieces: "random" });
  const heard: number[] = [];
  stage.farHandlers.onEvent(NOTE, ({ number }) => {
    heard.push(number);
    if (number === 5) throw new Error("a bug");
    return number === 6 ? Promise.reject(new Error("another bug")) : undefined;
  });
  const { near, far } = await stage.connected();
  for (let number = 0; number < 200; number++) {
    assert(["sent", "queued"].includes(near.send(NOTE, { number })));
  }
  await stage.until(() => heard.length === 200, "all came");
  assertEquals(heard, Array.from({ length: 200 }, (_, i) => i));
  assertEquals([far.handlerFailures, far.statistics().counters.eventsReceived], [2, 200]);
  assertEquals(far.statistics().lanes.events.receivedMessages, 200);
});

Deno.test("one-way messages whose handlers never finish are bounded, and a handler that finishes makes room", async () => {
  const stage = new Stage();
  const unfinished: PromiseWithResolvers<void>[] = [];
  stage.farHandlers.onEvent(NOTE, () => {
    const handler = Promise.withResolvers<void>();
    unfinished.push(handler);
    return handler.promise;
  });
  const { near, far } = await stage.connected();
  const flood = MAX_UNFINISHED_EVENTS + 100;
  for (let number = 0; number < flood; number++) near.send(NOTE, { number });
  await stage.until(() => far.statistics().counters.eventsReceived === flood, "all came");
  assertEquals([unfinished.length, far.statistics().counters.overloaded], [MAX_UNFINISHED_EVENTS, 100]);
  unfinished[0]?.resolve();
  await stage.world.runFor(1_000);
  near.send(NOTE, { number: flood });
  await stage.until(() => unfinished.length === MAX_UNFINISHED_EVENTS + 1, "there is room again");
});

Deno.test("a handler of a one-way message hears of the end of its session, and of nothing before", async () => {
  const stage = new Stage();
  const signals: AbortSignal[] = [];
  stage.farHandlers.onEvent(NOTE, (_body, { signal }: HandlerContext) => void signals.push(signal));
  const { near } = await stage.connected();
  near.send(NOTE, { number: 1 });
  await stage.until(() => signals.length === 1, "it came");
  await stage.world.runFor(second);
  assertEquals(signals[0]?.aborted, false);
  await stage.settle(near.close());
  await stage.until(() => signals[0]?.aborted === true, "the handler hears of it");
});

Deno.test("a caller that gives up is told at once, and the handler sees it", async () => {
  const stage = new Stage();
  const signals: AbortSignal[] = [];
  stage.farHandlers.onRequest(DOUBLE, (_body, { signal }: HandlerContext) => {
    signals.push(signal);
    return new Promise(() => {});
  });
  const { near } = await stage.connected();
  const giveUp = new AbortController();
  const call = near.request(DOUBLE, { value: 1 }, { signal: giveUp.signal });
  const failed = codeOf(call);
  await stage.until(() => signals.length === 1, "the handler runs");
  giveUp.abort();
  assertEquals(await failed, "cancelled");
  await stage.until(() => signals[0]?.aborted === true, "the handler hears of it");
  assertEquals(await codeOf(near.request(DOUBLE, { value: 1 }, { signal: giveUp.signal })), "cancelled");
  assertEquals(near.statistics().pendingRequests, 0);
});

Deno.test("requests that are over leave nothing on a signal that lives on", async () => {
  const stage = new Stage();
  stage.farHandlers.onRequest(DOUBLE, ({ value }) => {
    if (value === 1) throw new HanaError("refused", { what: "no" });
    return { value };
  });
  const { near } = await stage.connected();
  const { signal } = new AbortController();
  let listening = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  Object.assign(signal, {
    addEventListener: (...args: Parameters<typeof add>) => (listening++, add(...args)),
    removeEventListener: (...args: Parameters<typeof remove>) => (listening--, remove(...args)),
  });
  await stage.settle(near.request(DOUBLE, { value: 2 }, { signal }));
  await codeOf(stage.settle(near.request(DOUBLE, { value: 1 }, { signal })));
  const cut = near.request(DOUBLE, { value: 3 }, { signal });
  assertEquals(listening, 1);
  near.abort();
  assertEquals(await codeOf(stage.settle(cut)), "closed");
  assertEquals(listening, 0);
});

Deno.test("a request that nobody answers fails at its own deadline", async () => {
  const stage = new Stage();
  stage.farHandlers.onRequest(DOUBLE, () => new Promise(() => {}));
  const { near } = await stage.connected();
  const startedUs = stage.world.nowUs;
  const code = await codeOf(stage.settle(near.request(DOUBLE, { value: 1 }, { timeoutUs: 700_000 })));
  assertEquals([code, stage.world.nowUs - startedUs], ["timeout", 700_000]);
});

Deno.test("a goodbye ends both sides in order, and each says who ended it", async () => {
  const stage = new Stage();
  const { near, far } = await stage.connected();
  const [here, there] = await stage.settle(Promise.all([near.close("show is over"), far.ended]));
  assertEquals([here.kind, here.reason, here.error], ["local", "show is over", null]);
  assertEquals([there.kind, there.reason, there.error], ["goodbye", "show is over", null]);
  assertThrows(() => near.send(NOTE, { number: 1 }), HanaError);
  assertEquals([await codeOf(near.writable("control")), near.isOpen, far.isOpen], ["closed", false, false]);
});

Deno.test("closing while requests run fails them here, and tells their handlers there", async () => {
  const stage = new Stage();
  let aborted = false;
  stage.farHandlers.onRequest(DOUBLE, (_body, { signal }: HandlerContext) => {
    signal.addEventListener("abort", () => aborted = true);
    return new Promise(() => {});
  });
  const { near } = await stage.connected();
  const failed = codeOf(near.request(DOUBLE, { value: 1 }));
  await stage.world.runFor(10_000);
  await stage.settle(near.close());
  assertEquals(await failed, "closed");
  await stage.until(() => aborted, "the handler hears of it");
});

Deno.test("what was queued before a goodbye arrives, although the goodbye overtakes it", async () => {
  const stage = new Stage();
  let heard = 0;
  const notes: number[] = [];
  stage.farHandlers.onRequest(ECHO, () => (heard++, { text: "" }));
  stage.farHandlers.onEvent(NOTE, ({ number }) => void notes.push(number));
  const { near, far } = await stage.connected();
  const text = "x".repeat(100_000);
  for (let i = 0; i < 20; i++) near.call(ECHO, { text }).catch(() => {});
  for (let number = 0; number < 500; number++) near.send(NOTE, { number });
  assert(near.statistics().lanes.events.queuedMessages > 400);
  await stage.settle(Promise.all([near.close(), far.ended]));
  assertEquals([heard, notes.length], [20, 500]);
});

Deno.test("a process that is killed is told from one that said goodbye", async () => {
  const stage = new Stage();
  const { near } = await stage.connected();
  stage.far.main.kill();
  const end = await stage.settle(near.ended);
  assertEquals([end.kind, end.error?.code], ["lost", "closed"]);
});

Deno.test("a cable that is pulled is noticed by both sides after the silence", async () => {
  const stage = new Stage();
  const { near, far } = await stage.connected();
  await stage.world.runFor(3 * second);
  const startedUs = stage.world.nowUs;
  stage.plug(false);
  const ends = await stage.settle(Promise.all([near.ended, far.ended]));
  const tookUs = stage.world.nowUs - startedUs;
  assertEquals(ends.map((end) => [end.kind, end.error?.code]), [["lost", "timeout"], ["lost", "timeout"]]);
  assert(tookUs >= 4 * second && tookUs < 6 * second, `${tookUs}`);
});

Deno.test("a cable that is back before the silence costs nothing", async () => {
  const stage = new Stage();
  stage.farHandlers.onRequest(DOUBLE, ({ value }) => ({ value: value * 2 }));
  const { near, far } = await stage.connected();
  stage.plug(false);
  const call = near.request(DOUBLE, { value: 4 });
  await stage.world.runFor(2 * second);
  stage.plug(true);
  assertEquals(await stage.settle(call), { value: 8 });
  await stage.world.runFor(20 * second);
  assert(near.isOpen && far.isOpen);
});

Deno.test("a peer that accepts and never greets is given up in time", async () => {
  const stage = new Stage({ limits: { helloTimeoutUs: second } });
  await stage.far.platform.streams.listen({ kind: "tcp", host: "0.0.0.0", port: PORT }, {
    onStream: (stream) =>
      stream.open({ onData: () => {}, onWritten: () => {}, onEnd: () => {}, onClose: () => {} }),
    onError: () => {},
  });
  const startedUs = stage.world.nowUs;
  assertEquals(await codeOf(stage.settle(stage.dial())), "timeout");
  assert(stage.world.nowUs - startedUs < 1.1 * second);
});

Deno.test("a peer that asks and never reads is cut at a bound, and others are not disturbed", async () => {
  const stage = new Stage({ limits: { silenceUs: 3600 * second } });
  stage.farHandlers.onRequest(DOUBLE, ({ value }) => ({ value: value * 2 }));
  stage.farHandlers.onRequest(ECHO, () => ({ text: "y".repeat(200_000) }));
  const { near } = await stage.connected();
  const stuck = await stage.settle(
    stage.near.platform.streams.connect({ kind: "tcp", host: "10.0.0.2", port: PORT }),
  );
  const waiting = [bytes.hello({ id: "e".repeat(32) }), bytes.name(1, ECHO.name)];
  for (let id = 1; id <= 400; id++) waiting.push(bytes.request(id, 1, { text: "" }));
  const writeNext = (): void => {
    const next = waiting.shift();
    if (next !== undefined) stuck.write(encodeFrame(Uint8Array.of(0, ...next)));
  };
  let cut = false;
  stuck.open({ onData: () => {}, onWritten: writeNext, onEnd: () => {}, onClose: () => cut = true });
  stuck.pauseReading();
  writeNext();
  for (let value = 0; value < 100; value++) {
    assertEquals(await stage.settle(near.request(DOUBLE, { value })), { value: 2 * value });
  }
  await stage.until(() => cut, "it is cut");
  const end = await stage.settle(stage.accepted[1]?.ended ?? Promise.reject(new Error("no session")));
  assertEquals([end.kind, end.error?.code], ["lost", "overloaded"]);
  const queued = stage.accepted[1]?.statistics().lanes.state.queuedBytes ?? Infinity;
  assert(queued <= LANES.state.maxQueuedBytes);
  assertEquals(await stage.settle(near.request(DOUBLE, { value: 1 })), { value: 2 });
  assertEquals(stage.crashes, []);
});

Deno.test("a reliable lane at its bound says full, an unreliable one drops; writable says when to go on", async () => {
  const stage = new Stage({ limits: { silenceUs: 3600 * second } });
  const heard: number[] = [];
  stage.farHandlers.onEvent(NOTE, ({ number }) => void heard.push(number));
  stage.farHandlers.onEvent(HUE, () => {});
  const { near } = await stage.connected();
  let number = 0;
  const sent = await stage.fill(() => {
    const status = near.send(NOTE, { number });
    if (status !== "full") number++;
    return status;
  });
  for (let i = 0; i < 1000; i++) near.send(HUE, { number: i });
  const { events, modulation } = near.statistics().lanes;
  assert(events.refusedFull > 0);
  assertEquals(events.queuedMessages, LANES.events.maxQueuedMessages);
  assertEquals(modulation.droppedOldest, 1000 - LANES.modulation.maxQueuedMessages);
  const writable = near.writable("events");
  stage.plug(true);
  await stage.settle(writable);
  assertEquals(near.send(NOTE, { number: sent }), "sent");
  await stage.until(() => heard.length > sent, "all that was taken comes");
  assertEquals(heard, Array.from({ length: sent + 1 }, (_, i) => i));
  assert(near.isOpen, "a name that was dropped with the oldest would have ended it");
});

Deno.test("a lane that is full refuses requests to their callers, and costs the session nothing", async () => {
  const stage = new Stage({ limits: { silenceUs: 3600 * second } });
  stage.farHandlers.onRequest(ECHO, ({ text }) => ({ text }));
  stage.farHandlers.onEvent(BULK, () => {});
  const { near } = await stage.connected();
  stage.plug(false);
  const early = near.request(ECHO, { text: "early" }, { timeoutUs: 500_000 });
  await stage.fill(() => near.send(BULK, {}));
  assertEquals(await codeOf(near.request(ECHO, { text: "refused" })), "overloaded");
  assertEquals(near.statistics().pendingRequests, 1);
  // Its cancel finds no room either, and is left out.
  assertEquals(await codeOf(stage.settle(early)), "timeout");
  stage.plug(true);
  await stage.settle(near.writable("state"));
  assertEquals(await stage.settle(near.request(ECHO, { text: "late" })), { text: "late" });
});

Deno.test("a control lane full of a program's own messages leaves out heartbeats, not the session", async () => {
  const stage = new Stage({ limits: { silenceUs: 3600 * second } });
  const urgent = { ...BULK, name: "test.urgent", lane: "control" } as const;
  stage.farHandlers.onEvent(urgent, () => {});
  const { near } = await stage.connected();
  await stage.fill(() => near.send(urgent, {}));
  await stage.world.runFor(20 * second);
  assert(near.isOpen && near.statistics().lanes.control.refusedFull > 20);
  stage.plug(true);
  await stage.settle(near.writable("control"));
  assert(near.send(urgent, {}) !== "full");
});

Deno.test("waiting for room ends with the session", async () => {
  const stage = new Stage();
  const { near } = await stage.connected();
  await stage.fill(() => near.send(NOTE, { number: 1 }));
  const waiting = codeOf(near.writable("events"));
  near.abort();
  assertEquals(await stage.settle(waiting), "closed");
});

Deno.test("a message over the frame limit is refused to its sender alone, and so is a reply", async () => {
  const stage = new Stage({ maxFrameBytes: 2000 });
  stage.farHandlers.onRequest(ECHO, ({ text }) => ({ text: text.repeat(3) }));
  const { near, far } = await stage.connected();
  assertEquals(await codeOf(stage.settle(near.request(ECHO, { text: "x".repeat(3000) }))), "frame-too-large");
  assertEquals(await codeOf(stage.settle(near.request(ECHO, { text: "x".repeat(1000) }))), "frame-too-large");
  assertEquals(await stage.settle(near.request(ECHO, { text: "abc" })), { text: "abcabcabc" });
  assert(near.isOpen && far.isOpen);
});

Deno.test("a frame over the limit of the receiver ends the session with its code", async () => {
  const stage = new Stage({ maxFrameBytes: 2000 });
  const { far } = await stage.connected();
  const raw = await stage.settle(
    stage.near.platform.streams.connect({ kind: "tcp", host: "10.0.0.2", port: PORT }),
  );
  raw.open({ onData: () => {}, onWritten: () => {}, onEnd: () => {}, onClose: () => {} });
  raw.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  await stage.until(() => stage.accepted.length === 2, "it is accepted");
  const end = await stage.settle(stage.accepted[1]?.ended ?? Promise.reject(new Error("no session")));
  assertEquals([end.kind, end.error?.code, far.isOpen], ["lost", "frame-too-large", true]);
});

Deno.test("roles are checked when a session is narrowed, and when a message is sent", async () => {
  const stage = new Stage({ local: { role: "app" }, remote: { role: "visualization" } });
  const { near } = await stage.connected();
  assertEquals(near.between("app", "visualization").send(CUE, {}), "sent");
  assertThrows(() => near.between("app", "daemon"), HanaError);
  assertThrows(() => near.between("daemon", "visualization"), HanaError);
});

Deno.test("a request of which the peer knows the name but has no handler is refused as unknown", async () => {
  const stage = new Stage();
  stage.farHandlers.messages.define(DOUBLE);
  const { near } = await stage.connected();
  assertEquals(await codeOf(stage.settle(near.request(DOUBLE, { value: 1 }))), "unknown-message");
});

Deno.test("statistics tell path, bytes, round trips and lanes", async () => {
  const stage = new Stage();
  stage.farHandlers.onRequest(DOUBLE, ({ value }) => ({ value }));
  const { near, far } = await stage.connected();
  for (let value = 0; value < 10; value++) await stage.settle(near.request(DOUBLE, { value }));
  await stage.world.runFor(5 * second);
  const [here, there] = [near.statistics(), far.statistics()];
  assertEquals([here.path.carrier, here.path.secure, here.codec], ["stream", false, "msgpack"]);
  assertEquals(here.bytesSent, there.bytesReceived);
  assertEquals(here.lanes.control.sentMessages, there.lanes.control.receivedMessages);
  // There and back takes twice the 200 us of the cable.
  assert(
    here.rttUs.count >= 14 && here.rttUs.p50 >= 400 && here.rttUs.p50 <= 425,
    JSON.stringify(here.rttUs),
  );
  assertEquals([here.counters.requestsSent, there.counters.requestsReceived], [10, 10]);
});
