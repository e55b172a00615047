// The claims of a host by example: the evening of a lost desk, leases, settling, standbys, bounds.

import { assert, assertEquals } from "@std/assert";
import {
  ClaimTable,
  LEASED,
  MOMENTARY,
  type PathChange,
  PICK_UP,
  SETTLE_US,
} from "../../../../lib/state/merge/mod.ts";
import type { ParameterDefinition } from "../../../../lib/state/model/mod.ts";
import { client, defined, HUE, path, seconds } from "./support.ts";

const [DESK, APP, PAD] = [client(1), client(2), client(3)];

function tableOf(parts: Partial<ParameterDefinition> = {}): ClaimTable {
  const table = new ClaimTable({ term: 1 });
  table.handleDefinition(HUE, defined(parts));
  for (const each of [DESK, APP, PAD]) table.handleJoin(each);
  return table;
}

function changesOf(table: ClaimTable): PathChange[] {
  const changes: PathChange[] = [];
  for (let change = table.pollChange(); change !== null; change = table.pollChange()) {
    changes.push({ ...change });
  }
  return changes;
}

function shown(table: ClaimTable): readonly [unknown, number, number] {
  const winner = table.winner(HUE);
  return [winner?.value, Number(winner?.holder), winner?.priority ?? -1];
}

Deno.test("a lost desk's look holds until somebody takes it, and the desk hears who when it is back", () => {
  const table = tableOf();
  assertEquals(table.handleSet(0, HUE, DESK, 0.5, 150), "stands");
  assertEquals(table.handleSet(0, HUE, APP, 0.25, 100), "shadowed");
  table.handleLost(seconds(7.5), DESK);
  assertEquals(shown(table), [0.5, 1, 150], "nothing changes on the wall");
  assertEquals(table.handleSet(seconds(22), HUE, PAD, 0.75, 100), "stands", "though the lost desk had 150");
  assertEquals(table.handleReturn(seconds(41), DESK), [{ path: HUE, by: PAD }]);
  assertEquals(shown(table), [0.75, 3, 100]);
});

Deno.test("a desk that is back takes up what nobody touched meanwhile", () => {
  const table = tableOf();
  table.handleSet(0, HUE, DESK, 0.5, 150);
  table.handleLost(seconds(7.5), DESK);
  changesOf(table);
  assertEquals(table.handleReturn(seconds(41), DESK), []);
  assertEquals(table.claim(HUE, DESK)?.standing, "live");
  assertEquals(changesOf(table), [], "nobody sees anything");
});

Deno.test("a desk that is forgotten leaves its look to nobody, and an older lower claim does not take it by itself", () => {
  const table = tableOf();
  table.handleSet(0, HUE, APP, 0.25, 100);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  table.handleLost(seconds(7.5), DESK);
  table.handleForget(DESK);
  assertEquals(shown(table), [0.5, 0, 0]);
  assertEquals(table.explain(0, HUE)?.claims.map((claim) => [claim.client, claim.fate]), [
    [null, "stands"],
    [APP, "before-loss"],
  ]);
  assertEquals(table.handleSet(seconds(80), HUE, APP, 0.25, 1), "stands");
});

Deno.test("a clean leave gives the path to the next claim at once", () => {
  const table = tableOf();
  table.handleSet(0, HUE, APP, 0.25, 100);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  changesOf(table);
  table.handleLeave(DESK);
  assertEquals(changesOf(table).map(({ from, to, cause }) => [from, to, cause]), [[DESK, APP, "left"]]);
  assertEquals(table.size, 1, "nothing is left of it");
});

Deno.test("a flash shows while it is held, leaves no trace, and ends by itself when its pad is unplugged", () => {
  const table = tableOf();
  table.handleSet(0, HUE, APP, 0.25, 100);
  table.handleSet(0, HUE, PAD, 1, 120, MOMENTARY);
  assertEquals(shown(table), [1, 3, 120]);
  assertEquals(table.pollTimeout(), { atUs: 2_500_000, reason: "lease" });
  assertEquals(table.handleRefresh(seconds(1), HUE, PAD), true);
  table.handleTimeout(seconds(2.5));
  assertEquals(shown(table), [1, 3, 120], "it was refreshed");
  table.handleTimeout(seconds(3.5));
  assertEquals(shown(table), [0.25, 2, 100]);
  assertEquals(table.pollTimeout(), null);
});

