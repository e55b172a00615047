// How lanes share one stream. The carrier over streams stands in lib/transport; what it promises is lib/lanes'.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import { type Lane, type LaneName, LANES } from "../../../lib/lanes/mod.ts";
import { Link, StreamCarrier } from "../../../lib/transport/mod.ts";
import { FrameDecoder } from "../../../lib/wire/mod.ts";
import { FakeStream, utf8 } from "../transport/support.ts";

/** Above this much in the link, payloads wait in their lanes. */
const HIGH_WATER_BYTES = 64;

class Fixture {
  readonly stream = new FakeStream();
  readonly carrier: StreamCarrier;
  readonly received: string[] = [];
  opened = 0;
  writable = 0;
  closed = 0;
  error: HanaError | null = null;

  constructor(maxFrameBytes = 1024 * 1024) {
    const link = new Link(this.stream, { channel: null, maxFrameBytes, highWaterBytes: HIGH_WATER_BYTES });
    this.carrier = new StreamCarrier(link);
  }

  open(): this {
    this.carrier.open({
      onOpen: () => this.opened++,
      onPayload: (lane, payload) => this.received.push(`${lane}:${new TextDecoder().decode(payload)}`),
      onWritable: () => this.writable++,
      onClose: (error) => {
        this.closed++;
        this.error = error;
      },
    });
    return this;
  }

  send(lane: LaneName | Lane, text: string): string {
    return this.carrier.send(typeof lane === "string" ? LANES[lane] : lane, utf8(text));
  }

  /** Fills link and stream, so that everything further waits in its lane. */
  block(): this {
    this.send("control", "0".repeat(HIGH_WATER_BYTES));
    this.send("control", "1".repeat(HIGH_WATER_BYTES));
    return this;
  }

  /** Everything written so far as `lane:text`, without what `block` sent. */
  sent(): string[] {
    const frames: string[] = [];
    new FrameDecoder().push(this.stream.written, (frame) => {
      frames.push(`${nameOf(frame[0] ?? 255)}:${new TextDecoder().decode(frame.subarray(1))}`);
    });
    return frames.filter((frame) => !/^control:(0+|1+)$/.test(frame));
  }
}

function nameOf(id: number): string {
  return Object.values(LANES).find((lane) => lane.id === id)?.name ?? `lane ${id}`;
}

function lane(overrides: Partial<Lane>): Lane {
  return { ...LANES.events, ...overrides };
}

Deno.test("an idle stream takes a payload at once, a busy one lets it wait its turn", () => {
  const side = new Fixture().open();
  assertEquals([side.opened, side.send("events", "a")], [1, "sent"]);
  side.block();
  assertEquals(side.send("events", "b"), "queued");
  assertEquals(side.carrier.laneStats(LANES.events.id).queuedMessages, 1);
  side.stream.finishAll();
  assertEquals(side.sent(), ["events:a", "events:b"]);
  const stats = side.carrier.laneStats(LANES.events.id);
  assertEquals([stats.sentMessages, stats.sentBytes, stats.queuedMessages, stats.queuedBytes], [2, 2, 0, 0]);
});

Deno.test("a lower tier goes first, whatever came first", () => {
  const side = new Fixture().open().block();
  for (const name of ["telemetry", "state", "modulation", "control"] as const) side.send(name, "x");
  side.stream.finishAll();
  assertEquals(side.sent(), ["control:x", "modulation:x", "state:x", "telemetry:x"]);
});

Deno.test("lanes of one tier take turns, and each keeps its own order", () => {
  const side = new Fixture().open().block();
  side.send("control", "c");
  for (let i = 0; i < 4; i++) side.send("state", String(i));
  for (let i = 0; i < 4; i++) side.send("events", String(i));
  side.stream.finishAll();
  const order = side.sent().slice(1);
  for (let i = 0; i < 8; i += 2) {
    assertEquals(order.slice(i, i + 2).sort(), [`events:${i / 2}`, `state:${i / 2}`]);
  }
});

Deno.test("order within a lane holds for any mix of lanes, sizes and speeds of the stream", () => {
  const names = Object.keys(LANES) as LaneName[];
  const step = fc.oneof(
    fc.record({ lane: fc.constantFrom(...names), bytes: fc.nat(120) }),
    fc.constant("finish" as const),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const side = new Fixture().open();
    const expected = new Map<string, string[]>();
    let number = 0;
    for (const what of steps) {
      if (what === "finish") {
        if (side.stream.writing) side.stream.finishWrite();
        continue;
      }
      const text = `#${number++}${"x".repeat(what.bytes)}`;
      const status = side.send(what.lane, text);
      assert(status === "sent" || status === "queued", status);
      expected.set(what.lane, [...expected.get(what.lane) ?? [], text]);
    }
    side.stream.finishAll();
    const sent = Map.groupBy(side.sent(), (frame) => frame.slice(0, frame.indexOf(":")));
    for (const [name, texts] of expected) {
      assertEquals(sent.get(name), texts.map((text) => `${name}:${text}`));
    }
  }));
});

