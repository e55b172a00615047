// A short run of the fuzzer; the long ones run on their own.

import { assert, assertEquals } from "@std/assert";
import { fuzzDiscovery } from "../../fuzz/discovery_fuzz.ts";

Deno.test("20,000 broken datagrams do no harm, and some of them are taken", () => {
  const report = fuzzDiscovery(1, 20_000);
  assertEquals(report.accepted + report.refused, 20_000);
  assert(report.accepted > 100, `${report.accepted} accepted`);
  assertEquals(fuzzDiscovery(1, 1_000), fuzzDiscovery(1, 1_000));
});