Deno.test("a flash on a path that nobody controls goes back to the look that was there", () => {
  const table = tableOf({ default: 0.125 });
  table.handleSet(0, HUE, PAD, 1, 100, MOMENTARY);
  table.handleSet(0, HUE, PAD, 0, 0);
  assertEquals(shown(table), [0.125, 0, 0]);
  table.handleSet(0, HUE, APP, 0.5, 100);
  table.handleSet(0, HUE, PAD, 1, 100, MOMENTARY);
  table.handleSet(0, HUE, APP, 0, 0);
  table.handleSet(0, HUE, PAD, 0, 0);
  assertEquals(shown(table), [0.5, 0, 0]);
});

Deno.test("a blackout of the host covers a lost desk's look and gives it back", () => {
  const table = tableOf();
  table.handleSet(0, HUE, DESK, 0.5, 150);
  table.handleLost(0, DESK);
  assertEquals(table.handleSet(0, HUE, client(0), 0, 255), "stands");
  assertEquals(shown(table), [0, 0, 255]);
  assertEquals(table.explain(0, HUE)?.claims.map((claim) => claim.fate), ["stands", "lower-priority"]);
  assertEquals(table.handleSet(0, HUE, client(0), 0, 0), "released");
  assertEquals(shown(table), [0.5, 1, 150]);
  assertEquals(table.handleReturn(0, DESK), []);
});

Deno.test("a path that falls back asks the others first, and waits until none of them is in doubt", () => {
  const table = tableOf({ onLoss: "fallback" });
  table.handleSet(0, HUE, PAD, 0.125, 90);
  table.handleSet(0, HUE, APP, 0.25, 100);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  table.handleLost(seconds(7.5), DESK);
  assertEquals(shown(table), [0.5, 1, 150]);
  assertEquals(table.winner(HUE)?.reason, "settling");
  assertEquals(table.explain(seconds(8), HUE)?.settleLeftUs, seconds(2));
  const asked = [table.pollProbe(), table.pollProbe(), table.pollProbe()];
  assertEquals(asked.toSorted(), [APP, PAD, null]);
  table.noteHeard(PAD);
  assertEquals(shown(table), [0.5, 1, 150], "the app may still be there");
  table.noteHeard(APP);
  assertEquals(shown(table), [0.25, 2, 100]);
  assertEquals(table.pollTimeout(), null);
});

Deno.test("when a switch dies a path that falls back goes to nobody who died with it", () => {
  const table = tableOf({ onLoss: "fallback" });
  table.handleSet(0, HUE, PAD, 0.125, 90);
  table.handleSet(0, HUE, APP, 0.25, 100);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  table.handleLost(seconds(7.5), DESK);
  assertEquals(table.pollTimeout(), { atUs: seconds(7.5) + SETTLE_US, reason: "settle" });
  table.handleTimeout(seconds(10));
  assertEquals(shown(table), [0.5, 1, 150], "nobody answered: nothing moves");
  table.handleLost(seconds(10.5), APP);
  table.noteHeard(PAD);
  assertEquals(shown(table), [0.125, 3, 90], "only the pad is there");
  assertEquals(table.counters.settlesUnheard, 1);
});

Deno.test("a path with a safe default goes there when its last writer is gone", () => {
  const table = tableOf({ onLoss: "default", default: 0.125 });
  table.handleSet(0, HUE, DESK, 0.5, 150);
  table.handleLost(0, DESK);
  assertEquals(shown(table), [0.125, 0, 0]);
  table.handleReturn(0, DESK);
  assertEquals(shown(table), [0.5, 1, 150]);
});

