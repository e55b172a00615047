// The original's tests of what is broadcast, by their names (docs/state-original.md says where ours differ, and why).

import { assert, assertEquals } from "@std/assert";
import type { PatchMessage } from "../../../../lib/state/messages/mod.ts";
import type { PathId } from "../../../../lib/state/model/mod.ts";
import { type Raw, Server } from "./rig.ts";

const MS = 1_000;
const SECOND = 1_000_000;

/** Parts of a show as the original has them: each is a subsystem of its own. */
const SHOW = [
  ...["one", "two", "three", "four"].map((name) => ({
    path: `instruments/${name}`,
    subsystem: "instruments",
    min: 0,
    max: 1000,
  })),
  ...["volume", "pan"].map((name) => ({ path: `mixer/${name}`, subsystem: "mixer", min: 0, max: 1000 })),
  ...["a", "b"].map((name) => ({ path: `piano-roll/${name}`, subsystem: "piano-roll", min: 0, max: 1000 })),
  { path: "arrangement/clip", subsystem: "arrangement", min: 0, max: 1000 },
  { path: "session/bpm", subsystem: "session", min: 0, max: 1000 },
] as const;

/** A host with a show, and clients that have all of it and have been told of nothing for a while. */
function settled(clients: number): { server: Server; all: Raw[] } {
  const server = new Server(SHOW);
  const all = Array.from({ length: clients }, () => server.join());
  server.run(2 * SECOND);
  for (const client of all) client.heard.length = 0;
  return { server, all };
}

function first(all: readonly Raw[], index = 0): Raw {
  const client = all[index];
  assert(client !== undefined);
  return client;
}

function pathsOf(server: Server, patches: readonly PatchMessage[]): string[] {
  const { book } = server.bench.host.document;
  return patches.flatMap(({ entries }) => entries.map(({ id }) => book.pathOf(id) ?? "")).sort();
}

Deno.test("state_patch_broadcast, patch_reaches_all_clients: one write is one patch to each, and nothing else", () => {
  const { server, all } = settled(3);
  first(all).set("session/bpm", 140);
  const patches = all.map((client) => client.patches());
  assertEquals(patches.map((list) => [server.subsystemsOf(list), pathsOf(server, list)]), [
    [["session"], ["session/bpm"]],
    [["session"], ["session/bpm"]],
    [["session"], ["session/bpm"]],
  ]);
  assert((patches[0]?.[0]?.version ?? 0) > 0);
});

Deno.test("full_sync_broadcast: who asks gets everything of what it asks for, and nobody else gets it again", () => {
  const { server, all } = settled(2);
  const log = [...server.bench.host.document.logs()].find(({ name }) => name === "instruments");
  assert(log !== undefined);
  first(all).say({
    kind: "resync",
    term: 1,
    subsystem: log.number,
    have: 0 as never,
    nonce: 5,
    reason: "check",
    digest: null,
    buckets: [],
  });
  const chunks = first(all).take("chunk");
  assertEquals(chunks.map(({ nonce, entries, version }) => [nonce, entries.length, version]), [[
    5,
    4,
    log.version,
  ]]);
  assertEquals(first(all, 1).heard, []);
});

for (
  const [name, path] of [
    ["patch_instruments_only", "instruments/two"],
    ["piano_roll_only_sends_piano_roll", "piano-roll/a"],
    ["arrangement_only_sends_arrangement", "arrangement/clip"],
    ["mixer_only_sends_mixer", "mixer/pan"],
  ] as const
) {
  Deno.test(`${name}: a patch holds one subsystem, and of it what changed alone`, () => {
    const { server, all } = settled(2);
    first(all).set(path, 500);
    const patches = first(all, 1).patches();
    assertEquals([server.subsystemsOf(patches), pathsOf(server, patches)], [[path.split("/")[0]], [path]]);
  });
}

