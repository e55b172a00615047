// scripts/bench state: hana's shared state beside Colyseus, Yjs and Automerge, on the same edits in one run, and what hana
// alone is asked for. Decides the order, and the exit code: 5 when a number is missed, 3 when something could not be
// measured. docs/state-numbers.md says how to read it. Nothing that a run started outlives it.

import { EXIT } from "../../../cli/output/exit_codes.ts";
import { endChildren, startChild } from "../children.ts";
import { isolated } from "../isolation.ts";
import { describeMachine } from "../machine.ts";
import { renderRows } from "../supervision/rendering.ts";
import { isKept, type Row } from "../supervision/row.ts";
import { HZ } from "./edits.ts";
import { type Options, parseOptions, type Part, type Runtime, type SystemName, USAGE } from "./options.ts";
import { type Cell, renderGrowth, renderPatches } from "./rendering.ts";
import type { Answer, LiveTask, OwnTask, Task } from "./task.ts";
import { bringPackages, bundle, commandOf } from "./tools.ts";

const GRACE_MS = 3_000;
const MOST_WORDS = 600;
/** In these something else is measured beside hana. */
const COMPARED: readonly Part[] = ["patches", "growth", "latency"];
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
/** Parts with live processes; the last two lay out machines of their own. */
const LIVE_PARTS = ["latency", "crowd", "arrivals", "failover", "soak"] as const;
const LIVE = new URL("./live.ts", import.meta.url).pathname;
/** Automerge takes milliseconds a frame: as many of them as fit a minute, and the figures say how many. */
const AUTOMERGE_FRAMES = 1_800;

