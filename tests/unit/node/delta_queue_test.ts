// Changes that wait to be read: one a node, and never a wrong list in the end.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { NodeId } from "../../../lib/base/mod.ts";
import { DeltaQueue } from "../../../lib/node/delta_queue.ts";

interface Entry {
  readonly id: NodeId;
  readonly name: string;
  readonly version: number;
}

function entry(id: string, version = 0, name = id): Entry {
  return { id: id as NodeId, name, version };
}

function queue(...known: Entry[]): DeltaQueue<Entry> {
  const made = new DeltaQueue<Entry>((each) => each);
  for (const each of known) made.noteKnown(each);
  return made;
}

function drain(from: DeltaQueue<Entry>): string[] {
  const told: string[] = [];
  for (let delta = from.take(); delta !== null; delta = from.take()) {
    told.push(`${delta.op} ${delta.entry.id}${delta.entry.version} ${delta.event?.kind ?? "-"}`);
  }
  return told;
}

Deno.test("changes of one node become one, told where the latest of them stood", () => {
  const changes = queue(entry("a"));
  changes.put("update", 1, entry("a", 1));
  changes.put("add", 2, entry("b", 1));
  changes.put("update", 3, entry("a", 2));
  changes.put("update", 4, entry("b", 2));
  assertEquals([changes.size, changes.coalesced], [2, 2]);
  assertEquals(drain(changes), ["update a2 -", "add b2 -"]);
});

Deno.test("who came and went unread is not told at all; who went and came back has changed", () => {
  const changes = queue(entry("a"));
  changes.put("add", 1, entry("b"));
  changes.put("remove", 2, entry("b"));
  changes.put("remove", 3, entry("a", 1));
  changes.put("add", 4, entry("a", 2));
  assertEquals(drain(changes), ["update a2 -"]);
  changes.put("remove", 5, entry("a", 3));
  assertEquals(drain(changes), ["remove a3 -"]);
  changes.put("add", 6, entry("a", 4));
  assertEquals(drain(changes), ["add a4 -"]);
});

Deno.test("the reason for a change stays with it until it is read; a new name is one by itself", () => {
  const changes = queue(entry("a"), entry("b"));
  changes.put("update", 1, entry("a", 1));
  assert(changes.explain("a" as NodeId, { kind: "resumed" }));
  changes.put("update", 2, entry("a", 2));
  changes.put("update", 3, entry("b", 1, "bb"));
  assertEquals(changes.explain("c" as NodeId, { kind: "resumed" }), false);
  assertEquals(drain(changes), ["update a2 resumed", "update b1 renamed"]);
  changes.put("update", 4, entry("b", 2, "bb"));
  assertEquals(drain(changes), ["update b2 -"]);
});

Deno.test("however slowly somebody reads, the list in the end is right, revisions grow, and no more wait than nodes are", () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("change" as const),
      node: fc.integer({ min: 0, max: 5 }),
      op: fc.constantFrom("set" as const, "drop" as const),
    }),
    fc.record({ kind: fc.constant("read" as const), count: fc.integer({ min: 1, max: 4 }) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const truth = new Map<string, number>();
    const seen = new Map<string, number>();
    const changes = queue();
    let revision = 0;
    let last = 0;
    const read = (): boolean => {
      const delta = changes.take();
      if (delta === null) return false;
      assert(delta.revision > last);
      last = delta.revision;
      assertEquals(seen.has(delta.entry.id), delta.op !== "add");
      if (delta.op === "remove") seen.delete(delta.entry.id);
      else seen.set(delta.entry.id, delta.entry.version);
      return true;
    };
    for (const each of steps) {
      if (each.kind === "read") { for (let i = 0; i < each.count; i++) read(); }
      else {
        const id = `n${each.node}`;
        revision++;
        if (each.op === "set") {
          changes.put(truth.has(id) ? "update" : "add", revision, entry(id, revision));
          truth.set(id, revision);
        } else if (truth.delete(id)) changes.put("remove", revision, entry(id, revision));
      }
      assert(changes.size <= 6);
    }
    while (read());
    assertEquals([...seen].sort(), [...truth].sort());
  }));
});