Deno.test("a fader takes nothing until it meets the value, then it takes it", () => {
  const table = tableOf();
  table.handleSet(0, HUE, APP, 0.5, 100);
  assertEquals(table.handleSet(0, HUE, PAD, 0.1, 100, PICK_UP), "reaching");
  assertEquals(table.handleSet(0, HUE, PAD, 0.4, 100, PICK_UP), "reaching");
  assertEquals(shown(table), [0.5, 2, 100]);
  assertEquals(table.handleSet(0, HUE, PAD, 0.6, 100, PICK_UP), "stands");
  assertEquals(table.handleSet(0, HUE, PAD, 0.9, 100, PICK_UP), "stands");
  table.handleSet(0, HUE, APP, 0.2, 100);
  assertEquals(table.handleSet(0, HUE, PAD, 0.8, 100, PICK_UP), "reaching", "it lost the value");
  assertEquals(table.counters.reaching, 3);
});

Deno.test("a leased claim that is not renewed keeps the look as a lost writer's does, and a renewal brings it back", () => {
  const table = tableOf();
  table.handleSet(0, HUE, DESK, 0.5, 150, LEASED);
  table.handleTimeout(seconds(2.5));
  assertEquals(table.winner(HUE)?.reason, "kept");
  assertEquals(table.handleRefresh(seconds(3), HUE, DESK), true);
  assertEquals(table.winner(HUE)?.reason, "only");
  assertEquals(table.pollTimeout(), { atUs: seconds(5.5), reason: "lease" });
  table.handleTimeout(seconds(5.5));
  table.handleSet(seconds(6), HUE, APP, 0.25, 50);
  assertEquals(table.handleRefresh(seconds(7), HUE, DESK), false, "the app took it");
});

Deno.test("thousands of leases that end in one moment end together", () => {
  const table = new ClaimTable({ term: 1 });
  table.handleJoin(PAD);
  for (let each = 1; each <= 20_000; each++) {
    table.handleDefinition(path(each), defined());
    table.handleSet(0, path(each), PAD, 0.5, 100, MOMENTARY);
  }
  changesOf(table);
  table.handleTimeout(seconds(2.5));
  const changes = changesOf(table);
  assertEquals([changes.length, changes[0]?.cause, table.pollTimeout()], [20_000, "lease", null]);
});

Deno.test("changes of one path between two looks are told as one, and none where it came back", () => {
  const table = tableOf();
  table.handleSet(0, HUE, APP, 0.25, 100);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  const [change, ...rest] = changesOf(table);
  assertEquals([change?.previous, change?.value, change?.from, change?.to, rest.length], [0, 0.5, 0, 1, 0]);
  table.handleSet(0, HUE, DESK, 0.75, 150);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  assertEquals(changesOf(table), []);
});

Deno.test("a write of the same value by the same client is no change", () => {
  const table = tableOf({ type: "vec3", default: [0, 0, 0] });
  table.handleSet(0, HUE, APP, [1, 2, 3], 100);
  changesOf(table);
  table.handleSet(0, HUE, APP, [1, 2, 3], 100);
  assertEquals(changesOf(table), []);
});

Deno.test("a standby that becomes the host goes on with leases, doubts and numbers above all it copied", () => {
  const table = tableOf({ onLoss: "fallback" });
  table.handleSet(0, HUE, APP, 0.25, 100);
  table.handleSet(0, HUE, PAD, 0.125, 50, LEASED);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  table.handleLost(0, DESK);
  const standby = new ClaimTable({ term: 0 });
  standby.handleDefinition(HUE, defined({ onLoss: "fallback" }));
  const record = table.recordOf(HUE);
  assert(record !== null);
  standby.handleCopy(HUE, structuredClone({ claims: [...record.claims], look: { ...record.look } }));
  assertEquals(shown(standby), shown(table));
  standby.handleReign(seconds(100), 2);
  assertEquals(standby.pollTimeout(), { atUs: seconds(102.5), reason: "lease" });
  assertEquals([standby.pollProbe(), standby.pollProbe()].toSorted(), [APP, PAD]);
  standby.noteHeard(APP);
  standby.noteHeard(PAD);
  assertEquals(shown(standby), [0.25, 2, 100]);
  assertEquals(standby.handleSet(seconds(101), HUE, PAD, 0.75, 100), "stands", "its number is the newest");
  assertEquals(standby.sequence > table.sequence, true);
});

