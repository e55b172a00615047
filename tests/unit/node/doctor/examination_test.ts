// A whole examination on simulated machines: the very nodes that ship, and an observer among them.

import { assert, assertEquals } from "@std/assert";
import {
  conclusionOf,
  examine,
  type ExamineOptions,
  machineChecks,
  type Observations,
  peerChecks,
} from "../../../../lib/node/doctor/mod.ts";
import type { Platform } from "../../../../lib/platform/mod.ts";
import { MeshKey, MeshKeyRing, openMeshKeyRing } from "../../../../lib/security/mod.ts";
import { nodeOptions, Park } from "../support.ts";

const keys = new MeshKeyRing(new MeshKey(new Uint8Array(32).fill(9)), null);
const served = (name: string) => ({ name, keys, discovery: {} });

function examined(
  park: Park,
  platform: Platform,
  change: Partial<ExamineOptions> = {},
): Promise<Observations> {
  return park.settle(examine(platform, {
    node: { ...nodeOptions({ keys, discovery: {} }), role: "observer" },
    targets: [],
    isLocalOnly: false,
    listed: [],
    storage: [{ what: "state directory", path: "/var/hana" }],
    timeoutUs: 15_000_000,
    system: () => Promise.resolve({ portHolders: null, maxReceiveBuffer: null, igmp: null, firewalls: null }),
    ...change,
  }));
}

function troubles(seen: Observations): string[] {
  const checks = [...machineChecks(seen), ...peerChecks(seen)];
  return checks.filter(({ verdict }) => verdict === "fail" || verdict === "warn")
    .map(({ id, node, verdict }) => `${node ?? "-"} ${id} ${verdict}`);
}

Deno.test("among healthy machines every way works in both directions", async () => {
  const park = new Park(31);
  const observer = park.host("doctor").platform;
  await park.start(park.host("one").platform, served("one"));
  await park.start(park.host("two", 3_600_000).platform, served("two"));
  await park.world.runFor(3_000_000);
  const seen = await examined(park, observer);
  assertEquals(seen.peers.map(({ name, known }) => [name, known]), [["one", "heard"], ["two", "heard"]]);
  for (const { links, session } of seen.peers) {
    const four = links.filter(({ family }) => family === "ipv4");
    assertEquals(four.length, 1);
    for (const link of four) {
      assert(link.large.answered > 0 && link.rttUs !== null && link.rttUs >= 400);
      for (const way of ["unicast", "multicast", "broadcast"] as const) {
        assert(link.out[way].answered > 0 && link.in[way] > 0, `${way} ${JSON.stringify(link)}`);
      }
    }
    assertEquals(session?.problem, null);
  }
  // The one clock that is an hour ahead, and nothing else.
  assertEquals(troubles(seen), ["two clock warn"]);
  const offset = seen.peers[1]?.clock?.offsetMs ?? 0;
  assert(Math.abs(offset - 3_600_000) < 5, `${offset}`);
  assertEquals(park.crashes, []);
});

Deno.test("a machine to which nothing sent to all comes is told from one that is gone", async () => {
  const park = new Park(32);
  const observer = park.host("doctor").platform;
  const deafHost = park.host("deaf");
  await park.start(deafHost.platform, served("deaf"));
  const gone = park.host("gone");
  const goneNode = await park.start(gone.platform, served("gone"));
  const listed = [deafHost, gone].length;
  await park.world.runFor(3_000_000);
  const views = goneNode.nodes().map((view) => ({ ...view, self: false }));
  deafHost.setGroupLoss(1);
  gone.crash();
  const seen = await examined(park, observer, { listed: views });
  assertEquals(seen.peers.length, listed);
  const found = troubles(seen);
  assert(found.includes("deaf multicast-out fail"), found.join());
  assert(found.includes("gone reached fail") && found.includes("gone session fail"), found.join());
  assert(!found.some((text) => text.startsWith("deaf unicast")), found.join());
});

Deno.test("only who is named is examined, by name, id or address; others are said to be unknown", async () => {
  const park = new Park(33);
  const observer = park.host("doctor").platform;
  const one = await park.start(park.host("one").platform, served("one"));
  await park.start(park.host("two").platform, served("two"));
  await park.world.runFor(3_000_000);
  for (const targets of [["one"], [one.id.slice(0, 8)], ["10.0.0.2"]]) {
    const seen = await examined(park, observer, { targets });
    assertEquals([seen.peers.map(({ name }) => name), seen.unknown], [["one"], []], targets.join());
  }
  const seen = await examined(park, observer, { targets: ["three", "10.0.0.99"] });
  assertEquals([seen.peers, seen.unknown], [[], ["three", "10.0.0.99"]]);
});

Deno.test("machines with another key or none are strangers, not peers", async () => {
  const park = new Park(34);
  const observer = park.host("doctor").platform;
  const other = new MeshKeyRing(new MeshKey(new Uint8Array(32).fill(1)), null);
  await park.start(park.host("one").platform, { ...served("one"), keys: other });
  await park.start(park.host("two").platform, { ...served("two"), keys: openMeshKeyRing() });
  await park.world.runFor(500_000);
  const seen = await examined(park, observer);
  assertEquals(seen.peers, []);
  assertEquals(seen.strangers.map(({ kind, source }) => [kind, source]).sort(), [
    ["other-key", "10.0.0.2"],
    ["other-key", "10.0.0.3"],
  ]);
  assertEquals(troubles(seen), ["- keys fail"]);
});

Deno.test("an examination of one machine alone asks nobody and ends soon", async () => {
  const park = new Park(35);
  const observer = park.host("doctor").platform;
  await park.start(park.host("one").platform, served("one"));
  const startUs = park.world.nowUs;
  const seen = await examined(park, observer, { isLocalOnly: true });
  assert(park.world.nowUs - startUs < 1_500_000);
  assertEquals([seen.peers, troubles(seen)], [[], []]);
  const [eth0] = seen.links;
  assert((eth0?.echo.multicast.answered ?? 0) > 0 && (eth0?.echo.broadcast.answered ?? 0) > 0);
  assertEquals(
    conclusionOf([], { peers: 0, isLocalOnly: true }),
    "this machine is well, as far as it can tell alone",
  );
});
