import { assert, assertEquals } from "@std/assert";
import type { ClientNumber, ClientSequence, PathId } from "../../../../lib/state/model/mod.ts";
import type { PatchMessage, SetMessage, StateMessage } from "../../../../lib/state/messages/mod.ts";
import { isRefusal } from "../../../../lib/state/schema/mod.ts";
import { Bench, parameter } from "./support.ts";

/** A path at the host. */
function define(bench: Bench, path: string, fields: Parameters<typeof parameter>[1] = {}): PathId {
  const defined = bench.host.define(bench.nowUs, parameter(path, fields));
  assert(!isRefusal(defined));
  return defined.id;
}

/** A write of numbers. */
function setOf(sequence: number, values: readonly (readonly [PathId, number])[], priority = 100): SetMessage {
  return {
    kind: "set",
    term: 1,
    sequence: sequence as ClientSequence,
    priority,
    take: false,
    momentary: false,
    generation: null,
    entries: values.map(([id, value]) => ({ id, type: "f32", value, winner: null })),
  };
}

function patchesTo(said: { to: number; message: StateMessage }[], link: number): PatchMessage[] {
  return said.flatMap(({ to, message }) => to === link && message.kind === "patch" ? [message] : []);
}

Deno.test("a client is welcomed, gets everything whole, writes, and is told and acknowledged in one patch", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  const [welcome, privilege, ...chunks] = bench.join(1);
  assertEquals(privilege?.kind, "priv");
  assert(welcome?.kind === "welcome");
  assertEquals([welcome.client, welcome.resumed, welcome.ack.single], [1 as ClientNumber, false, true]);
  assertEquals(
    welcome.plans.filter(({ chunks }) => chunks > 0).map((
      { name, version, chunks },
    ) => [name, version, chunks]),
    [["dict", 1, 1], ["params", 1, 1]],
  );
  assertEquals(chunks.map(({ kind }) => kind), ["chunk", "chunk"]);
  const [book, params] = chunks;
  assert(book?.kind === "chunk" && params?.kind === "chunk");
  assertEquals([book.subsystem, params.subsystem], [0, 4]);
  assertEquals(params.entries, [{ id: hue, type: "f32", value: 0, winner: null }]);

  bench.say(1, setOf(1, [[hue, 0.5]]));
  const [patch, ...more] = patchesTo(bench.drain(), 1);
  assert(patch !== undefined);
  assertEquals(more, []);
  assertEquals([patch.base, patch.version, patch.ack], [1, 2, { sequence: 1, single: true }]);
  assertEquals(patch.entries, [{
    id: hue,
    type: "f32",
    value: 0.5,
    winner: { holder: 1 as ClientNumber, priority: 100 },
  }]);
  assertEquals(bench.host.document.findStray(), null);
});

Deno.test("a write that comes twice takes effect once and is acknowledged twice", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  bench.join(1);
  bench.say(1, setOf(1, [[hue, 1]]));
  bench.drain();
  bench.say(1, setOf(1, [[hue, 9]]));
  const acks = patchesTo(bench.run(100_000), 1).map(({ ack, entries }) => [ack?.sequence, entries.length]);
  assertEquals(acks, [[1, 0]]);
  assertEquals(bench.host.document.entryOf(hue)?.value, 1);
  assertEquals(bench.host.counters.duplicates, 1);
});
