// A short run of the fuzzer with every test run; the long one is started by name.

import { assert, assertEquals } from "@std/assert";
import { fuzzSecurity } from "../../fuzz/security_fuzz.ts";

Deno.test("thousands of broken handshakes, records, datagrams, codes and key files do no harm", () => {
  const report = fuzzSecurity(1, 8000);
  assertEquals(report.accepted + report.refused, 8000);
  assert(report.accepted > 0, "some mutations change nothing, and those must be accepted");
  assert(report.refused > 7000);
});

Deno.test("the same seed feeds the same inputs", () => {
  assertEquals(fuzzSecurity(7, 1000), fuzzSecurity(7, 1000));
});
