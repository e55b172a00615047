// Bundles of runs that ended, samples, and the bound of a whole machine.

import { assert, assertEquals, assertExists, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { BundleKeeper, pruneLogs, readBundle, SampleRing } from "../../../../lib/supervision/logs/mod.ts";
import type {
  CrashBundle,
  LogRecord,
  ProgramEvent,
  ProgramSnapshot,
  ResourceSample,
} from "../../../../lib/supervision/model/mod.ts";
import { MemoryFiles } from "./memory_files.ts";

const DIRECTORY = "/programs/aurora";

function snapshot(run: number): ProgramSnapshot {
  return {
    name: "aurora",
    generation: 3,
    argv: ["./aurora", "--scene", "intro"],
    want: "up",
    state: "backoff",
    health: "unknown",
    process: null,
    run,
    fails: 1,
    sinceWallMs: 0,
    startedWallMs: null,
    readyUs: null,
    nextTryWallMs: null,
    lastExit: null,
    status: null,
    fps: null,
    frame: null,
    residentBytes: null,
    cpuShare: null,
    processes: 0,
    note: null,
    fallback: false,
    unstable: false,
    eventSeq: 9,
    supervised: true,
  };
}

function line(seq: number, text: string): LogRecord {
  return { seq, run: 1, stream: "stderr", atWallMs: 0, sinceSpawnUs: 0, text, partial: false };
}

function event(seq: number, text: string): ProgramEvent {
  return { seq, program: "aurora", run: 1, atWallMs: 0, atUs: 0, kind: "status", by: null, detail: { text } };
}

function sample(atWallMs: number): ResourceSample {
  return { atWallMs, residentBytes: 1, cpuShare: 0.5, processes: 1, fps: 60 };
}

function bundle(run: number, parts: Partial<CrashBundle> = {}): CrashBundle {
  return { snapshot: snapshot(run), events: [], lines: [], samples: [sample(run)], changes: [], ...parts };
}

Deno.test("the bundles of the last five runs are kept, in memory at once and in files after a flush", () => {
  const files = new MemoryFiles();
  const keeper = new BundleKeeper({ files, directory: DIRECTORY });
  assertEquals([keeper.bundle(), keeper.runs()], [null, []]);
  for (let run = 1; run <= 9; run++) {
    keeper.keep(bundle(run, { lines: [line(1, `run ${run}`)] }));
    assertEquals(keeper.bundle()?.snapshot.run, run);
    assert(keeper.isBehind);
    if (run % 2 === 0) assert(keeper.flush());
  }
  assertEquals(keeper.runs(), [5, 6, 7, 8, 9]);
  assertEquals(keeper.bundle(7), bundle(7, { lines: [line(1, "run 7")] }));
  assertEquals(keeper.bundle(3), null);
  keeper.flush();
  assertEquals(files.list(`${DIRECTORY}/runs`), ["5.json", "6.json", "7.json", "8.json", "9.json"]);
  assertEquals(readBundle(files, DIRECTORY).snapshot.run, 9);
  assertEquals(assertThrows(() => readBundle(files, DIRECTORY, 1), HanaError).code, "not-found");
});

Deno.test("a bundle that is too big loses what is oldest and keeps what explains the end", () => {
  const files = new MemoryFiles();
  const keeper = new BundleKeeper({ files, directory: DIRECTORY });
  const big = bundle(1, {
    lines: Array.from({ length: 200 }, (_, at) => line(at, `${at} ${"\x01".repeat(16_000)}`)),
    events: Array.from({ length: 200 }, (_, at) => event(at + 1, "e".repeat(4000))),
  });
  keeper.keep(big);
  keeper.flush();
  assert((files.stat(`${DIRECTORY}/runs/1.json`)?.size ?? Infinity) <= 256 << 10);
  assertEquals(keeper.cut, 1);
  const kept = keeper.bundle(1);
  assertExists(kept);
  assertEquals(kept.snapshot, big.snapshot);
  assertEquals(kept.events.at(-1), big.events.at(-1));
  assertEquals(kept.lines.at(-1)?.text.slice(0, 4), "199 ");
});

Deno.test("bundles stay in memory while the disk refuses, and a file of garbage is no bundle", () => {
  const files = new MemoryFiles();
  const keeper = new BundleKeeper({ files, directory: DIRECTORY });
  files.refusal = "No space left on device";
  for (let run = 1; run <= 7; run++) {
    keeper.keep(bundle(run));
    assertEquals(keeper.flush(), false);
  }
  assertEquals(keeper.runs(), [3, 4, 5, 6, 7]);
  files.refusal = null;
  assert(keeper.flush());
  assertEquals([keeper.isBehind, keeper.bundle(4)?.snapshot.run], [false, 4]);
  files.put(`${DIRECTORY}/runs/8.json`, "{");
  files.put(`${DIRECTORY}/runs/notes.txt`, "of a person");
  assertEquals([keeper.bundle(8), keeper.bundle(7)?.snapshot.run], [null, 7]);
});

Deno.test("a minute of samples is kept, oldest first", () => {
  const ring = new SampleRing();
  assertEquals([ring.list(), ring.newest], [[], null]);
  for (let second = 1; second <= 150; second++) {
    ring.add(sample(second));
    assertEquals(ring.newest, sample(second));
    const first = Math.max(1, second - 59);
    assertEquals(
      ring.list().map(({ atWallMs }) => atWallMs),
      Array.from({ length: second - first + 1 }, (_, at) => first + at),
    );
  }
  ring.clear();
  assertEquals([ring.list(), ring.newest], [[], null]);
});

Deno.test("the oldest files of a machine go first, whichever program wrote them, and never a current one", () => {
  const files = new MemoryFiles();
  const put = (program: string, name: string) =>
    files.put(`/programs/${program}/logs/${name}`, new Uint8Array(1000));
  put("aurora", "000001.20261120T100000Z.r1-1.log");
  put("aurora", "000002.20261120T120000Z.r1-2.log");
  put("aurora", "current");
  put("slate", "000041.20261120T090000Z.r7-7.log");
  put("slate", "000042.20261120T110000Z.r7-9.log");
  put("slate", "current");
  put("slate", "notes.txt");
  assertEquals(pruneLogs(files, "/programs", 6000), { bytes: 6000, removed: 0, removedBytes: 0, refused: 0 });
  assertEquals(pruneLogs(files, "/programs", 4000), {
    bytes: 4000,
    removed: 2,
    removedBytes: 2000,
    refused: 0,
  });
  assertEquals(files.list("/programs/aurora/logs"), ["000002.20261120T120000Z.r1-2.log", "current"]);
  assertEquals(files.list("/programs/slate/logs"), [
    "000042.20261120T110000Z.r7-9.log",
    "current",
    "notes.txt",
  ]);
  assertEquals(pruneLogs(files, "/programs", 0).bytes, 2000);
  files.refusal = "Read-only file system";
  put("aurora", "000003.20261120T130000Z.r3-3.log");
  assertEquals(pruneLogs(files, "/programs", 0), { bytes: 3000, removed: 0, removedBytes: 0, refused: 1 });
  assertEquals(pruneLogs(files, "/nowhere", 0), { bytes: 0, removed: 0, removedBytes: 0, refused: 0 });
});

Deno.test("a clock that was set does not make a later file older than an earlier one of the same program", () => {
  const files = new MemoryFiles();
  const logs = "/programs/aurora/logs";
  for (
    const name of [
      "000001.20271120T100000Z.r1-1.log",
      "000002.20261120T120000Z.r1-2.log",
      "000003.20251120T120000Z.r1-2.log",
    ]
  ) {
    files.put(`${logs}/${name}`, new Uint8Array(1000));
  }
  pruneLogs(files, "/programs", 2000);
  assertEquals(files.list(logs), ["000002.20261120T120000Z.r1-2.log", "000003.20251120T120000Z.r1-2.log"]);
});
