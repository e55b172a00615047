// Who is there, as every client reads it in the state itself.

import { assert, assertEquals } from "@std/assert";
import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import { CLIENTS_SUBSYSTEM, type PresenceRow, StateHost } from "../../../../lib/state/host/mod.ts";
import type { StateMessage } from "../../../../lib/state/messages/mod.ts";
import type { PathId } from "../../../../lib/state/model/mod.ts";
import { Bench, drawing, epochOf, helloOf, nodeOf, parameter, peerOf } from "./support.ts";

function rowsOf(messages: readonly StateMessage[]): PresenceRow[] {
  return messages.flatMap((message) =>
    message.kind === "chunk" || message.kind === "patch"
      ? message.entries.filter(({ type }) => type === "json").map(({ value }) =>
        value as unknown as PresenceRow
      )
      : []
  );
}

/** What the host itself shows, without the places that are free. */
function present({ document }: StateHost): PresenceRow[] {
  const rows: PresenceRow[] = [];
  for (let slot = 0;; slot++) {
    const id = document.book.idOf(`${CLIENTS_SUBSYSTEM}/${slot}`);
    if (document.book.definitionOf(id) === null) return rows.filter(({ client }) => client !== 0);
    rows.push(document.entryOf(id)?.value as unknown as PresenceRow);
  }
}

Deno.test("a newcomer finds itself, and those before it, in the first snapshot", () => {
  const bench = new Bench({ presence: true });
  const first = rowsOf(bench.join(1, { name: "foh" }));
  assertEquals(first.map(({ name, state }) => [name, state]), [["foh", "joined"]]);
  const second = rowsOf(bench.join(2, { name: "monitor" }));
  assertEquals(second.map(({ name, node }) => [name, node]).sort(), [["foh", nodeOf(1)], [
    "monitor",
    nodeOf(2),
  ]]);
});

Deno.test("joins, losses and leaves reach the others as patches, and a place that is free is used again", () => {
  const bench = new Bench({ presence: true });
  bench.join(1, { name: "foh" });
  bench.run(1_000_000);
  bench.acknowledge(1);
  bench.host.handleJoined(bench.nowUs, 2 as LinkNumber, peerOf(2));
  bench.say(2, helloOf({ name: "monitor" }));
  const told = bench.run(1_000_000).filter(({ to }) => to === 1).map(({ message }) => message);
  assertEquals(rowsOf(told).map(({ name }) => name), ["monitor"]);
  bench.acknowledge(1);
  bench.host.handleLeft(bench.nowUs, 2 as LinkNumber);
  const lost = bench.run(1_000_000).filter(({ to }) => to === 1).map(({ message }) => message);
  assertEquals(rowsOf(lost).map(({ name, state }) => [name, state]), [["monitor", "suspended"]]);
  bench.say(1, { kind: "bye", term: 1, reason: "leaving", successor: null, text: "" });
  bench.run(1_000_000);
  assertEquals(present(bench.host).map(({ name }) => name), ["monitor"]);
  const paths = bench.host.document.book.lastId;
  bench.join(3, { name: "backup" });
  assertEquals(bench.host.document.book.lastId, paths);
  assertEquals(present(bench.host).map(({ name }) => name).sort(), ["backup", "monitor"]);
});

Deno.test("who owns what and who is privileged stands there too, and a client cannot write it", () => {
  const bench = new Bench({ presence: true });
  const defined = bench.host.define(bench.nowUs, parameter("stage/layer"));
  assert("id" in defined);
  bench.join(1, { name: "foh" });
  const { term } = epochOf(1);
  const object = { id: defined.id, state: "free", owner: 0, generation: 0, leftUs: 0 } as const;
  bench.say(1, {
    kind: "own",
    term,
    action: "request",
    request: 1,
    other: 0 as never,
    objects: [object as never],
    text: "",
  });
  bench.say(1, {
    kind: "priv",
    term,
    action: "request",
    request: 2,
    state: "none",
    holder: 0 as never,
    generation: 0,
    other: 0 as never,
    leftUs: 0,
    text: "",
  });
  bench.run(1_000_000);
  const [row] = present(bench.host);
  assertEquals([row?.owns, row?.owned, row?.privileged], [["stage/layer"], 1, true]);
  const id = bench.host.document.book.idOf(`${CLIENTS_SUBSYSTEM}/0`) as PathId;
  bench.say(1, {
    kind: "set",
    term,
    sequence: 1 as never,
    priority: 200,
    take: false,
    momentary: false,
    generation: null,
    entries: [{ id, type: "json", value: { client: 9 }, winner: null }],
  });
  bench.run(1_000_000);
  assertEquals(present(bench.host).map(({ client, name }) => [client, name]), [[1, "foh"]]);
});

Deno.test("the next host goes on with the places of the one before, and forgets who does not come back", () => {
  const bench = new Bench({ presence: true });
  bench.join(1, { name: "foh" });
  bench.join(2, { name: "monitor" });
  bench.run(100_000);
  const from = bench.host.snapshot();
  const next = new Bench({ presence: true, epoch: epochOf(2), from, random: drawing(2) }, bench.nowUs);
  assertEquals(present(next.host).map(({ name, state }) => [name, state]).sort(), [
    ["foh", "suspended"],
    ["monitor", "suspended"],
  ]);
  next.run(70_000_000);
  assertEquals(present(next.host), []);
  assertEquals(next.host.document.findStray(), null);
});
