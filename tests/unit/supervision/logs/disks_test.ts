// The same books on the disks that there are: a real one, and that of a simulated machine which loses power.

import { assert, assertEquals, assertExists } from "@std/assert";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import type { Files } from "../../../../lib/platform/mod.ts";
import { SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";
import { Journal, readJournal } from "../../../../lib/supervision/journal/mod.ts";
import { LogBook, pruneLogs, readLogs } from "../../../../lib/supervision/logs/mod.ts";

const encoder = new TextEncoder();

function open(files: Files, programs: string): LogBook {
  return new LogBook({
    files,
    directory: `${programs}/aurora/logs`,
    rotateBytes: 16 << 10,
    keep: 4,
    wallMs: () => Date.UTC(2026, 10, 20),
  });
}

/** A life with runs, rotation and events, then another on what it left. */
function liveTwice(files: Files, programs: string): void {
  const book = open(files, programs);
  const journal = Journal.open(files, `${programs}/aurora/journal`);
  for (let run = 1; run <= 8; run++) {
    book.startRun(run, run * 1_000_000);
    for (let i = 0; i < 100; i++) {
      book.handleBytes(
        run * 1_000_000 + i,
        "stdout",
        encoder.encode(`run ${run}, line ${i}: ${"€".repeat(20)}\n`),
      );
    }
    book.endRun(run * 1_000_000 + 500_000);
    for (let i = 0; i < 50; i++) {
      const event = {
        seq: journal.nextSeq,
        program: "aurora",
        run,
        atWallMs: 0,
        atUs: i,
        kind: "status" as const,
        by: null,
        detail: { text: "z".repeat(200) },
      };
      assert(journal.append({ kind: "event", event }, i === 0));
    }
  }
  book.close(9_000_000);
  journal.close();
  assert(journal.counters.compactions > 0);
  assertEquals([book.counters.written, book.counters.dropped], [800, 0]);

  const next = open(files, programs);
  assertEquals([next.nextSeq, next.run], [801, 8]);
  assertEquals(next.query({ run: -1, tail: 1 })[0]?.text, `run 7, line 99: ${"€".repeat(20)}`);
  assertEquals(next.lastLines(8, 200).length, 100);
  next.close(9_000_001);
  const later = Journal.open(files, `${programs}/aurora/journal`);
  assertEquals(later.nextSeq, 401);
  later.close();
  const names = files.list(`${programs}/aurora/logs`);
  assertEquals(names.length, 4);
  assertEquals(pruneLogs(files, programs, 0).removed, 3);
  assertEquals(files.list(`${programs}/aurora/logs`), ["current"]);
}

Deno.test("logs and journal live on a real disk", () => {
  const directory = Deno.makeTempDirSync({ prefix: "hana-logs-" });
  try {
    liveTwice(denoPlatform().files, `${directory}/programs`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a directory that is removed and made anew on a real disk is written to again", () => {
  const directory = Deno.makeTempDirSync({ prefix: "hana-logs-" });
  try {
    const { files } = denoPlatform();
    const book = open(files, directory);
    book.startRun(1, 0);
    book.handleBytes(1, "stdout", encoder.encode("before\n"));
    book.endRun(1);
    Deno.removeSync(`${directory}/aurora`, { recursive: true });
    book.handleBytes(2, "stdout", encoder.encode("after\n"));
    book.endRun(2);
    assertEquals(readLogs(files, `${directory}/aurora/logs`, {}).map(({ text }) => text), ["after"]);
    book.close(3);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("logs and journal live on a simulated disk, and survive that its machine loses power", () => {
  const world = new SimulatedWorld({ seed: 6 });
  const host = world.createHost({ name: "stage-left", interfaces: [] });
  const files = host.createProcess().platform.files;
  liveTwice(files, "/var/programs");
  const book = open(files, "/var/programs");
  book.startRun(9, 0);
  const journal = Journal.open(files, "/var/programs/aurora/journal");
  assert(
    journal.append({ kind: "want", save: { want: "down", generation: 5, by: "anna", atWallMs: 1 } }, true),
  );
  assert(journal.append({ kind: "machine", save: { state: "stopping" } }, false));
  for (let i = 0; i < 50; i++) {
    book.handleBytes(i, "stderr", encoder.encode(`last words ${i}\n`));
    book.endRun(i);
  }
  host.crash();
  const later = host.restart().files;
  assertEquals(readJournal(later, "/var/programs/aurora/journal")?.saves.want?.generation, 5);
  const again = open(later, "/var/programs");
  again.startRun(10, 100);
  again.handleBytes(101, "stdout", encoder.encode("back\n"));
  again.endRun(102);
  assertEquals(again.query({ tail: 1 })[0]?.text, "back");
  assertExists(readLogs(later, "/var/programs/aurora/logs", { tail: 1 })[0]);
});
