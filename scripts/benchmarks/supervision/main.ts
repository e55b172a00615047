// scripts/bench supervision: what supervision takes and how soon it acts, and the same misbehaving programs under hana and
// under other supervisors. Decides the order of measurements, and the exit code: 5 when a number is missed, 3 when
// something could not be measured. docs/supervision.md says how to read it. Nothing that a run started outlives it.

import { EXIT } from "../../../cli/output/exit_codes.ts";
import { binaryPath } from "../../../tests/support/binary.ts";
import { chaosChild } from "../../../tests/support/chaos_child.ts";
import { endChildren } from "../children.ts";
import { chooseHana } from "../discovery_tools.ts";
import { compiledHana, SOURCE_HANA } from "../executables.ts";
import { isolated } from "../isolation.ts";
import { describeMachine } from "../machine.ts";
import { CannotMeasure } from "../result.ts";
import { measureAdoption } from "./figures/adoption.ts";
import { measureCrashes } from "./figures/crashes.ts";
import { measureFlood } from "./figures/flood.ts";
import { measureHang, measureHogs } from "./figures/patience.ts";
import { measureMemory } from "./figures/memory.ts";
import { measureRemote } from "./figures/remote.ts";
import { compare, type Comparison } from "./comparison/compare.ts";
import { type Options, parseOptions, type Part, USAGE } from "./options.ts";
import { endMarked, newMark } from "./processes.ts";
import { renderComparison, renderRows } from "./rendering.ts";
import { type Bench, isKept, type Row } from "./row.ts";

const GRACE_MS = 4_000;
const NATIVE = new URL("./native/", import.meta.url).pathname;

const MEASURES: Readonly<Record<Exclude<Part, "comparison">, (bench: Bench) => Promise<Row[]>>> = {
  crash: measureCrashes,
  hang: measureHang,
  remote: measureRemote,
  adoption: measureAdoption,
  memory: measureMemory,
  flood: measureFlood,
  hogs: measureHogs,
};

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

async function hanaOf(options: Options): Promise<{ command: readonly string[]; text: string }> {
  if (options.binary !== null) return { command: [options.binary], text: `compiled, ${options.binary}` };
  if (options.compiles) await compiledHana();
  const { binary, text } = await chooseHana(null, false);
  return binary === null ? { command: [SOURCE_HANA], text } : { command: [binaryPath()], text };
}

async function compileC(directory: string, name: string): Promise<string> {
  const path = `${directory}/${name}`;
  const { success, stderr } = await new Deno.Command("cc", {
    args: ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", path, `${NATIVE}${name}.c`],
    stdin: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new CannotMeasure(`cc: ${new TextDecoder().decode(stderr).trim()}`);
  return path;
}

async function run(options: Options, bench: Bench, hanaText: string): Promise<number> {
  const rows: (Row & { readonly part: Part; readonly load: number })[] = [];
  const unmeasured: { readonly name: string; readonly why: string }[] = [];
  let comparison: Comparison | null = null;
  for (const part of options.parts) {
    const before = load();
    say(`${part} (load ${before.toFixed(1)})`);
    try {
      if (part === "comparison") {
        comparison = await compare(bench, options);
        unmeasured.push(...comparison.missing);
        if (options.json !== "-") write(Deno.stdout, renderComparison(comparison));
      } else {
        const taken = (await MEASURES[part](bench)).map((row) => ({ ...row, part, load: before }));
        rows.push(...taken);
        if (options.json !== "-") write(Deno.stdout, renderRows(taken));
      }
    } catch (thrown) {
      if (!(thrown instanceof CannotMeasure)) throw thrown;
      say(`${part} cannot be measured here: ${thrown.message}`);
      unmeasured.push({ name: part, why: thrown.message });
    } finally {
      await endMarked(bench.mark);
    }
  }
  const document = {
    schema: "hana.bench-supervision/1",
    machine: describeMachine(),
    hana: hanaText,
    priority: options.hasPriority,
    rows: rows.map((row) => ({ ...row, kept: isKept(row) })),
    comparison,
    unmeasured,
  };
  if (options.json === "-") write(Deno.stdout, JSON.stringify(document, null, 2));
  else if (options.json !== null) {
    await Deno.writeTextFile(options.json, JSON.stringify(document, null, 2) + "\n");
  }
  write(Deno.stderr, `hana: ${hanaText}`);
  if (!rows.every(isKept) || comparison?.isWon === false) return EXIT.threshold;
  return unmeasured.length > 0 ? EXIT.partial : EXIT.done;
}

async function main(): Promise<number> {
  const options = parseOptions(Deno.args);
  if (options === null) {
    write(Deno.stderr, USAGE);
    return EXIT.usage;
  }
  if (Deno.build.os !== "linux") {
    say("it reads /proc, which only Linux has");
    return EXIT.partial;
  }
  const directory = await Deno.makeTempDir({ prefix: "hana-sv-" });
  const mark = newMark();
  const cleanUp = async (): Promise<void> => {
    await endMarked(mark);
    await endChildren(GRACE_MS);
    await Deno.remove(directory, { recursive: true });
  };
  for (const [signal, code] of [["SIGINT", EXIT.interrupted], ["SIGTERM", EXIT.terminated]] as const) {
    Deno.addSignalListener(signal, () => void cleanUp().finally(() => Deno.exit(code)));
  }
  try {
    const { command, text } = await hanaOf(options);
    const bench: Bench = {
      hana: command,
      child: await chaosChild(),
      benchChild: await compileC(directory, "bench_child"),
      respawn: await compileC(directory, "respawn"),
      directory,
      isolated: isolated({ loopbackOnly: true }),
      mark,
      isQuick: options.isQuick,
      ahead: options.hasPriority ? ["chrt", "-r", "10"] : [],
      say,
    };
    return await run(options, bench, text);
  } catch (thrown) {
    if (!(thrown instanceof CannotMeasure)) throw thrown;
    say(`nothing can be measured here: ${thrown.message}`);
    return EXIT.partial;
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
