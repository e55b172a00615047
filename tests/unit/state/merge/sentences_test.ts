// What people read when they ask why.

import { assert, assertEquals } from "@std/assert";
import { ClaimTable, tellFate, tellReason } from "../../../../lib/state/merge/mod.ts";
import type { ParameterDefinition } from "../../../../lib/state/model/mod.ts";
import { client, defined, HUE, seconds } from "./support.ts";

const NAMES = ["", "Foh-Desk", "Tablet", "Pad"];
const nameOf = (number: number): string => NAMES[number] ?? "?";
const [DESK, TABLET, PAD] = [client(1), client(2), client(3)];

function tell(table: ClaimTable): readonly string[] {
  const explanation = table.explain(0, HUE);
  assert(explanation !== null);
  return [
    tellReason(explanation, nameOf),
    ...explanation.claims.map((claim) =>
      `${nameOf(claim.client ?? 0)}: ${tellFate(claim, explanation, nameOf)}`
    ),
  ];
}

function tableOf(parts: Partial<ParameterDefinition> = {}): ClaimTable {
  const table = new ClaimTable({ term: 1 });
  table.handleDefinition(HUE, defined(parts));
  for (const each of [DESK, TABLET, PAD]) table.handleJoin(each);
  return table;
}

Deno.test("people read who stands, and by whom each of the others is shadowed", () => {
  const table = tableOf();
  assertEquals(tell(table), ["nobody controls it; it has its default"]);
  table.handleSet(0, HUE, TABLET, 0.25, 100);
  assertEquals(tell(table), ["Tablet alone controls it", "Tablet: stands"]);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  assertEquals(tell(table), [
    "Foh-Desk has the highest priority (150)",
    "Foh-Desk: stands",
    "Tablet: shadowed by Foh-Desk (150)",
  ]);
  table.handleSet(0, HUE, TABLET, 0.75, 150);
  assertEquals(tell(table), [
    "Tablet wrote last of those with priority 150",
    "Tablet: stands",
    "Foh-Desk: Tablet wrote later",
  ]);
  table.handleSet(0, HUE, client(0), 0, 255);
  assertEquals(tell(table)[0], "the host limits it (255)");
  assertEquals(tell(table)[2], "Tablet: shadowed by the host (255)");
});

Deno.test("people read that a holder is gone, and what takes the value", () => {
  const table = tableOf();
  table.handleSet(0, HUE, TABLET, 0.25, 100);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  table.handleLost(0, DESK);
  assertEquals(tell(table), [
    "Foh-Desk (150) is gone; its value stands until somebody writes",
    "Foh-Desk: stands",
    "Tablet: shadowed by Foh-Desk (150)",
  ]);
  table.handleSet(0, HUE, TABLET, 0.25, 100);
  assertEquals(tell(table)[2], "Foh-Desk: its client is gone, and Tablet took over");
  table.handleSet(0, HUE, PAD, 0.9, 100, 4);
  assertEquals(tell(table)[3], "Pad: a fader that has not met the value yet");
  table.handleLost(0, TABLET);
  table.handleForget(TABLET);
  assertEquals(tell(table).slice(0, 2), [
    "nobody controls it; its last value stands",
    ": left by a client that is forgotten; stands until somebody writes",
  ]);
});

Deno.test("people read that the others are waited for, and which of them is", () => {
  const table = tableOf({ onLoss: "fallback" });
  table.handleSet(0, HUE, TABLET, 0.25, 100);
  table.handleSet(0, HUE, DESK, 0.5, 150);
  table.handleLost(0, DESK);
  assertEquals(tell(table), [
    "Foh-Desk (150) is gone; its value stands until the others have answered",
    "Foh-Desk: stands",
    "Tablet: not heard since the holder was lost; waited for",
  ]);
  table.handleTimeout(seconds(2.5));
  assertEquals(tell(table)[2], "Tablet: not heard since the holder was lost");
  table.noteHeard(TABLET);
  assertEquals(tell(table)[2], "Foh-Desk: its client is gone; it comes back with it unless somebody writes");
});

Deno.test("people read of the rules of levels, sums and locks", () => {
  const said = (merge: ParameterDefinition["merge"]) => {
    const table = tableOf({ merge });
    table.handleSet(0, HUE, DESK, 0.5, 100);
    table.handleSet(0, HUE, TABLET, 0.25, 100);
    return tell(table);
  };
  assertEquals(said("highest"), [
    "Foh-Desk has the highest value of those with priority 100",
    "Foh-Desk: stands",
    "Tablet: Foh-Desk has a higher value",
  ]);
  assertEquals(said("sum"), [
    "the sum of 2 clients with priority 100",
    "Tablet: part of the sum",
    "Foh-Desk: part of the sum",
  ]);
  assertEquals(said("lock"), [
    "Foh-Desk has the lock among those with priority 100",
    "Foh-Desk: stands",
    "Tablet: Foh-Desk has the lock",
  ]);
});
