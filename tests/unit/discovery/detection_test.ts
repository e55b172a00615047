// Failure detection in numbers, in short: the model of scripts/benchmarks/failure_detection.ts with fixed seeds. The whole
// table stands in docs/failure-detection.md.

import { assert, assertEquals } from "@std/assert";
import { type Outcome, percentile, runPlan } from "../../../scripts/benchmarks/detection/crashes.ts";
import { cutPairs, deafReceivers, independent } from "../../../scripts/benchmarks/detection/loss_models.ts";
import { Network, SECOND } from "../../../scripts/benchmarks/detection/network.ts";

function lossy(nodes: number, share: number, seconds: number, crashes = true): Outcome {
  return runPlan({ nodes, seconds, seed: 11, loss: (_nodes, seed) => independent(share, seed), crashes });
}

for (const [nodes, seconds] of [[2, 3_000], [5, 5_000], [20, 500], [100, 60]] as const) {
  Deno.test(`of ${nodes} nodes everyone knows of a crash within 6 s at up to 5 % loss, and nobody dies alive`, () => {
    for (const share of [0, 0.05]) {
      const outcome = lossy(nodes, share, seconds);
      assertEquals([outcome.missed, outcome.falseDeaths], [0, 0]);
      const [p50, p99] = [percentile(outcome.each, 0.5), percentile(outcome.each, 0.99)];
      assert(p50 <= 5 && p99 <= 6, `p50 ${p50} s, p99 ${p99} s at ${share}`);
    }
  });

  Deno.test(`of ${nodes} nodes everyone knows of a crash within 8 s at 30 % loss, and nobody dies alive`, () => {
    const outcome = lossy(nodes, 0.3, seconds);
    assertEquals([outcome.missed, outcome.falseDeaths], [0, 0]);
    const p99 = percentile(outcome.each, 0.99);
    assert(p99 <= 8, `p99 ${p99} s`);
  });
}

Deno.test("hours of 30 % loss between few nodes kill nobody", () => {
  for (const nodes of [2, 3, 5]) {
    const outcome = lossy(nodes, 0.3, 10_000, false);
    assertEquals(outcome.falseList, [], `${nodes} nodes`);
    assert(outcome.suspected > 20, "there was something to get wrong");
  }
});

Deno.test("receivers that are deaf for 2 s again and again take nobody for dead", () => {
  const outcome = runPlan({
    nodes: 30,
    seconds: 100,
    seed: 3,
    loss: (nodes, seed) => deafReceivers(nodes, 0.3, 2 * SECOND, seed),
    crashes: false,
  });
  assertEquals(outcome.falseList, []);
  assert(outcome.isolations > 0, "some found themselves cut off");
});

Deno.test("pairs between which nothing passes for 2 s again and again take nobody for dead", () => {
  const outcome = runPlan({
    nodes: 30,
    seconds: 100,
    seed: 4,
    loss: (nodes, seed) => cutPairs(nodes, 0.1, 2 * SECOND, seed),
    crashes: false,
  });
  assertEquals(outcome.falseList, []);
  assert(outcome.suspected > 0);
});

Deno.test("a process that is stopped for 10 s among 50 takes nobody for dead when it goes on", () => {
  const lost: string[] = [];
  let stopped = -1;
  const network = new Network(9, (_nowUs, station, event) => {
    if (event.kind === "lost" && station.index === stopped) lost.push(event.id);
  });
  for (let i = 0; i < 50; i++) network.add();
  network.run(10 * SECOND);
  const one = network.stations[7];
  assert(one !== undefined);
  stopped = 7;
  network.freeze(one);
  network.run(10 * SECOND);
  network.thaw(one);
  network.run(20 * SECOND);
  assertEquals(lost, []);
  assertEquals(one.core.registry.snapshot().filter(({ state }) => state === "alive").length, 49);
});
