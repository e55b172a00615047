// One suite for both platforms: what hana relies on must hold on a machine and in the simulated world alike.

import type { Sentence } from "./conformance.ts";
import { databaseConformance } from "./conformance_databases.ts";
import { datagramConformance } from "./conformance_datagrams.ts";
import { fileConformance } from "./conformance_files.ts";
import { processConformance } from "./conformance_processes.ts";
import { machineConformance } from "./conformance_machine.ts";
import { streamConformance } from "./conformance_streams.ts";
import { type Harness, realHarness, simulatedHarness } from "./harness.ts";

function conformance(name: string, make: () => Promise<Harness>): void {
  const test: Sentence = (sentence, body) =>
    Deno.test(`${name}: ${sentence}`, async () => {
      const harness = await make();
      try {
        await body(harness);
      } finally {
        await harness.close();
      }
    });
  machineConformance(test);
  fileConformance(test);
  databaseConformance(test);
  datagramConformance(test);
  streamConformance(test);
  processConformance(test);
}

conformance("this machine", realHarness);
conformance("simulated", () => simulatedHarness("whole"));
conformance("simulated, random pieces", () => simulatedHarness("random"));
