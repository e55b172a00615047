// A program's copy that keeps itself connected: when it looks for a host, and what it does with what it hears.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { MAX_RETRY_US, RETRY_US, STATE_HOST } from "../../../../lib/state/service/mod.ts";
import { Stage } from "./stage.ts";

/** The pauses between attempts. */
function pauses(attempts: readonly number[]): number[] {
  return attempts.slice(1).map((atUs, index) => atUs - (attempts[index] ?? 0));
}

Deno.test("attempts come after pauses that double to a second, each spread by half of it", async () => {
  const stage = new Stage(1);
  const desk = stage.desk("ann");
  desk.canReach = false;
  await stage.synced(desk);
  assertEquals(desk.attempts.length, 1, "the first one was on its way already");
  desk.attempts.length = 0;
  desk.wire?.[0].close();
  await stage.until(() => desk.attempts.length === 9, "attempts");
  const wanted = [2, 4, 8, 16, 32, 64, 128, 256].map((factor) => Math.min(factor * RETRY_US, MAX_RETRY_US));
  for (const [index, pauseUs] of pauses(desk.attempts).entries()) {
    const around = wanted[index] ?? 0;
    assert(pauseUs >= around / 2 && pauseUs <= around * 1.5, `pause ${index} is ${pauseUs}, not ${around}`);
  }
  assertEquals(wanted.at(-1), MAX_RETRY_US);
  assert(desk.service.lastFailure instanceof HanaError);
  // What was written meanwhile goes out when there is a host again.
  stage.write(desk, "hue", 3);
  desk.canReach = true;
  await stage.synced(desk);
  assertEquals(stage.valueOf(desk, "hue"), 3);
  assertEquals([desk.service.lastFailure, stage.crashes], [null, []]);
});

Deno.test("many programs that lose a host at once do not come back at once", async () => {
  const stage = new Stage(2);
  const desks = Array.from({ length: 30 }, (_, index) => stage.desk(`desk-${index}`));
  await stage.synced(...desks);
  for (const desk of desks) {
    desk.attempts.length = 0;
    desk.wire?.[0].close();
  }
  await stage.until(() => desks.every(({ attempts }) => attempts.length > 0), "all try again");
  const firsts = desks.map(({ attempts }) => attempts[0] ?? 0).sort((a, b) => a - b);
  assert((firsts.at(-1) ?? 0) - (firsts[0] ?? 0) > RETRY_US / 2, "they are spread");
  await stage.synced(...desks);
});

Deno.test("two processes of one node take turns no more than once a second, though each is welcomed", async () => {
  const stage = new Stage(3);
  const one = stage.desk("one", 7);
  await stage.synced(one);
  const two = stage.desk("two", 7);
  await stage.world.runFor(30_000_000);
  const attempts = one.attempts.length + two.attempts.length;
  assert(attempts > 4, "each tries again");
  assert(attempts < 100, `${attempts} attempts in 30 s`);
  assertEquals(stage.host.host.holding.clients.size, 1, "and they are one client at any time");
  const closed = one.service.close();
  await stage.world.runFor(1_000_000);
  await closed;
  await stage.synced(two);
  await stage.world.runFor(10_000_000);
  assert(two.service.replica.isSynced);
});

Deno.test("bytes that are no message are counted, and harm nothing", async () => {
  const stage = new Stage(4);
  const desk = stage.desk("ann");
  await stage.synced(desk);
  for (const bytes of [new Uint8Array(0), new Uint8Array([255]), new Uint8Array(5_000).fill(7)]) {
    desk.wire?.[1].send(bytes);
  }
  await stage.world.runFor(100_000);
  assertEquals(desk.service.counters.malformed, 3);
  stage.write(desk, "hue", 5);
  await stage.synced(desk);
  assertEquals(stage.valueOf(desk, "hue"), 5);
});

Deno.test("a listener that throws is counted, and the others hear all", async () => {
  const stage = new Stage(5);
  const desk = stage.desk("ann");
  desk.service.onBatch(() => {
    throw new Error("a listener of the test");
  });
  let batches = 0;
  const stop = desk.service.onBatch(() => batches++);
  await stage.synced(desk);
  assert(batches > 0 && desk.service.counters.listenerFailures === batches);
  stop();
  const before = batches;
  stage.write(desk, "hue", 1);
  await stage.synced(desk);
  assertEquals([batches, stage.crashes], [before, []]);
});

Deno.test("a program that leaves is gone at once, and nothing of it goes on", async () => {
  const stage = new Stage(6);
  const desk = stage.desk("ann");
  const other = stage.desk("bob");
  await stage.synced(desk, other);
  const closed = desk.service.close();
  await stage.world.runFor(50_000);
  await closed;
  assertEquals(stage.host.host.holding.clients.size, 1);
  assertEquals(stage.events.some((event) => event.kind === "gone" && event.why === "left"), true);
  const attempts = desk.attempts.length;
  await stage.world.runFor(20_000_000);
  assertEquals(desk.attempts.length, attempts);
  await desk.service.close();
});

Deno.test("a program that ends without a word keeps its place for a minute", async () => {
  const stage = new Stage(7);
  const desk = stage.desk("ann");
  await stage.synced(desk);
  desk.service.abandon();
  await stage.world.runFor(59_000_000);
  assertEquals([...stage.host.host.holding.clients.all()].map(({ state }) => state), ["suspended"]);
  await stage.world.runFor(2_000_000);
  assertEquals(stage.host.host.holding.clients.size, 0);
});

Deno.test("who leaves while an attempt is under way leaves no link behind", async () => {
  const stage = new Stage(8);
  const desk = stage.desk("ann");
  await desk.service.close();
  await stage.world.runFor(1_000_000);
  assertEquals(desk.wire?.[0].isClosed, true);
  assertEquals([stage.host.links, stage.host.host.holding.clients.size], [0, 0]);
});

Deno.test("a host that says nothing any more is given up, and another way is looked for", async () => {
  const stage = new Stage(9);
  const desk = stage.desk("ann");
  await stage.synced(desk);
  const [, far] = desk.wire ?? [];
  assert(far !== undefined);
  far.isClogged = true;
  const startUs = stage.nowUs;
  await stage.until(() => desk.attempts.length === 2, "another attempt");
  const silentUs = stage.nowUs - startUs;
  assert(silentUs > 7_000_000 && silentUs < 21_000_000, `after ${silentUs} us`);
  assert(desk.events.some((event) => event.kind === "silent" && event.isSilent));
  await stage.synced(desk);
  assertEquals(desk.events.filter(({ kind }) => kind === "joined").length, 2);
});

Deno.test("asking while nobody hosts is refused with the reason, not left without an answer", async () => {
  const stage = new Stage(10);
  const desk = stage.desk("ann");
  await stage.synced(desk);
  desk.canReach = false;
  desk.wire?.[0].close();
  await stage.world.runFor(400_000);
  const error = await assertRejects(() => desk.service.ask(STATE_HOST, {}), HanaError);
  assertEquals(error.code, "unreachable");
});