function write(to: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = new TextEncoder().encode(text + "\n");
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

function say(text: string): void {
  write(Deno.stderr, `hana: ${text}`);
}

/** How busy the machine is, over the last minute. */
function load(): number {
  return Deno.loadavg()[0] ?? NaN;
}

/** Runs a program to its end and reads its last line. */
async function ask(command: readonly string[]): Promise<unknown> {
  const child = startChild(command, { stdin: "null", stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await child.output();
  if (!success) {
    // What was thrown, not where.
    const words = new TextDecoder().decode(stderr).split("\n").filter((text) => text.includes("rror"));
    throw new Error(words.slice(0, 2).join(" | ").slice(0, MOST_WORDS));
  }
  const line = new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "";
  return JSON.parse(line);
}

interface Unmeasured {
  readonly name: string;
  readonly why: string;
}

async function compare(
  part: "patches" | "growth",
  options: Options,
  directory: string,
  missing: Unmeasured[],
) {
  const cells: Cell[] = [];
  for (const runtime of options.runtimes) {
    for (const system of options.systems) {
      const name = `${part}, ${system} under ${runtime}`;
      try {
        cells.push(await measure(part, system, runtime, options, directory));
      } catch (thrown) {
        const why = thrown instanceof Error ? thrown.message : String(thrown);
        say(`${name} cannot be measured here: ${why}`);
        missing.push({ name, why });
      }
    }
  }
  return cells;
}

async function measure(
  part: "patches" | "growth",
  system: SystemName,
  runtime: Runtime,
  options: Options,
  directory: string,
): Promise<Cell> {
  const frames = Math.round(options.minutes * 60 * HZ);
  const task: Task = {
    system,
    part,
    warmUpMs: options.isQuick ? 300 : 2_000,
    measureMs: options.isQuick ? 300 : 2_000,
    maxPatches: 100_000,
    frames: system === "automerge" ? Math.min(frames, AUTOMERGE_FRAMES) : frames,
  };
  const answer = await ask(commandOf(runtime, directory, "driver", task)) as Answer;
  return { system, runtime, ...answer };
}

async function measureOwn(part: OwnTask["part"], options: Options, directory: string): Promise<Row[]> {
  const ms = options.isQuick ? 200 : 1_500;
  const task: OwnTask = { part, warmUpMs: ms, measureMs: ms };
  return await ask(commandOf("deno", directory, "own_driver", task)) as Row[];
}

function isLive(part: Part): part is LiveTask["part"] {
  return (LIVE_PARTS as readonly Part[]).includes(part);
}

/** Live processes, in a namespace of their own. */
async function measureLive(part: LiveTask["part"], options: Options, directory: string): Promise<Row[]> {
  const systems = options.systems.filter((system) => system !== "automerge");
  const { isQuick, minutes } = options;
  const task: LiveTask = { part, systems, directory, isQuick, minutes };
  const program = [
    ...[Deno.execPath(), "run", "--quiet", "-A", "--no-prompt", "--frozen", "--config", CONFIG],
    ...[LIVE, JSON.stringify(task)],
  ];
  const hasMachines = part === "failover" || part === "soak";
  return await ask([...(hasMachines ? [] : isolated({ loopbackOnly: true })), ...program]) as Row[];
}

async function run(options: Options, directory: string): Promise<number> {
  const cells: (Cell & { readonly part: Part; readonly load: number })[] = [];
  const rows: (Row & { readonly part: Part; readonly load: number })[] = [];
  const unmeasured: Unmeasured[] = [];
  const prints = options.json !== "-";
  const isCompared = options.parts.some((part) => COMPARED.includes(part));
  const failure = isCompared && options.systems.some((system) => system !== "hana")
    ? await bringPackages(directory, say)
    : null;
  const systems = failure === null ? options.systems : options.systems.filter((system) => system === "hana");
  if (failure !== null) unmeasured.push({ name: "what is compared", why: failure });
  const needs = (parts: readonly Part[]): boolean => options.parts.some((part) => parts.includes(part));
  if (needs(["patches", "growth"])) await bundle(directory, "driver");
  if (needs(["merging", "capacity", "joining"])) await bundle(directory, "own_driver");
  if (needs(["latency"]) && systems.length > 1) await bundle(directory, "ends_driver");
  for (const part of options.parts) {
    const before = load();
    say(`${part} (load ${before.toFixed(1)})`);
    if (part === "patches" || part === "growth") {
      const found = await compare(part, { ...options, systems }, directory, unmeasured);
      cells.push(...found.map((cell) => ({ ...cell, part, load: before })));
      if (prints) write(Deno.stdout, part === "patches" ? renderPatches(found) : renderGrowth(found));
    } else {
      let found: Row[];
      try {
        found = isLive(part)
          ? await measureLive(part, { ...options, systems }, directory)
          : await measureOwn(part, options, directory);
      } catch (thrown) {
        const why = thrown instanceof Error ? thrown.message : String(thrown);
        say(`${part} cannot be measured here: ${why}`);
        unmeasured.push({ name: part, why });
        continue;
      }
      rows.push(...found.map((row) => ({ ...row, part, load: before })));
      if (prints) write(Deno.stdout, renderRows(found));
    }
  }
  const document = {
    schema: "hana.bench-state/1",
    machine: describeMachine(),
    minutes: options.minutes,
    cells,
    rows: rows.map((row) => ({ ...row, kept: isKept(row) })),
    unmeasured,
  };
  if (options.json === "-") write(Deno.stdout, JSON.stringify(document, null, 2));
  else if (options.json !== null) {
    await Deno.writeTextFile(options.json, JSON.stringify(document, null, 2) + "\n");
  }
  if (!rows.every(isKept)) return EXIT.threshold;
  return unmeasured.length > 0 ? EXIT.partial : EXIT.done;
}

async function main(): Promise<number> {
  const options = parseOptions(Deno.args);
  if (options === null) {
    write(Deno.stderr, USAGE);
    return EXIT.usage;
  }
  const directory = await Deno.makeTempDir({ prefix: "hana-state-" });
  const cleanUp = async (): Promise<void> => {
    await endChildren(GRACE_MS);
    await Deno.remove(directory, { recursive: true });
  };
  for (const [signal, code] of [["SIGINT", EXIT.interrupted], ["SIGTERM", EXIT.terminated]] as const) {
    Deno.addSignalListener(signal, () => void cleanUp().finally(() => Deno.exit(code)));
  }
  try {
    return await run(options, directory);
  } finally {
    await cleanUp();
  }
}

Deno.exit(
  await main().catch((thrown: unknown) => {
    say(thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown));
    return EXIT.bug;
  }),
);