Deno.test("patch_mixer_and_instruments, mixed_subsystems_no_full_session: two subsystems are two patches of one entry each", () => {
  const { server, all } = settled(2);
  first(all).set("mixer/volume", 3);
  first(all).set("instruments/one", 4);
  server.run(100 * MS);
  const patches = first(all, 1).patches();
  assertEquals(server.subsystemsOf(patches).sort(), ["instruments", "mixer"]);
  assertEquals(pathsOf(server, patches), ["instruments/one", "mixer/volume"]);
});

Deno.test("ownership_patch, privileged_client_patch_with_holder: both are told at once, as presence and by messages of their own", () => {
  const { server, all } = settled(2);
  first(all).own("request", ["instruments/one"]);
  const [changed] = first(all, 1).take("own");
  assertEquals([changed?.action, changed?.objects[0]?.owner as number], ["changed", 1]);
  first(all).privilege("request");
  const [privileged] = first(all, 1).take("priv");
  assertEquals([privileged?.state, privileged?.holder as number], ["held", 1]);
  server.run(100 * MS);
  assertEquals(first(all, 1).presence().map(({ owned, privileged }) => [owned, privileged]), [[1, true], [
    0,
    false,
  ]]);
  // And that nobody has it any more is told as clearly.
  first(all).own("release", ["instruments/one"]);
  first(all).privilege("release");
  const [free] = first(all, 1).take("own");
  assertEquals([free?.objects[0]?.state, free?.objects[0]?.owner as number], ["free", 0]);
  const [none] = first(all, 1).take("priv");
  assertEquals([none?.state, none?.holder as number], ["none", 0]);
  server.run(100 * MS);
  assertEquals(first(all, 1).presence().map(({ owned, privileged }) => [owned, privileged]), [[0, false], [
    0,
    false,
  ]]);
});

Deno.test("accumulated_actions_combined_patch, dirty_accumulated: what is written within a tick is one patch", () => {
  const { server, all } = settled(2);
  first(all).set("instruments/one", 1);
  first(all, 1).take("patch");
  for (const [index, name] of ["two", "three", "two"].entries()) {
    first(all).set(`instruments/${name}`, 10 + index);
  }
  assertEquals(first(all, 1).patches(), [], "within 33 ms of the last one");
  server.run(40 * MS);
  const patches = first(all, 1).patches();
  assertEquals([patches.length, pathsOf(server, patches)], [1, ["instruments/three", "instruments/two"]]);
  assertEquals(first(all, 1).valueOf("instruments/two"), 12);
});

Deno.test("patch_no_broadcast_when_clean: while nothing changes nothing is sent for 200 ms, and nothing counts", () => {
  const { server, all } = settled(2);
  const before = [...server.bench.host.document.logs()].map(({ version }) => version);
  server.run(200 * MS);
  assertEquals(all.map(({ heard }) => heard), [[], []]);
  // The same value of the same writer is no change.
  first(all).set("mixer/pan", 7);
  server.run(SECOND);
  for (const client of all) client.heard.length = 0;
  const version = [...server.bench.host.document.logs()].map((log) => log.version);
  first(all).set("mixer/pan", 7);
  server.run(100 * MS);
  assertEquals(first(all, 1).patches(), []);
  assertEquals([...server.bench.host.document.logs()].map((log) => log.version), version);
  assert(before.length === version.length);
});

Deno.test("seq_increments: three patches of a subsystem follow each other without a gap, each begins where the last ended", () => {
  const { server, all } = settled(2);
  const patches: PatchMessage[] = [];
  for (let value = 1; value <= 3; value++) {
    first(all).set("session/bpm", value);
    server.run(50 * MS);
    patches.push(...first(all, 1).patches());
  }
  assertEquals(patches.length, 3);
  for (let at = 1; at < 3; at++) assertEquals(patches[at]?.base, patches[at - 1]?.version);
  assert((patches[2]?.version ?? 0) > (patches[0]?.version ?? 0));
});

Deno.test("dirty_clears_after_patch: what was told is not told again with the next change", () => {
  const { server, all } = settled(2);
  first(all).set("instruments/one", 1);
  server.run(100 * MS);
  first(all, 1).take("patch");
  first(all).set("instruments/two", 2);
  server.run(100 * MS);
  assertEquals(pathsOf(server, first(all, 1).patches()), ["instruments/two"]);
});

