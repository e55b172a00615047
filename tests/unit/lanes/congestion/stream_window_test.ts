// The bound on what lies in kernel buffers of a stream: fresh on a slow one, no brake on a fast one.

import { assert, assertEquals } from "@std/assert";
import { MIN_STREAM_WINDOW_BYTES, StreamWindow } from "../../../../lib/lanes/congestion/mod.ts";
import { RttEstimator } from "../../../../lib/lanes/recovery/mod.ts";

interface Figures {
  rate: number;
  /** Most that ever lay between the ends after the first second. */
  most: number;
  widest: number;
}

/** Packets of 16 KiB through a pipe of `rate` with kernel buffers that take all of it; each is acknowledged `delayUs` after it came out. */
function run(
  rate: number,
  delayUs: number,
  forUs: number,
  window = new StreamWindow(),
  startUs = 0,
): Figures {
  const bytes = 16_384;
  const rtt = new RttEstimator();
  const acks: { atUs: number; sentAtUs: number }[] = [];
  let [nowUs, freeAtUs, inFlight, done, most, widest] = [startUs, startUs, 0, 0, 0, 0];
  while (nowUs < startUs + forUs) {
    while (inFlight < window.windowBytes) {
      inFlight += bytes;
      window.onSent(nowUs, bytes, inFlight);
      freeAtUs = Math.max(freeAtUs, nowUs) + bytes * 1e6 / rate;
      acks.push({ atUs: freeAtUs + delayUs, sentAtUs: nowUs });
      if (nowUs > startUs + forUs / 4) most = Math.max(most, inFlight);
    }
    const ack = acks.shift();
    if (ack === undefined) break;
    nowUs = Math.max(nowUs, Math.round(ack.atUs));
    inFlight -= bytes;
    done += bytes;
    rtt.update(nowUs, nowUs - ack.sentAtUs, 0);
    window.onAcked(nowUs, bytes, ack.sentAtUs, rtt, inFlight, false);
    widest = Math.max(widest, window.windowBytes);
  }
  return { rate: done * 1e6 / forUs, most, widest };
}

Deno.test("a link of 1 MB/s with 4 MB of kernel buffers holds 64 KiB and a packet, for a minute, at full rate", () => {
  const { rate, most, widest } = run(1_000_000, 200, 60_000_000);
  assert(rate > 990_000, `${rate}`);
  assertEquals(widest, MIN_STREAM_WINDOW_BYTES);
  assert(most <= MIN_STREAM_WINDOW_BYTES + 16_384, `${most}`);
});

Deno.test("a link of 1 MB/s that is 50 ms long holds what it delivers in two of its round trips", () => {
  const { rate, widest } = run(1_000_000, 50_000, 60_000_000);
  assert(rate > 950_000, `${rate}`);
  assert(widest <= 2.1 * 1_000_000 * 0.0664, `${widest}`);
});

Deno.test("a local stream with an acknowledgement after 100 µs carries more than 300 MB/s", () => {
  const { rate } = run(2_000_000_000, 100, 2_000_000);
  assert(rate > 300e6, `${rate}`);
});

Deno.test("a local stream whose reader answers after 1 ms opens the window", () => {
  const { rate } = run(2_000_000_000, 1_000, 2_000_000);
  assert(rate > 300e6, `${rate}`);
});

Deno.test("a stream that gets slower falls back to the least", () => {
  const window = new StreamWindow();
  assert(run(200_000_000, 2_000, 2_000_000, window).widest > 500_000);
  run(1_000_000, 2_000, 5_000_000, window, 2_000_000);
  assertEquals(window.windowBytes, MIN_STREAM_WINDOW_BYTES);
});

Deno.test("another path starts over", () => {
  const window = new StreamWindow();
  run(200_000_000, 2_000, 1_000_000, window);
  window.onPathChanged(0);
  assertEquals(window.windowBytes, MIN_STREAM_WINDOW_BYTES);
  window.onLost(0, 100, 0);
  window.onPto(0);
  window.handleTick(0);
  assertEquals([window.windowBytes, window.nextTickUs], [MIN_STREAM_WINDOW_BYTES, Infinity]);
});
