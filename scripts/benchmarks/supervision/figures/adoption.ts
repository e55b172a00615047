// A daemon that was killed and started again: how soon it has its twenty programs back, and that none of them noticed.
// Decides where the clock starts: at the exec of `hana serve`, and at the beginning of adoption alone (the very code that
// serve runs, called from a program of its own, with the runtime running already).

import { median, round } from "../../statistics.ts";
import { Daemon } from "../daemon.ts";
import { pause } from "../processes.ts";
import { type Bench, ownDirectory, type Row } from "../row.ts";
import { figuresOf } from "./crashes.ts";

const PROGRAMS = 20;
const ADOPT_TS = new URL("../programs/adopt.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../../deno.json", import.meta.url).pathname;

/** Takes the figures. */
export async function measureAdoption(bench: Bench): Promise<Row[]> {
  const directory = ownDirectory(bench, "adopt");
  const rounds = bench.isQuick ? 3 : 12;
  const prefix = [...bench.ahead, ...bench.isolated];
  const daemon = new Daemon({ ...bench, prefix, directory });
  const empty = new Daemon({ ...bench, prefix, directory: ownDirectory(bench, "empty") });
  await daemon.start();
  await empty.start();
  let console = await daemon.console();
  const names = Array.from({ length: PROGRAMS }, (_, at) => `a${at}`);
  for (const name of names) await console.spawn(name, [bench.child, `stamp ${directory}/${name}`]);
  for (const name of names) await console.untilEvent(name, "ready", 20_000);
  const pids = await leaders(console);
  const fromExec: number[] = [];
  const readyWith: number[] = [];
  const readyWithout: number[] = [];
  const adopting: number[] = [];
  let lost = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      await console.close();
      await daemon.crash();
      await empty.crash();
      adopting.push(await adoptAlone(bench, daemon.nodeDirectory, `${directory}/r`));
      await pause(300);
      await daemon.start();
      const { startedWallMs } = daemon;
      readyWith.push(daemon.readyMs);
      console = await daemon.console();
      const adopted = (await console.past()).filter(({ kind, atWallMs }) =>
        kind === "adopted" && atWallMs >= startedWallMs
      );
      const found = new Set(adopted.map(({ program }) => program)).size;
      fromExec.push(Math.max(...adopted.map(({ atWallMs }) => atWallMs)) - startedWallMs);
      if (found < PROGRAMS) lost += PROGRAMS - found;
      const now = await leaders(console);
      lost += names.filter((name) => now.get(name) !== pids.get(name)).length;
      await pause(200);
      await empty.start();
      readyWithout.push(empty.readyMs);
    }
  } finally {
    await console.close();
    await daemon.stop();
    await empty.stop();
  }
  return [
    {
      what: `adoption of ${PROGRAMS} programs, from its start`,
      unit: "ms",
      figures: { ...figuresOf(adopting), "lost or disturbed": lost },
      limit: { max: 200, "lost or disturbed": 0 },
      note: "by the code from source",
    },
    {
      what: "the same, from exec of hana serve to the last one",
      unit: "ms",
      figures: figuresOf(fromExec),
      limit: {},
    },
    {
      what: "hana serve: exec to reachable, with them / without any",
      unit: "ms",
      figures: { with: round(median(readyWith)), without: round(median(readyWithout)), n: rounds },
      limit: {},
    },
  ];
}

async function leaders(console: Awaited<ReturnType<Daemon["console"]>>): Promise<Map<string, number>> {
  return new Map((await console.list()).map(({ name, process }) => [name, process?.processId ?? -1]));
}

async function adoptAlone(bench: Bench, directory: string, runDirectory: string): Promise<number> {
  const [command = "", ...before] = [...bench.ahead, Deno.execPath()];
  const ran = await new Deno.Command(command, {
    args: [
      ...before,
      ...["run", "-A", "--quiet", "--no-check", "--config", CONFIG],
      ...[ADOPT_TS, directory, runDirectory, ...bench.hana, "__shim"],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).output();
  const answer = JSON.parse(new TextDecoder().decode(ran.stdout)) as { ms: number; adopted: number };
  return answer.adopted === PROGRAMS ? answer.ms : Infinity;
}
