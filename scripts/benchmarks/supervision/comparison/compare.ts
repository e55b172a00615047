// The comparison: every tool plays every scenario in a directory and under a mark of its own.
// Decides what runs beside what (nothing beside what is timed), and when hana has won: nothing orphaned, duplicated, hung or
// lost, and sooner back from a crash than each of the others.

import { has, install } from "../../discovery_tools.ts";
import type { Options } from "../options.ts";
import { endMarked } from "../processes.ts";
import type { Bench } from "../row.ts";
import { HANA } from "./hana_tool.ts";
import { bringPm2 } from "./packages.ts";
import { pm2Tools } from "./pm2.ts";
import { SCAN_TREES } from "./scan_trees.ts";
import { type Outcome, Scene } from "./scene.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { SUPERVISORD } from "./supervisord.ts";
import type { Tool } from "./tool.ts";

/** How many scenarios that time nothing are played at once. */
const AT_ONCE = 3;

/** A cell of the table. */
export interface Cell extends Outcome {
  readonly tool: string;
  readonly settings: string;
  readonly scenario: string;
}

/** The whole table. */
export interface Comparison {
  readonly tools: readonly {
    readonly name: string;
    readonly settings: string;
    readonly says: string;
    readonly version: string;
  }[];
  readonly scenarios: readonly { readonly name: string; readonly text: string }[];
  readonly cells: readonly Cell[];
  readonly missing: readonly { readonly name: string; readonly why: string }[];
  /** Null where hana was not asked for. */
  readonly isWon: boolean | null;
}

/** Plays everything that was asked for. */
export async function compare(bench: Bench, options: Options): Promise<Comparison> {
  const missing: { name: string; why: string }[] = [];
  const tools = await toolsFor(bench, options, missing);
  const scenarios = SCENARIOS.filter(({ name }) => options.scenarios?.includes(name) ?? true);
  const cells: Cell[] = [];
  for (const tool of tools) {
    bench.say(`${tool.name} (${tool.settings})`);
    for (const scenario of scenarios.filter(({ alone }) => alone === true)) {
      cells.push(await play(bench, tool, scenario));
    }
    const rest = scenarios.filter(({ alone }) => alone !== true);
    for (let at = 0; at < rest.length; at += AT_ONCE) {
      cells.push(
        ...await Promise.all(rest.slice(at, at + AT_ONCE).map((scenario) => play(bench, tool, scenario))),
      );
    }
  }
  return {
    tools: tools.map(({ name, settings, says, packages }) => ({
      name,
      settings,
      says,
      version: versionOf(name, packages),
    })),
    scenarios: scenarios.map(({ name, text }) => ({ name, text })),
    cells,
    missing,
    isWon: verdict(cells),
  };
}

async function toolsFor(
  bench: Bench,
  options: Options,
  missing: { name: string; why: string }[],
): Promise<Tool[]> {
  const isAsked = (name: string): boolean => options.tools?.includes(name) ?? true;
  const asked = [HANA, ...SUPERVISORD, ...SCAN_TREES].filter(({ name }) => isAsked(name));
  const packages = new Set(
    asked.filter(({ commands }) => !commands.every(has)).flatMap((tool) => tool.packages),
  );
  const why = packages.size === 0 ? null : await install([...packages], bench.say);
  const present = asked.filter((tool) => {
    if (tool.commands.every(has)) return true;
    missing.push({ name: `${tool.name} (${tool.settings})`, why: why ?? "not in its package" });
    return false;
  });
  if (isAsked("pm2")) {
    const brought = await bringPm2(bench.directory, bench.say);
    if ("why" in brought) missing.push({ name: "pm2", why: brought.why });
    else present.push(...pm2Tools(brought.command));
  }
  return present;
}

async function play(bench: Bench, tool: Tool, scenario: Scenario): Promise<Cell> {
  // Short: sockets stand below it.
  const id = crypto.randomUUID().slice(0, 8);
  const directory = `${bench.directory}/${id}`;
  const mark = `${bench.mark}/${id}`;
  await Deno.mkdir(directory, { mode: 0o700 });
  const programs = Array.from({ length: scenario.count ?? 1 }, (_, at) => ({
    name: `p${at}`,
    argv: scenario.argv(bench.child, `${directory}/p${at}.stamps`),
  }));
  const about = { tool: tool.name, settings: tool.settings, scenario: scenario.name };
  try {
    const around = scenario.isTimed === true
      ? { ...bench, isolated: [...bench.ahead, ...bench.isolated] }
      : bench;
    const scene = await Scene.begin(tool, { bench: around, directory, mark, programs });
    return { ...about, ...await scenario.play(scene) };
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    bench.say(`${tool.name} (${tool.settings}), ${scenario.name}: ${text}`);
    return { ...about, text: "FAILED", survived: false, orphaned: 0, duplicated: 0, hung: false };
  } finally {
    await endMarked(mark);
    await Deno.remove(directory, { recursive: true });
  }
}

function verdict(cells: readonly Cell[]): boolean | null {
  const ours = cells.filter(({ tool }) => tool === HANA.name);
  if (ours.length === 0) return null;
  const own = ours.find(({ scenario }) => scenario === "crash")?.ms ?? -Infinity;
  const isFastest = cells.every(({ tool, scenario, ms }) =>
    tool === HANA.name || scenario !== "crash" || (ms ?? Infinity) > own
  );
  return isFastest &&
    ours.every(({ survived, orphaned, duplicated, hung }) =>
      survived && orphaned === 0 && duplicated === 0 && !hung
    );
}

function versionOf(name: string, packages: readonly string[]): string {
  const [first] = packages;
  if (first === undefined) return name === "pm2" ? "npm" : "";
  const { success, stdout } = new Deno.Command("dpkg-query", {
    args: ["-W", "-f=${Version}", first],
    stdin: "null",
    stderr: "null",
  }).outputSync();
  return success ? `Debian ${new TextDecoder().decode(stdout)}` : "";
}
