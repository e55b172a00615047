import { assert, assertEquals } from "@std/assert";
import type { EchoChannel } from "../../../../cli/bench/channels.ts";
import { EchoDriver } from "../../../../cli/bench/echo_driver.ts";
import { LatencyHistogram } from "../../../../cli/bench/latency.ts";

/** A channel whose answers come as the test says. */
class FakeChannel implements EchoChannel {
  onReply: (bytes: Uint8Array) => void = () => {};
  sent = 0;
  constructor(
    private readonly answer: (channel: FakeChannel, bytes: Uint8Array, number: number) => boolean,
  ) {}
  send(payload: Uint8Array): boolean {
    return this.answer(this, payload.slice(), this.sent++);
  }
  close(): void {}
}

function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

Deno.test("a stall counts in every message that it delayed, not only in the one that it hit", async () => {
  // 1,000 a second for 200 ms, and one answer that holds everything up for 50 ms.
  const channel = new FakeChannel((own, bytes, number) => {
    if (number === 50) stall(50);
    own.onReply(bytes);
    return true;
  });
  const histogram = new LatencyHistogram();
  const count = await new EchoDriver(channel, 64).run({ ratePerS: 1_000, durationUs: 200_000 }, histogram);
  assertEquals([count.sent, count.received, count.refused], [200, 200, 0]);
  // 50 messages were due meanwhile: they waited 49, 48, … ms. A driver that times from sending sees one long one.
  assert(histogram.percentile(0.9) > 20_000, `p90 is ${histogram.percentile(0.9)} us`);
  assert(histogram.percentile(0.99) > 40_000, `p99 is ${histogram.percentile(0.99)} us`);
});

Deno.test("an answer that never comes is lost, one that comes twice counts once, and a refusal is no loss", async () => {
  const channel = new FakeChannel((own, bytes, number) => {
    if (number % 10 === 3) return false;
    if (number % 10 === 4) return true;
    own.onReply(bytes);
    if (number % 10 === 5) own.onReply(bytes);
    return true;
  });
  const histogram = new LatencyHistogram();
  const count = await new EchoDriver(channel, 16).run({ ratePerS: 1_000, durationUs: 20_000 }, histogram);
  assertEquals(count, { sent: 20, refused: 2, received: 16 });
  assertEquals(histogram.count, 16);
});

Deno.test("one after the other, the next message waits for the answer to the last", async () => {
  let underWay = 0;
  let most = 0;
  const channel = new FakeChannel((own, bytes) => {
    most = Math.max(most, ++underWay);
    queueMicrotask(() => {
      underWay--;
      own.onReply(bytes);
    });
    return true;
  });
  const histogram = new LatencyHistogram();
  const count = await new EchoDriver(channel, 64).run({ ratePerS: null, durationUs: 20_000 }, histogram);
  assertEquals(most, 1);
  assert(count.received > 10 && count.received === count.sent, JSON.stringify(count));
});

Deno.test("one after the other, a lost answer does not end the run", async () => {
  const channel = new FakeChannel((own, bytes, number) => {
    if (number !== 0) queueMicrotask(() => own.onReply(bytes));
    return true;
  });
  const count = await new EchoDriver(channel, 64).run(
    { ratePerS: null, durationUs: 520_000 },
    new LatencyHistogram(),
  );
  assert(count.sent > 1 && count.received === count.sent - 1, JSON.stringify(count));
});

Deno.test("an answer to an earlier run is not counted in the next one", async () => {
  const late: Uint8Array[] = [];
  let isLate = true;
  const channel = new FakeChannel((own, bytes) => {
    if (isLate) late.push(bytes);
    else {
      for (const old of late.splice(0)) own.onReply(old);
      own.onReply(bytes);
    }
    return true;
  });
  const driver = new EchoDriver(channel, 64);
  assertEquals(
    (await driver.run({ ratePerS: 1_000, durationUs: 5_000 }, new LatencyHistogram())).received,
    0,
  );
  isLate = false;
  assertEquals(
    (await driver.run({ ratePerS: 1_000, durationUs: 5_000 }, new LatencyHistogram())).received,
    5,
  );
});
