// How soon a hang is noticed, and that a starved machine is none. Decides when a program was wronged: any word of hana about
// a program that beat all the time.

import { round } from "../../statistics.ts";
import { readNotes } from "../bench_child.ts";
import { startChild } from "../../children.ts";
import { Daemon } from "../daemon.ts";
import { eventually, MARK_NAME, pause } from "../processes.ts";
import { type Bench, ownDirectory, type Row } from "../row.ts";
import { figuresOf } from "./crashes.ts";

const HOGS = 8;
const WATCHED = 5;

/** From a program's last heartbeat to the event `hung`, and to its replacement. */
export async function measureHang(bench: Bench): Promise<Row[]> {
  const directory = ownDirectory(bench, "hang");
  const programs = bench.isQuick ? 5 : 20;
  const daemon = new Daemon({ ...bench, prefix: bench.isolated, directory });
  await daemon.start();
  const console = await daemon.console();
  const seen: number[] = [];
  const replaced: number[] = [];
  try {
    const names = Array.from({ length: programs }, (_, at) => `h${at}`);
    for (const [at, name] of names.entries()) {
      await console.spawn(name, [
        bench.benchChild,
        `${directory}/${name}.notes`,
        "100",
        `hang=${2_000 + 37 * at}`,
      ]);
    }
    for (const name of names) {
      const path = `${directory}/${name}.notes`;
      const event = await console.untilEvent(name, "hung", 20_000);
      const { silentUs } = readNotes(path);
      seen.push(event === null || silentUs === null ? Infinity : event.atWallMs - silentUs / 1000);
    }
    for (const name of names) {
      const notes = await eventually(() => {
        const found = readNotes(`${directory}/${name}.notes`);
        return found.startsUs.length > 1 ? found : null;
      }, 30_000);
      replaced.push(((notes?.startsUs[1] ?? Infinity) - (notes?.silentUs ?? 0)) / 1000);
    }
  } finally {
    await console.close();
    await daemon.stop();
  }
  return [
    {
      what: "hang: last heartbeat to the alarm",
      unit: "ms",
      figures: { min: round(Math.min(...seen)), ...figuresOf(seen) },
      limit: { max: 2_500 },
      atLeast: { min: 1_990 },
    },
    {
      what: "hang: last heartbeat to the replacement's exec",
      unit: "ms",
      figures: figuresOf(replaced),
      limit: {},
      note: "silence of 6 s ends it",
    },
  ];
}

/** Programs that beat, beside processes that take all there is of CPU. */
export async function measureHogs(bench: Bench): Promise<Row[]> {
  const directory = ownDirectory(bench, "hogs");
  const seconds = bench.isQuick ? 10 : 60;
  const daemon = new Daemon({ ...bench, prefix: bench.isolated, directory });
  await daemon.start();
  const console = await daemon.console();
  try {
    const names = Array.from({ length: WATCHED }, (_, at) => `w${at}`);
    for (const name of names) {
      await console.spawn(name, [bench.benchChild, `${directory}/${name}.notes`, "500"]);
    }
    for (const name of names) await console.untilEvent(name, "ready", 10_000);
    const hogs = Array.from(
      { length: HOGS },
      () =>
        startChild([bench.child, `hog ${seconds}s`, `exit 0 after ${seconds}s`], {
          env: { [MARK_NAME]: bench.mark },
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }),
    );
    await Promise.all(hogs.map(({ status }) => status));
    await pause(1_000);
    const bad = console.events.filter(({ kind }) =>
      ["hung", "stalled", "exited", "killing", "backoff", "suspended"].includes(kind)
    );
    const late = names.flatMap((name) =>
      readNotes(`${directory}/${name}.notes`).beats.map(({ lateUs }) => lateUs)
    );
    return [{
      what: `false alarms and kills, ${HOGS} CPU hogs, ${seconds} s`,
      unit: "",
      figures: {
        kills: bad.filter(({ kind }) => kind === "exited").length,
        alarms: bad.filter(({ kind }) => kind !== "exited").length,
        programs: WATCHED,
        "latest beat ms": round(Math.max(...late) / 1000),
      },
      limit: { kills: 0, alarms: 0 },
    }];
  } finally {
    await console.close();
    await daemon.stop();
  }
}