Deno.test("patch_rate_limiting: the first change goes at once, the next 33 ms later, with all that came meanwhile", () => {
  const { server, all } = settled(2);
  const startUs = server.bench.nowUs;
  first(all).set("mixer/pan", 1);
  assertEquals(first(all, 1).patches().length, 1, "at once");
  first(all).set("mixer/pan", 2);
  first(all).set("mixer/volume", 3);
  assertEquals(first(all, 1).patches(), []);
  while (first(all, 1).heard.every(({ kind }) => kind !== "patch")) server.run(1 * MS);
  const afterMs = (server.bench.nowUs - startUs) / MS;
  assert(afterMs >= 23 && afterMs <= 35, `after ${afterMs} ms`);
  assertEquals([first(all, 1).valueOf("mixer/pan"), first(all, 1).valueOf("mixer/volume")], [2, 3]);
  // No writer, however fast, makes more than 30 of them in a second.
  let patches = 0;
  for (let tick = 0; tick < 200; tick++) {
    first(all, tick % 2).set("mixer/pan", 10 + tick);
    server.run(5 * MS);
    patches += first(all, 1).patches().length;
  }
  assert(patches <= 31, `${patches} patches`);
});

Deno.test("patch_single_instrument_change, instrument_patches_roundtrip: one of four is one entry, two are two", () => {
  const { server, all } = settled(2);
  first(all).set("instruments/three", 5);
  assertEquals(first(all, 1).patches().map(({ entries }) => entries.length), [1]);
  server.run(100 * MS);
  first(all).set("instruments/one", 6);
  first(all).set("instruments/four", 7);
  server.run(100 * MS);
  const told = first(all, 1).patches().flatMap(({ entries }) => entries.map(({ value }) => value));
  assertEquals(told.sort(), [6, 7]);
});

Deno.test("patch_threshold_coalescing: a client that lacks more than half gets the whole, one that lacks less the difference", () => {
  const { server, all } = settled(1);
  const [client] = all;
  assert(client !== undefined);
  const log = [...server.bench.host.document.logs()].find(({ name }) => name === "instruments");
  assert(log !== undefined);
  const have = log.version;
  const ask = (nonce: number): ("difference" | "whole")[] => {
    client.heard.length = 0;
    client.say({
      kind: "resync",
      term: 1,
      subsystem: log.number,
      have,
      nonce,
      reason: "gap",
      digest: null,
      buckets: [],
    });
    return client.heard.flatMap((message) =>
      message.kind === "chunk"
        ? ["whole"]
        : message.kind === "patch" && message.nonce === nonce
        ? ["difference"]
        : []
    );
  };
  for (const name of ["one", "two"]) client.set(`instruments/${name}`, 9);
  server.run(SECOND);
  assertEquals(ask(1), ["difference"], "two of four");
  client.set("instruments/three", 9);
  server.run(SECOND);
  assertEquals(ask(2), ["whole"], "three of four");
});

Deno.test("patch_structural_sends_full_instruments, patch_targeted_then_structural: a new path is an entry of its own, after its definition", () => {
  const { server, all } = settled(2);
  first(all).set("instruments/one", 1);
  server.run(100 * MS);
  first(all, 1).heard.length = 0;
  first(all).set("instruments/two", 2);
  const made: PathId = server.define({ path: "instruments/five", subsystem: "instruments" });
  server.run(100 * MS);
  const patches = first(all, 1).patches();
  const isDefined = patches.findIndex(({ entries }) =>
    entries.some(({ id, type }) => id === made && type === "definition")
  );
  const isThere = patches.findIndex(({ entries }) =>
    entries.some(({ id, type }) => id === made && type === "f32")
  );
  assert(isDefined >= 0 && isThere > isDefined, "the definition first");
  const told = patches.filter(({ subsystem }) => subsystem !== 0);
  assertEquals(
    pathsOf(server, told),
    ["instruments/five", "instruments/two"],
    "and the others are not told again",
  );
});
