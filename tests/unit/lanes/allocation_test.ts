// Memory of a steady state: what packets leave behind once they are through. Each load runs in a process of its own, whose
// heap nothing else fills. LANES_ALLOCATION_PACKETS sets how many packets go through sockets (100,000).

import { assert } from "@std/assert";
import type { AllocationReport } from "../../support/lanes/allocation.ts";

const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const PROGRAM = new URL("../../support/lanes/allocation.ts", import.meta.url).pathname;
const CORE_PACKETS = 1_000_000;
const SOCKET_PACKETS: number = Number(Deno.env.get("LANES_ALLOCATION_PACKETS") ?? 100_000);
const MAX_KEPT = 8;

async function report(where: string, load: string, packets: number): Promise<AllocationReport> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "-A", "--no-check", "--no-prompt", "--frozen", "--v8-flags=--expose-gc"],
      ...["--config", CONFIG, PROGRAM, where, load, String(packets)],
    ],
    stdin: "null",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as AllocationReport;
}

for (const load of ["unreliable", "sequenced", "reliable"]) {
  Deno.test(`a million packets of ${load} messages between two connections leave nothing in memory and allocate less than an object each`, async () => {
    const figures = await report("core", load, CORE_PACKETS);
    const seen = JSON.stringify(figures);
    assert(figures.packets >= CORE_PACKETS, seen);
    assert(figures.keptPerPacket <= MAX_KEPT, seen);
    // Times and counts beyond 2^31 are numbers of 16 B on V8's heap; an object or a view takes 100 B and more.
    assert(figures.allocatedPerPacket <= 250, seen);
  });
}

for (const load of ["unreliable", "reliable"]) {
  Deno.test(`${SOCKET_PACKETS} sealed packets of ${load} messages through two sockets leave nothing in memory`, async () => {
    const figures = await report("udp", load, SOCKET_PACKETS);
    const seen = JSON.stringify(figures);
    // Of a backlog several messages share a packet, and what a packet leaves would be counted for few.
    assert(figures.keptPerPacket * figures.packets / SOCKET_PACKETS <= MAX_KEPT, seen);
    // The runtime's own sends and receives take 2.1 kB a packet. A packet carries one message, or several of a backlog.
    assert(figures.packets <= 2 * SOCKET_PACKETS, seen);
    assert(figures.allocatedPerPacket * figures.packets / SOCKET_PACKETS <= 5_000, seen);
  });
}
