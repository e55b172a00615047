// Memory of a steady state: what frames and movements leave behind, and what they take. Each load runs in a process of its own,
// whose heap nothing else fills.

import { assert } from "@std/assert";
import type { StateAllocationReport } from "../../../support/state/allocation.ts";

const CONFIG = new URL("../../../../deno.json", import.meta.url).pathname;
const PROGRAM = new URL("../../../support/state/allocation.ts", import.meta.url).pathname;
const TURNS = 100_000;

async function report(load: string): Promise<StateAllocationReport> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "-A", "--no-check", "--no-prompt", "--frozen", "--v8-flags=--expose-gc"],
      ...["--config", CONFIG, PROGRAM, load, String(TURNS)],
    ],
    stdin: "null",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as StateAllocationReport;
}

const LOADS = {
  still: "a hundred thousand frames of 300 numbers, a vector and a word",
  fading: "a hundred thousand frames in which 300 numbers and a vector fade",
  fader: "a hundred thousand movements of a fader between two messages",
  undo: "a hundred thousand movements of a fader that can be taken back",
} as const;

for (const [load, what] of Object.entries(LOADS)) {
  Deno.test(`${what} leave nothing in memory and make no object`, async () => {
    const figures = await report(load);
    const seen = JSON.stringify(figures);
    assert(figures.turns === TURNS && Number.isFinite(figures.sum), seen);
    assert(figures.keptPerTurn <= 1, seen);
    // A time beyond 2^31 and a sum are numbers of 16 B on V8's heap; the smallest object with a field takes as much again, and
    // one a parameter would come to 4,800 B a frame.
    assert(figures.allocatedPerTurn <= 64, seen);
  });
}
