// From a program's SIGKILL to its replacement's first instruction: hana, a loop in C and a loop of `Deno.Command` in turn.
// Decides that only first retries count: each program of hana is killed once, after it was ready.

import { startChild } from "../../children.ts";
import { percentile, round } from "../../statistics.ts";
import { readStamps } from "../../../../tests/support/chaos_child.ts";
import { Daemon } from "../daemon.ts";
import { eventually, MARK_NAME, pause } from "../processes.ts";
import { wallUs } from "../wall_clock.ts";
import { type Bench, ownDirectory, type Row } from "../row.ts";

const PROGRAMS_AT_ONCE = 10;
const RESPAWN_TS = new URL("../programs/respawn.ts", import.meta.url).pathname;

/** Takes the figures. */
export async function measureCrashes(bench: Bench): Promise<Row[]> {
  const directory = ownDirectory(bench, "crash");
  const samples = bench.isQuick ? 20 : 120;
  const rounds = samples / PROGRAMS_AT_ONCE;
  const ofHana: number[] = [];
  const ofC: number[] = [];
  const ofDeno: number[] = [];
  const daemon = new Daemon({ ...bench, prefix: [...bench.ahead, ...bench.isolated], directory });
  const loopC = startLoop(bench, [bench.respawn], `${directory}/c`);
  const loopDeno = startLoop(bench, [Deno.execPath(), "run", "-A", "--quiet", RESPAWN_TS], `${directory}/d`);
  await daemon.start();
  const console = await daemon.console();
  try {
    for (let round = 0; round < rounds; round++) {
      const names = Array.from({ length: PROGRAMS_AT_ONCE }, (_, at) => `p${round}-${at}`);
      for (const name of names) {
        await console.spawn(name, [bench.child, `stamp ${directory}/${name}`], { restart: "always" });
      }
      // Each is ready after a second of life, and quiet.
      for (const name of names) await console.untilEvent(name, "ready", 10_000);
      await pause(500);
      for (const name of names) {
        ofHana.push(await killAndWait(`${directory}/${name}`));
        ofC.push(await killAndWait(`${directory}/c`));
        ofDeno.push(await killAndWait(`${directory}/d`));
        await pause(20);
      }
      await Promise.all(names.map((name) => console.remove(name)));
    }
  } finally {
    await console.close();
    await daemon.stop();
    loopC.kill("SIGTERM");
    loopDeno.kill("SIGTERM");
    await Promise.all([loopC.status, loopDeno.status]);
  }
  const [mine, c, deno] = [ofHana, ofC, ofDeno].map(figuresOf);
  return [
    {
      what: "crash to replacement's exec, first retry",
      unit: "ms",
      figures: {
        ...mine,
        "of C": round((mine?.p50 ?? NaN) / (c?.p50 ?? NaN)),
        "of Deno": round((mine?.p50 ?? NaN) / (deno?.p50 ?? NaN)),
      },
      limit: { p50: 4, p99: 20 },
    },
    { what: "the same, bare loop in C", unit: "ms", figures: c ?? {}, limit: {} },
    { what: "the same, bare loop of Deno.Command", unit: "ms", figures: deno ?? {}, limit: {} },
  ];
}

/** Kills the newest process that stamped, and waits for the next stamp. Returns the milliseconds between. */
export async function killAndWait(stamps: string, timeoutMs = 60_000): Promise<number> {
  const starts = (): ReturnType<typeof readStamps> =>
    readStamps(stamps).filter(({ what }) => what === "start");
  const before = await eventually(() => starts().at(-1), 10_000);
  if (before === null) throw new Error(`nothing has stamped ${stamps}`);
  const count = starts().length;
  const killedUs = wallUs();
  Deno.kill(before.processId, "SIGKILL");
  const next = await eventually(() => starts()[count], timeoutMs, 10);
  return next === null ? Infinity : (next.atUs - killedUs) / 1000;
}

function startLoop(bench: Bench, command: readonly string[], stamps: string): Deno.ChildProcess {
  return startChild([...bench.ahead, ...command, bench.child, `stamp ${stamps}`], {
    env: { [MARK_NAME]: bench.mark },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
}

/** p50, p99, longest and how many. */
export function figuresOf(values: readonly number[]): Record<string, number> {
  return {
    p50: round(percentile(values, 0.5)),
    p99: round(percentile(values, 0.99)),
    max: round(Math.max(...values)),
    n: values.length,
  };
}
