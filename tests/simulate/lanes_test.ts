// Lanes on networks that once cost a session: runs that failed, with the seed with which they did.

import { assert, assertEquals } from "@std/assert";
import { catalogue, normaliseScenario, runScenario, type Scenario } from "../../lib/simulate/mod.ts";

function scenario(name: string): Scenario {
  const entry = catalogue().find((each) => each.name === name);
  assert(entry !== undefined, name);
  const [first] = normaliseScenario(entry.raw, { source: name });
  assert(first !== undefined);
  return first;
}

Deno.test("a stream that waits for retransmissions after a burst of loss costs no request", async () => {
  // Four seconds of bursts: TCP waits three seconds for its next try, by which time the session would be over.
  const result = await runScenario(scenario("loss-burst"), { seed: 1_537_488_401, software: "0.1.0" });
  assertEquals(result.violations, []);
  assertEquals(result.verdict, "pass", result.reason ?? "");
  assertEquals(result.metrics["session.lost"]?.value, 0);
});

Deno.test("a firewall in the show moves lanes to streams and back, twice the same", async () => {
  const play = () => runScenario(scenario("udp-blocked-midway-and-back"), { seed: 3, software: "0.1.0" });
  const first = await play();
  assertEquals(first.verdict, "pass", first.reason ?? "");
  assertEquals(await play(), first);
});
