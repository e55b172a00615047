// A host in a process of its own with real sessions: what a hundred clients take of it, how long newcomers wait, how soon
// somebody is back with a token. Decides loads and rounds.

import { DriverProcess } from "../peers/driver_process.ts";
import { median, percentile, rounded } from "../statistics.ts";
import type { Row } from "../supervision/row.ts";
import { HZ } from "./edits.ts";
import type { ProgramTask } from "./ends/program.ts";

const START_MS = 30_000;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const PROGRAM = new URL("./ends/program.ts", import.meta.url).pathname;
const CLIENTS = 100;
const PARAMETERS = 300;
const OBJECTS = 10_000;
/** After so long a connection counts as good (replica_service.ts). */
const CALM_MS = 1_200;

/** Programs around one host; all end with `end`. */
class Around {
  readonly #processes: DriverProcess[] = [];
  readonly #directory: string;
  address = "";

  constructor(directory: string) {
    this.#directory = directory;
    Deno.mkdirSync(directory, { recursive: true });
  }

  async host(size: Partial<ProgramTask>): Promise<DriverProcess> {
    const host = this.start({ program: "host", ...size });
    this.address = String((await host.next(START_MS))["address"]);
    return host;
  }

  start(task: Partial<ProgramTask> & Pick<ProgramTask, "program">): DriverProcess {
    const whole: ProgramTask = {
      directory: this.#directory,
      address: this.address,
      parameters: 0,
      objects: 0,
      count: 0,
      writes: false,
      ...task,
    };
    const command = [
      ...[Deno.execPath(), "run", "--quiet", "-A", "--no-prompt", "--frozen", "--config", CONFIG],
      ...[PROGRAM, JSON.stringify(whole)],
    ];
    const process = new DriverProcess(task.program, command, this.#directory);
    this.#processes.push(process);
    return process;
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map(async (process) => {
      await process.tell("end");
      await process.end();
    }));
  }
}

/** A hundred subscribers over sessions. */
export async function measureCrowd(directory: string, isQuick: boolean): Promise<Row[]> {
  const around = new Around(`${directory}/crowd`);
  const seconds = isQuick ? 3 : 15;
  try {
    const host = await around.host({ parameters: PARAMETERS });
    const half = CLIENTS / 2;
    const crowd = [
      around.start({ program: "crowd", count: half, parameters: PARAMETERS, writes: true }),
      around.start({ program: "crowd", count: half, parameters: PARAMETERS }),
    ];
    for (const process of crowd) await process.next(4 * START_MS);
    const rows: Row[] = [];
    for (const isWarm of [false, true]) {
      await host.tell("cost");
      await host.next(START_MS);
      for (const process of crowd) await process.tell(`play ${seconds}`);
      const told = await Promise.all(crowd.map((process) => process.next(START_MS + seconds * 10_000)));
      await host.tell("cost");
      const { cpuShare, rss } = await host.next(START_MS) as { cpuShare: number; rss: number };
      if (!isWarm) continue;
      const patches = told.flatMap((each) => each["patches"] as number[]);
      rows.push({
        what: `${CLIENTS} subscribers at 30 Hz, ${PARAMETERS} parameters of one writer (host, over sessions)`,
        unit: "% of a core",
        figures: rounded({
          // On a busy machine clients hear of less: what it would be if all heard of every frame.
          at30Hz: cpuShare * 100 * HZ * seconds / median(patches),
          measured: cpuShare * 100,
          hz: median(patches) / seconds,
          synced: told.reduce((sum, each) => sum + Number(each["synced"]), 0),
          MB: rss / 1e6,
        }),
        limit: { at30Hz: 40 },
        atLeast: { synced: CLIENTS },
      });
    }
    return rows;
  } finally {
    await around.end();
  }
}

/** Newcomers to ten thousand objects, and somebody who loses the connection and comes back. */
export async function measureArrivals(directory: string, isQuick: boolean): Promise<Row[]> {
  const around = new Around(`${directory}/arrivals`);
  const count = isQuick ? 4 : 16;
  try {
    const host = await around.host({ objects: OBJECTS, parameters: PARAMETERS });
    const newcomers = around.start({ program: "newcomers", count });
    const { cold, p50, max, n } = await newcomers.next(START_MS * 4) as Record<string, number>;
    const comeback = around.start({ program: "comeback" });
    await comeback.next(START_MS);
    const took: number[] = [];
    let resumed = 0;
    for (let round = 0; round < count; round++) {
      // Whoever loses one connection after the other waits longer each time: this is about the first.
      await new Promise((resolve) => setTimeout(resolve, CALM_MS));
      await comeback.tell("round");
      await host.tell("cut");
      const told = await comeback.next(START_MS);
      took.push(Number(told["ms"]));
      if (told["resumed"] === true) resumed++;
    }
    const objects = OBJECTS.toLocaleString("en");
    return [
      {
        what: `newcomer to ${objects} objects of three parameters: asking to synced (over sessions)`,
        unit: "ms",
        figures: rounded({ p50: p50 ?? NaN, max: max ?? NaN, coldProcess: cold ?? NaN, n: n ?? 0 }),
        limit: { p50: 300 },
      },
      {
        what: "connection lost, back with its token: loss to synced (over sessions)",
        unit: "ms",
        figures: rounded({ p50: percentile(took, 0.5), max: Math.max(...took), n: took.length, resumed }),
        limit: { p50: 100 },
        atLeast: { resumed: count },
      },
    ];
  } finally {
    await around.end();
  }
}