Deno.test("two histories merge to the same values in either order", () => {
  const [left, right] = [tableOf(), tableOf()];
  left.handleSet(0, HUE, APP, 0.25, 100);
  right.handleSet(0, HUE, DESK, 0.5, 100);
  right.handleSet(0, HUE, DESK, 0.75, 100);
  const [ours, theirs] = [left, right].map((table) =>
    structuredClone({
      claims: [...table.recordOf(HUE)?.claims ?? []],
      look: { ...table.recordOf(HUE)?.look ?? { value: 0, holder: client(0), term: 0, stamp: 0 } },
    })
  );
  assert(ours !== undefined && theirs !== undefined);
  left.handleMerge(HUE, theirs);
  right.handleMerge(HUE, ours);
  assertEquals(shown(left), [0.75, 1, 100]);
  assertEquals(shown(right), shown(left));
  assertEquals(left.recordOf(HUE)?.claims, right.recordOf(HUE)?.claims);
});

Deno.test("a full path makes room by what nothing follows from, and refuses otherwise", () => {
  const table = new ClaimTable({ term: 1, maxClaimsPerPath: 2 });
  table.handleDefinition(HUE, defined());
  for (const each of [DESK, APP, PAD]) table.handleJoin(each);
  table.handleSet(0, HUE, DESK, 0.5, 100, LEASED);
  table.handleSet(0, HUE, APP, 0.25, 100);
  assertEquals(table.handleSet(0, HUE, PAD, 1, 100), "full");
  table.handleSet(0, HUE, DESK, 0, 0);
  assertEquals(table.handleSet(0, HUE, PAD, 1, 100), "stands");
  assertEquals([table.size, table.counters.evicted, table.counters.refusedFull], [2, 1, 1]);
  assertEquals(table.claim(HUE, DESK), null);
});

Deno.test("a table of as many claims as it may hold refuses more, on every path", () => {
  const table = new ClaimTable({ term: 1, maxClaims: 2 });
  for (const each of [1, 2, 3]) table.handleDefinition(path(each), defined());
  table.handleJoin(DESK);
  assertEquals([1, 2, 3].map((each) => table.handleSet(0, path(each), DESK, 1, 100)), [
    "stands",
    "stands",
    "full",
  ]);
  table.handleRemoval(path(1));
  assertEquals(table.handleSet(0, path(3), DESK, 1, 100), "stands");
});

Deno.test("a path that is gone takes its claims, leases and changes with it", () => {
  const table = tableOf();
  table.handleSet(0, HUE, DESK, 0.5, 100, MOMENTARY);
  table.handleRemoval(HUE);
  assertEquals([table.size, table.pollTimeout(), table.pollChange(), table.pollCopy()], [
    0,
    null,
    null,
    null,
  ]);
  assertEquals(table.winner(HUE), null);
  assertEquals(table.handleSet(0, HUE, DESK, 0.5, 100), "unknown-path");
  table.handleLost(0, DESK);
  assertEquals(table.handleReturn(0, DESK), []);
});

Deno.test("a stored look stands until somebody writes, and another default moves only what nobody ever touched", () => {
  const table = new ClaimTable({ term: 1 });
  table.handleDefinition(HUE, defined(), 0.75);
  assertEquals([shown(table), table.winner(HUE)?.reason], [[0.75, 0, 0], "held"]);
  table.handleDefinition(HUE, defined({ default: 0.5 }));
  assertEquals(shown(table), [0.75, 0, 0]);
  table.handleDefinition(path(2), defined());
  table.handleDefinition(path(2), defined({ default: 0.5 }));
  assertEquals(table.winner(path(2))?.value, 0.5);
  assertEquals(changesOf(table).map((change) => [change.path, change.cause]), [[1, "copied"], [
    2,
    "redefined",
  ]]);
});

Deno.test("a client that never joined may not write", () => {
  const table = tableOf();
  assertEquals(table.handleSet(0, HUE, client(9), 0.5, 100), "lost-client");
  assertEquals(table.counters.refusedLostClient, 1);
  assertEquals(shown(table), [0, 0, 0]);
});
