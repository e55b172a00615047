// The manual has a line for every number that a crew can read.

import { assertEquals } from "@std/assert";
import { CREW_CASES } from "../../../../lib/supervision/crew/mod.ts";

Deno.test("docs/programs.md explains every number, each once, in order", async () => {
  const manual = await Deno.readTextFile(new URL("../../../../docs/programs.md", import.meta.url));
  const listed = [...manual.matchAll(/^\| (P\d{3}) +\|/gm)].map(([, code]) => code ?? "");
  assertEquals(listed, Object.keys(CREW_CASES));
});
