// What a simulated disk takes and keeps when the power goes, a process dies or it is full: the promises of files that grow
// and of tables that last, where a machine could show them by accident only.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import type { Database } from "../../../lib/platform/mod.ts";
import { type SimulatedHost, SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import { encode } from "./conformance.ts";

const PATH = "/tmp/state.db";

function machine(seed = 1): SimulatedHost {
  return new SimulatedWorld({ seed }).createHost({ name: "h" });
}

function codeOf(run: () => unknown): string {
  return assertThrows(run, HanaError).code;
}

function open(host: SimulatedHost): Database {
  return host.platform.databases.open(PATH, ["event"]);
}

function keys(database: Database): number[] {
  return database.list("event").map(({ key }) => Number(key));
}

/** A commit of two rows, so that half of one would show. */
function commit(database: Database, number: number, durability: "synced" | "relaxed"): void {
  const key = String(number).padStart(6, "0");
  database.commit([
    { table: "event", key, value: "x".repeat(number % 50) },
    { table: "event", key: `${key}.5`, value: "other half" },
  ], durability);
}

Deno.test("a loss of power tears a file that grows somewhere behind what was synced", () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 200; seed++) {
    const host = machine(seed);
    const file = host.platform.files.openAppend("/tmp/log", 0o600);
    file.append(encode("kept\n"));
    file.sync();
    file.append(encode("lost\n"));
    const size = host.restart().files.read("/tmp/log")?.length ?? -1;
    assertEquals(host.disk.read("/tmp/log"), encode("kept\nlost\n").subarray(0, size));
    lengths.add(size);
  }
  assertEquals([...lengths].sort((a, b) => a - b), [5, 6, 7, 8, 9, 10]);
});

Deno.test("a crash of a process takes nothing of what it appended or committed", () => {
  const host = machine();
  const file = host.platform.files.openAppend("/tmp/log", 0o600);
  file.append(encode("line\n"));
  const database = open(host);
  for (let i = 0; i < 100; i++) commit(database, i, "relaxed");
  host.restartProcess();
  assertEquals(host.disk.read("/tmp/log"), encode("line\n"));
  assertEquals(keys(open(host)).length, 200);
  file.append(encode("of a dead one"));
  commit(database, 100, "synced");
  assertEquals(host.disk.read("/tmp/log"), encode("line\n"));
});

Deno.test("a loss of power leaves every synced commit, and of the relaxed ones the first ones, each whole", () => {
  fc.assert(fc.property(fc.nat(), fc.array(fc.boolean(), { maxLength: 40 }), (seed, commits) => {
    const host = machine(seed);
    const database = open(host);
    commits.forEach((isSynced, number) => commit(database, number, isSynced ? "synced" : "relaxed"));
    host.restart();
    const again = open(host);
    const found = keys(again);
    const kept = found.length / 2;
    assert(Number.isInteger(kept), "no commit is there by half");
    assert(kept > commits.lastIndexOf(true), "what was synced is there");
    assertEquals(found, Array.from({ length: 2 * kept }, (_, i) => i / 2));
    commit(again, 999, "synced");
    host.restart();
    assertEquals(keys(open(host)).length, found.length + 2, "and it goes on from there");
  }));
});

Deno.test("many commits of the same rows do not fill the disk", () => {
  const host = machine();
  const database = open(host);
  for (let i = 0; i < 20_000; i++) {
    database.commit([{ table: "event", key: String(i % 10), value: "x".repeat(100) + i }], "relaxed");
  }
  assert(host.disk.usedBytes < 1_000_000, `${host.disk.usedBytes}`);
  database.close();
  assertEquals(open(host).get("event", "3"), "x".repeat(100) + 19_993);
});

Deno.test("a database with a damaged commit is refused and left as it is", () => {
  const host = machine();
  const database = open(host);
  for (let i = 0; i < 20; i++) commit(database, i, "synced");
  database.close();
  host.disk.corrupt(PATH);
  const bytes = host.disk.read(PATH);
  assertEquals(codeOf(() => open(host)), "decode");
  assertEquals(host.disk.read(PATH), bytes);
  assertEquals(codeOf(() => host.disk.corrupt("/tmp/nothing")), "not-found");
});

Deno.test("a database is free again when the process that had it open has died", () => {
  const host = machine();
  open(host);
  const other = host.createProcess();
  assertEquals(codeOf(() => other.platform.databases.open(PATH, ["event"])), "conflict");
  host.restartProcess();
  other.platform.databases.open(PATH, ["event"]).close();
});

Deno.test("a full disk refuses what does not fit, as a whole, and takes again what fits later", () => {
  const host = machine();
  const { files } = host.platform;
  const database = open(host);
  commit(database, 1, "synced");
  const file = files.openAppend("/tmp/log", 0o600);
  file.append(new Uint8Array(1000));
  assertEquals([files.freeBytes("/tmp"), host.disk.freeBytes], [null, null]);
  host.disk.limitBytes = host.disk.usedBytes + 50;
  assertEquals(files.freeBytes("/tmp"), 50);
  const error = assertThrows(() => file.append(new Uint8Array(51)), HanaError);
  assertEquals([error.code, error.what, error.why], [
    "storage",
    "cannot append to /tmp/log",
    "No space left on device",
  ]);
  assertEquals(codeOf(() => files.write("/tmp/new", new Uint8Array(51), 0o600)), "storage");
  assertEquals(codeOf(() => commit(database, 2, "synced")), "storage");
  assertEquals([files.list("/tmp"), file.size], [["log", "state.db", "state.db.lock"], 1000]);
  assertEquals(keys(database), [1, 1.5]);
  file.append(new Uint8Array(50));
  assertEquals(host.disk.freeBytes, 0);
  assert(files.remove("/tmp/log"));
  commit(database, 2, "synced");
  database.close();
  assertEquals(keys(open(host)), [1, 1.5, 2, 2.5]);
});

Deno.test("what is on a disk is counted, whatever happens to it", () => {
  const host = machine();
  const { disk } = host;
  const before = disk.usedBytes;
  disk.write("/tmp/a", new Uint8Array(100), 0o600);
  disk.write("/tmp/a", new Uint8Array(40), 0o600);
  disk.append("/tmp/b", new Uint8Array(10), 0o600);
  assertEquals(disk.usedBytes - before, 50);
  disk.rename("/tmp/b", "/tmp/a");
  assertEquals(disk.usedBytes - before, 10);
  host.crash();
  assertEquals(disk.usedBytes - before, 0);
  assert(disk.remove("/tmp/a"));
  assertEquals(disk.usedBytes - before, 0);
});
