// IPv6 on real machines: link-local sockets.

import { assertEquals } from "@std/assert";
import { eventually } from "../support/captured_process.ts";
import { environmentOf } from "../support/cli.ts";
import { liveTest } from "../support/live.ts";
import { HanaUser } from "../support/hana_process.ts";
import type { Machine } from "../support/namespaces.ts";
import { ZONE_SENTENCES } from "../unit/platform/conformance_zones.ts";

const ZONES_PROGRAM = new URL("./programs/zones.ts", import.meta.url).pathname;

/** Waits until the system has found out that nobody else has its link-local addresses (RFC 4862 section 5.4). */
async function settled(...machines: readonly Machine[]): Promise<void> {
  for (const machine of machines) {
    await eventually(`${machine.name} may use its addresses`, async () => {
      const { stdout } = await machine.run("ip", ["-6", "address", "show", "tentative"]);
      return stdout.trim() === "" ? true : null;
    });
  }
}

liveTest("on a real machine with two interfaces all sentences on link-local IPv6 hold", async (network) => {
  network.addSegment("left");
  network.addSegment("right");
  const segments = ["left", "right"].map((segment) => ({ segment, address: null }));
  const machine = network.addMachine("a", { segments });
  await settled(machine);
  const flags = ["run", "--quiet", "--no-check", "--unstable-net", "--allow-all", ZONES_PROGRAM];
  const { home } = new HanaUser(machine);
  const ran = await machine.run(Deno.execPath(), flags, { env: environmentOf(home) });
  assertEquals(ran.stderr, "");
  assertEquals(ran.stdout.trim().split("\n"), Object.keys(ZONE_SENTENCES));
});
