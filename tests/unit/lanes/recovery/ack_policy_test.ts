// When acknowledgements are due.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { AckPolicy, Eliciting } from "../../../../lib/lanes/recovery/mod.ts";

/** A policy that has been awake for long, and acknowledged at `nowUs`. */
function awake(nowUs: number): AckPolicy {
  const policy = new AckPolicy();
  for (let i = 0; i < 40; i++) policy.onPacket(nowUs, i, Eliciting.prompt, false, false);
  policy.onAckSent(nowUs);
  return policy;
}

Deno.test("an acknowledgement of an acknowledgement is never due", () => {
  const policy = new AckPolicy();
  for (let i = 0; i < 1_000; i++) policy.onPacket(i * 10_000, i * 3, Eliciting.none, true, true);
  assertEquals([policy.hasPending, policy.dueAtUs], [false, Infinity]);
});

Deno.test("a prompt packet is acknowledged after 5 ms, a lazy one after 25 ms, the sooner counts", () => {
  const policy = awake(0);
  policy.onPacket(10_000, 50, Eliciting.lazy, false, false);
  assertEquals([policy.hasPending, policy.dueAtUs], [true, 35_000]);
  policy.onPacket(12_000, 51, Eliciting.prompt, false, false);
  assertEquals(policy.dueAtUs, 17_000);
  policy.onPacket(13_000, 52, Eliciting.prompt, false, false);
  assertEquals(policy.dueAtUs, 17_000);
  assert(!policy.isDue(16_999));
  assert(policy.isDue(17_000));
  policy.onAckSent(17_000);
  assertEquals([policy.hasPending, policy.dueAtUs], [false, Infinity]);
});

Deno.test("the tenth prompt packet is acknowledged at once, and the thirty-second lazy one", () => {
  const policy = awake(0);
  for (let i = 0; i < 9; i++) policy.onPacket(10_000, i, Eliciting.prompt, false, false);
  assert(!policy.isDue(10_000));
  policy.onPacket(10_000, 9, Eliciting.prompt, false, false);
  assert(policy.isDue(10_000));
  policy.onAckSent(10_000);
  for (let i = 0; i < 31; i++) policy.onPacket(20_000, 10 + i, Eliciting.lazy, false, false);
  assert(!policy.isDue(20_000));
  policy.onPacket(20_000, 41, Eliciting.lazy, false, false);
  assert(policy.isDue(20_000));
});

Deno.test("at the start and after a second of silence every second packet is acknowledged, 32 packets long", () => {
  const policy = new AckPolicy();
  for (const start of [0, 5_000_000]) {
    for (let i = 0; i < 32; i++) {
      const now = start + i * 2_000;
      policy.onPacket(now, i, Eliciting.prompt, false, false);
      assertEquals(policy.isDue(now), i % 2 === 1, `${start} ${i}`);
      if (policy.isDue(now)) policy.onAckSent(now);
    }
    const now = start + 70_000;
    for (let i = 0; i < 9; i++) policy.onPacket(now, 32 + i, Eliciting.prompt, false, false);
    assert(!policy.isDue(now));
    policy.onPacket(now, 41, Eliciting.prompt, false, false);
    assert(policy.isDue(now));
    policy.onAckSent(now);
  }
});

Deno.test("16 KiB of prompt packets are acknowledged at once, as packets of a stream may be that large", () => {
  const policy = awake(0);
  policy.onPacket(10_000, 50, Eliciting.prompt, false, false, 16_383);
  assert(!policy.isDue(10_000));
  policy.onPacket(10_000, 51, Eliciting.prompt, false, false, 1);
  assert(policy.isDue(10_000));
});

Deno.test("a request, or a hole, is answered at once, but not within a quarter of a millisecond of the last acknowledgement", () => {
  for (const [immediate, outOfOrder] of [[true, false], [false, true]] as const) {
    const policy = awake(0);
    policy.onPacket(100, 50, Eliciting.lazy, immediate, outOfOrder);
    assertEquals(policy.dueAtUs, 250);
    policy.onAckSent(250);
    policy.onPacket(3_000, 51, Eliciting.lazy, immediate, outOfOrder);
    assertEquals(policy.dueAtUs, 3_000);
  }
});

Deno.test("whatever comes, acknowledgements that are asked for are a quarter of a millisecond apart, and none is held back too long", () => {
  const packet = fc.record({
    gap: fc.integer({ min: 0, max: 8_000 }),
    eliciting: fc.constantFrom<number>(0, 1, 2),
    immediate: fc.boolean(),
    outOfOrder: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(packet, { maxLength: 300, size: "max" }), (packets) => {
    const policy = new AckPolicy();
    let now = 0;
    let lastAck = -Infinity;
    let oldest = Infinity;
    let number = 0;
    let waiting = 0;
    for (const { gap, eliciting, immediate, outOfOrder } of packets) {
      const next = now + gap;
      while (policy.dueAtUs <= next) {
        const at = policy.dueAtUs;
        assert(at >= now, "a deadline never lies in the past");
        assert(policy.hasPending);
        // Only what somebody asked for waits; 32 packets, 10 that matter or 16 KiB pay for their answer.
        assert(at - lastAck >= 250 || waiting >= 2);
        assert(at - oldest <= 25_000);
        lastAck = at;
        now = at;
        oldest = Infinity;
        waiting = 0;
        policy.onAckSent(at);
        assert(!policy.isDue(at));
      }
      now = next;
      policy.onPacket(now, number++, eliciting, immediate, outOfOrder);
      if (eliciting !== 0) {
        oldest = Math.min(oldest, now);
        waiting++;
      }
      assertEquals(policy.hasPending, oldest < Infinity);
      assertEquals(policy.dueAtUs < Infinity, policy.hasPending);
    }
  }));
});
