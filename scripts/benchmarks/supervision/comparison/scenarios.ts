// The chaos scripts, the same for every tool. Decides what each does to a program, how long it is watched, and what counts as
// survived, orphaned, duplicated or hung.

import { median } from "../../statistics.ts";
import { killAndWait } from "../figures/crashes.ts";
import { eventually, inspect, signalProcess } from "../processes.ts";
import type { Outcome, Scene } from "./scene.ts";

/** How long a tool has to end what is left of a program. */
const LEFT_MS = 15_000;
const CRASHES = 10;
const EARLY_CRASHES = 6;
const EARLY_CRASHES_SH = new URL("../programs/early_crashes.sh", import.meta.url).pathname;

/** A scenario. */
export interface Scenario {
  readonly name: string;
  readonly text: string;
  /** How many programs, and what they do: `stamps` is the file of starts, `child` the chaos child. */
  readonly count?: number;
  readonly argv: (child: string, stamps: string) => readonly string[];
  /** It times something: priority over the rest of the machine is for it. */
  readonly isTimed?: true;
  /** Nothing else runs meanwhile. */
  readonly alone?: true;
  play(scene: Scene): Promise<Outcome>;
}

const NAME = "p0";
const GOOD: Outcome = { text: "", survived: true, orphaned: 0, duplicated: 0, hung: false };

const orders = (...rest: readonly string[]) => (child: string, stamps: string): string[] => [
  child,
  `stamp ${stamps}`,
  ...rest,
];

