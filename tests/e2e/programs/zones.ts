// The sentences on link-local IPv6, on this machine's own sockets: prints each that holds, ends with 1 at the first
// that does not. Wants interfaces eth0 and eth1 whose link-local addresses can be used.

// deno-lint-ignore-file no-console

import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { ZONE_SENTENCES } from "../../unit/platform/conformance_zones.ts";

const DEADLINE_MS = 10_000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const platform = denoPlatform({
  onCrash: (error) => {
    throw error;
  },
});
const machine = {
  platform,
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
      await sleep(1);
    }
  },
  settle: <T>(promise: Promise<T>): Promise<T> => promise,
  quiet: () => sleep(50),
};
for (const [sentence, run] of Object.entries(ZONE_SENTENCES)) {
  await run(machine);
  console.log(sentence);
}
Deno.exit(0);