Deno.test("a reliable lane at its bound takes nothing more and counts it; with room it goes on", () => {
  for (const bound of [{ maxQueuedMessages: 2 }, { maxQueuedBytes: 2 }]) {
    const side = new Fixture().open().block();
    const narrow = lane(bound);
    assertEquals([side.send(narrow, "a"), side.send(narrow, "b"), side.send(narrow, "c")], [
      "queued",
      "queued",
      "full",
    ]);
    assertEquals(side.carrier.laneStats(narrow.id).refusedFull, 1);
    assert(!side.carrier.isWritable(narrow));
    side.stream.finishAll();
    assert(side.carrier.isWritable(narrow) && side.writable > 0);
    assertEquals(side.send(narrow, "d"), "sent");
    side.stream.finishAll();
    assertEquals(side.sent(), ["events:a", "events:b", "events:d"]);
  }
});

Deno.test("an unreliable lane at its bound drops its oldest and counts each", () => {
  for (const bound of [{ maxQueuedMessages: 3 }, { maxQueuedBytes: 3 }]) {
    const side = new Fixture().open().block();
    const narrow = { ...LANES.modulation, ...bound };
    for (const text of ["a", "b", "c", "d", "e"]) assertEquals(side.send(narrow, text), "queued");
    const stats = side.carrier.laneStats(narrow.id);
    assertEquals([stats.droppedOldest, stats.queuedMessages, stats.refusedFull], [2, 3, 0]);
    side.stream.finishAll();
    assertEquals(side.sent(), ["modulation:c", "modulation:d", "modulation:e"]);
  }
});

Deno.test("a payload over the frame limit is refused by itself and counted", () => {
  const side = new Fixture(10).open();
  assertEquals(side.carrier.maxPayloadBytes, 9);
  assertEquals([side.send("events", "123456789"), side.send("events", "1234567890")], ["sent", "too-large"]);
  assertEquals(side.carrier.laneStats(LANES.events.id).refusedTooLarge, 1);
});

Deno.test("a peer that accepts and never reads costs bounded memory, however much is sent", () => {
  const side = new Fixture().open().block();
  const statuses = new Map<string, number>();
  const payload = new Uint8Array(1024);
  for (let i = 0; i < 3000; i++) {
    for (const each of [LANES.modulation, LANES.telemetry, lane({ maxQueuedBytes: 100 * 1024 })]) {
      const status = side.carrier.send(each, payload);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  }
  assert((statuses.get("full") ?? 0) > 2000);
  for (const each of [LANES.modulation, LANES.telemetry]) {
    const stats = side.carrier.laneStats(each.id);
    assert(stats.queuedBytes <= each.maxQueuedBytes && stats.droppedOldest > 0);
    assertEquals(stats.queuedMessages + stats.droppedOldest, 3000);
  }
  assertEquals(side.stream.writes.length, 1);
});

Deno.test("a lane becomes writable although another one never runs dry", () => {
  const side = new Fixture().open().block();
  const state = LANES.state;
  side.send(state, "s");
  assert(!side.carrier.isWritable(state));
  const flood = (): void => {
    for (let i = 0; i < 4; i++) side.send("telemetry", "t".repeat(HIGH_WATER_BYTES));
  };
  flood();
  for (let i = 0; i < 3; i++) {
    side.stream.finishWrite();
    flood();
  }
  assert(side.carrier.isWritable(state) && side.writable > 0);
});

Deno.test("what comes is counted by lane, also on lanes on which nothing is sent", () => {
  const side = new Fixture().open();
  const sender = new Fixture().open();
  sender.send("telemetry", "abc");
  sender.send(lane({ id: 200 as Lane["id"] }), "z");
  sender.stream.finishAll();
  side.stream.feed(sender.stream.written);
  assertEquals(side.received, ["4:abc", "200:z"]);
  const stats = side.carrier.laneStats(LANES.telemetry.id);
  assertEquals([stats.receivedMessages, stats.receivedBytes], [1, 3]);
});

Deno.test("what was given before the carrier opened goes out once it has", () => {
  const side = new Fixture();
  assertEquals(side.send("control", "early"), "queued");
  side.open();
  side.stream.finishAll();
  assertEquals(side.sent(), ["control:early"]);
});

Deno.test("ending lets out everything that waits, then nothing is taken any more", () => {
  const side = new Fixture().open().block();
  side.send("state", "last words");
  side.carrier.end();
  assertEquals(side.send("control", "late"), "closed");
  assert(!side.carrier.isWritable(LANES.control) && !side.stream.writeEnded);
  side.stream.finishAll();
  assert(side.stream.writeEnded);
  assertEquals(side.sent(), ["state:last words"]);
});

Deno.test("a peer that ends its side first still gets what waits for it", () => {
  const side = new Fixture().open().block();
  side.send("state", "last words");
  side.carrier.end();
  side.stream.feedEnd();
  side.stream.finishAll();
  assertEquals(side.sent(), ["state:last words"]);
  assert(side.stream.writeEnded);
});

Deno.test("a carrier that is gone takes nothing", () => {
  const reset = new HanaError("closed", { what: "reset" });
  const side = new Fixture().open();
  side.stream.feedClose(reset);
  assertEquals([side.closed, side.error, side.send("control", "x")], [1, reset, "closed"]);
  assert(!side.carrier.isWritable(LANES.control));
  const aborted = new Fixture().open();
  aborted.carrier.abort(reset);
  assertEquals([aborted.closed, aborted.error, aborted.send("control", "x")], [1, reset, "closed"]);
});