/** All of them. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "crash",
    text: "killed by SIGKILL, to running (median of 10)",
    count: CRASHES,
    argv: orders(),
    alone: true,
    isTimed: true,
    play: playCrash,
  },
  {
    name: "crash-loop",
    text: `crashes 0.3 s after its start, ${EARLY_CRASHES} times, then is well`,
    // It counts its own starts, so that it is the same under every tool.
    // A start and an end each time.
    argv: (child, stamps) => ["/bin/sh", EARLY_CRASHES_SH, child, stamps, String(2 * EARLY_CRASHES)],
    isTimed: true,
    play: playCrashLoop,
  },
  { name: "ignores-term", text: "ignores SIGTERM, is stopped", argv: orders("ignore TERM"), play: playStop },
  {
    name: "leader-exits",
    text: "crashes and leaves a child that ignores SIGTERM",
    argv: orders("fork 1", "exit 1 after 1500ms"),
    play: playLeaderExits,
  },
  {
    name: "storm",
    text: "40 children by setsid and double fork, is stopped",
    argv: orders("fork 40 setsid"),
    play: playStop,
  },
  {
    name: "stdout-held",
    text: "killed while a grandchild holds its output",
    argv: orders("fork 1 setsid"),
    play: playStdoutHeld,
  },
  {
    name: "supervisor-killed",
    text: "supervisor killed by SIGKILL and started again",
    argv: orders("chatter 10 for 3600s"),
    play: playSupervisorKilled,
  },
  {
    name: "holder-killed",
    text: "the process that holds the program killed",
    argv: orders("chatter 10 for 3600s"),
    play: playHolderKilled,
  },
  { name: "two-restarts", text: "two restarts at once, 5 times", argv: orders(), play: playTwoRestarts },
  {
    name: "flood",
    text: "100 MB/s of output for 10 s",
    argv: orders("flood 100MB for 10s"),
    alone: true,
    play: playFlood,
  },
  { name: "hang", text: "hangs", argv: orders("speak", "hang after 2s"), play: playHang },
];

async function playCrash(scene: Scene): Promise<Outcome> {
  await scene.pause(4_000);
  const took: number[] = [];
  for (const { name } of scene.ground.programs) {
    took.push(await killAndWait(`${scene.ground.directory}/${name}.stamps`, 20_000));
  }
  const ms = median(took);
  return { ...GOOD, ms, text: showMs(ms), survived: took.every(Number.isFinite) };
}

async function playCrashLoop(scene: Scene): Promise<Outcome> {
  const well = await eventually(() => scene.stamps(NAME)[EARLY_CRASHES], 40_000, 50);
  const first = scene.stamps(NAME)[0];
  if (well === null || first === undefined) {
    return { ...GOOD, text: `given up after ${scene.stamps(NAME).length} starts`, survived: false };
  }
  const ms = (well.atUs - first.atUs) / 1000;
  return { ...GOOD, text: `well after ${showMs(ms)}` };
}

async function playStop(scene: Scene): Promise<Outcome> {
  await scene.pause(2_000);
  const stopped = await scene.stop(NAME);
  const left = await scene.leftAfter(LEFT_MS);
  return leftovers(stopped.hung, left, scene.leaders(NAME).length, `gone after ${showMs(stopped.ms)}`);
}

async function playLeaderExits(scene: Scene): Promise<Outcome> {
  await eventually(() => scene.stamps(NAME).length >= 3, 12_000, 20);
  await scene.pause(500);
  const strays = scene.all().length - scene.leaders(NAME).length - 1;
  const runs = scene.stamps(NAME).length;
  const stopped = await scene.stop(NAME);
  const left = await scene.leftAfter(LEFT_MS);
  const outcome = leftovers(stopped.hung, left, scene.leaders(NAME).length, `${runs} runs, no child left`);
  if (strays <= 0 || outcome.orphaned > 0 || outcome.hung) return outcome;
  return { ...outcome, orphaned: strays, text: `ORPHANED ${strays} while it ran` };
}

async function playStdoutHeld(scene: Scene): Promise<Outcome> {
  await scene.pause(4_000);
  const ms = await killAndWait(`${scene.ground.directory}/${NAME}.stamps`, 15_000);
  const stopped = await scene.stop(NAME);
  const left = await scene.leftAfter(LEFT_MS);
  const outcome = leftovers(stopped.hung, left, scene.leaders(NAME).length, `running after ${showMs(ms)}`);
  return Number.isFinite(ms) ? outcome : { ...outcome, survived: false, text: "NOT STARTED AGAIN" };
}

async function playSupervisorKilled(scene: Scene): Promise<Outcome> {
  const leader = await scene.leader(NAME);
  await scene.pause(3_000);
  const main = inspect(scene.running.mainProcess());
  if (main === null) throw new Error(`${scene.tool.name} has no process`);
  signalProcess(main, "SIGKILL");
  await scene.pause(2_000);
  const lived = scene.leaders(NAME).some(({ processId }) => processId === leader.processId);
  const back = await scene.returned(scene.running.startAgain());
  await scene.pause(8_000);
  const leaders = scene.leaders(NAME);
  const same = leaders.some(({ processId }) => processId === leader.processId);
  const stopped = await scene.stop(NAME);
  const left = await scene.leftAfter(LEFT_MS);
  const facts = { orphaned: left, duplicated: Math.max(0, leaders.length - 1), hung: !back || stopped.hung };
  const words = [
    leaders.length > 1 ? `DUPLICATED (${leaders.length} copies)` : "",
    left > 0 ? `ORPHANED ${left}` : "",
    leaders.length === 0 ? "LOST" : "",
    facts.hung ? "HUNG" : "",
  ].filter((word) => word !== "");
  const text = words.length > 0
    ? `${lived ? "" : "died with it, "}${words.join(", ")}`
    : same
    ? "undisturbed"
    : "died with it, started anew";
  return { ...facts, survived: leaders.length > 0, text };
}

async function playHolderKilled(scene: Scene): Promise<Outcome> {
  const leader = await scene.leader(NAME);
  await scene.pause(3_000);
  const holder = inspect(leader.parentId);
  if (holder === null || holder.processId === scene.running.mainProcess()) {
    return { ...GOOD, text: "the supervisor itself" };
  }
  signalProcess(holder, "SIGKILL");
  await scene.pause(10_000);
  const leaders = scene.leaders(NAME);
  const isNew = leaders.every(({ processId }) => processId !== leader.processId);
  const stopped = await scene.stop(NAME);
  const left = await scene.leftAfter(LEFT_MS);
  const duplicated = Math.max(0, leaders.length - 1);
  const words = [
    duplicated > 0 ? `DUPLICATED (${leaders.length} copies)` : "",
    left > 0 ? `ORPHANED ${left}` : "",
    leaders.length === 0 ? "LOST" : "",
    stopped.hung ? "HUNG" : "",
  ].filter((word) => word !== "");
  const text = words.length > 0 ? words.join(", ") : isNew ? "started anew" : "undisturbed";
  return { text, survived: leaders.length > 0, orphaned: left, duplicated, hung: stopped.hung };
}

async function playTwoRestarts(scene: Scene): Promise<Outcome> {
  await scene.leader(NAME);
  await scene.pause(2_000);
  let most = 1;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      most = Math.max(most, scene.leaders(NAME).length);
      await scene.pause(25);
    }
  })();
  let hung = false;
  const began = performance.now();
  for (let round = 0; round < 5; round++) {
    const both = [scene.running.restart(NAME), scene.running.restart(NAME)];
    for (const one of await Promise.all(both.map((each) => scene.returned(each)))) hung ||= !one;
    await scene.pause(500);
  }
  const ms = (performance.now() - began) / 5 - 500;
  await scene.pause(2_000);
  isOver = true;
  await watching;
  const leaders = scene.leaders(NAME).length;
  const starts = scene.stamps(NAME).length - 1;
  const stopped = await scene.stop(NAME);
  const left = await scene.leftAfter(LEFT_MS);
  const outcome = leftovers(
    hung || stopped.hung,
    left,
    0,
    `one copy, ${starts} starts, ${showMs(ms)} a pair`,
  );
  if (most > 1) return { ...outcome, duplicated: most - 1, text: `DUPLICATED (${most} copies)` };
  return leaders === 0 ? { ...outcome, survived: false, text: "LOST" } : outcome;
}

async function playFlood(scene: Scene): Promise<Outcome> {
  const leader = await scene.leader(NAME);
  await scene.pause(12_000);
  const isSame = scene.leaders(NAME).some(({ processId }) => processId === leader.processId);
  const bytes = bytesUnder(scene.ground.directory);
  const stopped = await scene.stop(NAME);
  const left = await scene.leftAfter(LEFT_MS);
  const outcome = leftovers(
    stopped.hung,
    left,
    0,
    `${Math.round(bytes / 1e6)} MB on disk`,
  );
  return isSame ? outcome : { ...outcome, survived: false, text: `ENDED, ${outcome.text}` };
}

async function playHang(scene: Scene): Promise<Outcome> {
  if (!scene.tool.seesHangs) return { ...GOOD, hung: true, text: "STAYS HUNG: no health check" };
  const first = await scene.leader(NAME);
  const began = scene.stamps(NAME)[0]?.atUs ?? NaN;
  const next = await eventually(() => scene.stamps(NAME)[1], 30_000, 50);
  const ms = ((next?.atUs ?? Infinity) - began) / 1000 - 2_000;
  const lives = scene.leaders(NAME).some(({ processId }) => processId === first.processId);
  if (next === null) return { ...GOOD, hung: true, text: "HUNG" };
  return { ...GOOD, hung: lives, text: lives ? "HUNG" : `ended and started anew after ${showMs(ms)}` };
}

function leftovers(hung: boolean, left: number, leaders: number, text: string): Outcome {
  const outcome = { survived: true, duplicated: 0, hung: hung || leaders > 0, orphaned: left - leaders };
  const words = [
    hung ? "HUNG" : "",
    leaders > 0 ? "WILL NOT END" : "",
    left > leaders ? `ORPHANED ${left - leaders}` : "",
  ]
    .filter((word) => word !== "");
  return { ...outcome, text: words.length > 0 ? words.join(", ") : text };
}

function showMs(ms: number): string {
  if (!Number.isFinite(ms)) return "never";
  return ms < 9.95
    ? `${ms.toFixed(1)} ms`
    : ms < 999.5
    ? `${Math.round(ms)} ms`
    : `${(ms / 1000).toFixed(1)} s`;
}

function bytesUnder(folder: string): number {
  let bytes = 0;
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    try {
      if (isDirectory) bytes += bytesUnder(path);
      else if (isFile) bytes += Deno.statSync(path).size;
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
  return bytes;
}
