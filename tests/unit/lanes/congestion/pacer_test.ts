// The bucket that spreads packets over time.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { chargedBytes, heldBytes, KERNEL_BUFFER_BYTES, Pacer } from "../../../../lib/lanes/congestion/mod.ts";

const PACKET = 1_200;

/** Sends all that may leave now; returns the bytes. */
function drain(pacer: Pacer, nowUs: number): number {
  let bytes = 0;
  while (pacer.canSend(nowUs)) {
    pacer.onSent(nowUs, PACKET);
    bytes += PACKET;
  }
  return bytes;
}

for (const rate of [100_000, 1_000_000, 12_500_000, 40_000_000]) {
  Deno.test(`a timer that fires every 2.1 ms still reaches ${rate / 1e6} MB/s`, () => {
    const pacer = new Pacer({ rateBytesPerSecond: rate });
    let sent = 0;
    for (let nowUs = 0; nowUs < 2_000_000; nowUs = Math.max(nowUs + 2_100, Math.ceil(pacer.readyAtUs))) {
      sent += drain(pacer, nowUs);
    }
    assertAlmostEquals(sent / 2 / rate, 1, 0.02);
  });
}

Deno.test("a burst covers two quanta, at least two packets, and never more than a stalled reader's kernel holds", () => {
  const burst = (rate: number): number => new Pacer({ rateBytesPerSecond: rate }).burstBytes;
  assertEquals(burst(50_000), 2 * PACKET);
  assertEquals(burst(10_000_000), 42_000);
  assertEquals(burst(1_000_000_000), heldBytes(KERNEL_BUFFER_BYTES, PACKET));
  const packets = heldBytes(KERNEL_BUFFER_BYTES, PACKET) / PACKET;
  assert(packets * chargedBytes(PACKET) <= KERNEL_BUFFER_BYTES);
  assertEquals([chargedBytes(PACKET), packets], [2_304, 92]);
});

Deno.test("nothing leaves beyond the burst and the rate, in any window, whatever the times", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 100 });
  fc.assert(fc.property(gaps, fc.integer({ min: 20_000, max: 50_000_000 }), (waits, rate) => {
    const pacer = new Pacer({ rateBytesPerSecond: rate });
    const limit = heldBytes(KERNEL_BUFFER_BYTES, PACKET);
    const sent: { atUs: number; bytes: number }[] = [];
    let nowUs = 0;
    for (const waitUs of waits) sent.push({ atUs: nowUs += waitUs, bytes: drain(pacer, nowUs) });
    for (let from = 0; from < sent.length; from++) {
      let bytes = 0;
      for (let to = from; to < sent.length; to++) {
        bytes += sent[to]?.bytes ?? 0;
        const spanUs = (sent[to]?.atUs ?? 0) - (sent[from]?.atUs ?? 0);
        assert(bytes <= limit + PACKET + rate * spanUs / 1e6 + 1);
      }
    }
  }));
});

Deno.test("a wake-up that comes late keeps its credit while data waits, and idle time earns one burst", () => {
  const pacer = new Pacer({ rateBytesPerSecond: 4_000_000 });
  drain(pacer, 0);
  assertAlmostEquals(drain(pacer, 16_000), 64_000, 2 * PACKET, "16 ms of data that waited");
  const idle = new Pacer({ rateBytesPerSecond: 4_000_000 });
  idle.canSend(0);
  idle.onSent(0, PACKET);
  assert(drain(idle, 1_000_000) <= idle.burstBytes + PACKET);
});

Deno.test("the pacer is never in debt for more than a packet, unless exempt packets put it there", () => {
  const pacer = new Pacer({ rateBytesPerSecond: 1_000_000 });
  drain(pacer, 0);
  assert(pacer.readyAtUs <= PACKET + 1);
  for (let n = 0; n < 1_000; n++) pacer.onSent(0, PACKET);
  assert(pacer.readyAtUs <= pacer.burstBytes + 1, "a flood of exempt packets closes it for a burst's time");
});

Deno.test("ready means ready: at that time a packet may leave, and not before", () => {
  fc.assert(fc.property(fc.integer({ min: 1_000, max: 100_000_000 }), (rate) => {
    const pacer = new Pacer({ rateBytesPerSecond: rate });
    drain(pacer, 5);
    const atUs = pacer.readyAtUs;
    assert(atUs > 5 && Number.isInteger(atUs));
    assert(pacer.canSend(atUs));
  }));
});

Deno.test("without a limit nothing waits", () => {
  const pacer = new Pacer({ rateBytesPerSecond: Infinity });
  for (let n = 0; n < 10_000; n++) {
    assert(pacer.canSend(0));
    pacer.onSent(0, 65_000);
  }
  assert(pacer.readyAtUs <= 0);
});

Deno.test("a rate that falls takes the burst with it, a rate of Infinity afterwards opens it", () => {
  const pacer = new Pacer({ rateBytesPerSecond: 40_000_000 });
  pacer.setRate(100_000);
  assert(drain(pacer, 0) <= 3 * PACKET);
  pacer.setRate(Infinity);
  assert(pacer.canSend(0));
  pacer.setRate(100_000);
  assert(Number.isFinite(pacer.readyAtUs));
});

function assertAlmostEquals(actual: number, expected: number, within: number, message = ""): void {
  assert(Math.abs(actual - expected) <= within, `${actual} is not ${expected} ± ${within} ${message}`);
}
