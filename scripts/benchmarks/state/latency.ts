// From a write in one process to the value in another, through a host in a third: hana, Colyseus and Yjs on the same
// schedules. Decides what counts: the moment before the write is called and the one at which the reader's program is told.

import { DriverProcess } from "../peers/driver_process.ts";
import { percentile, rounded } from "../statistics.ts";
import type { Row } from "../supervision/row.ts";
import type { EndTask, Schedule } from "./ends/end.ts";

const START_MS = 20_000;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const HANA = new URL("./ends/hana_driver.ts", import.meta.url).pathname;

/** What is asked of hana, in milliseconds. */
const LIMIT = { p50: 2, p99: 8 };

interface Plan {
  readonly text: string;
  readonly limit: Readonly<Record<string, number>>;
  readonly schedule: Schedule;
}

function plansOf(isQuick: boolean): readonly Plan[] {
  const count = isQuick ? 50 : 600;
  return [
    {
      text: "one fader now and then",
      limit: LIMIT,
      schedule: { faders: 1, count: Math.round(count / 3), gapMs: [60, 140] },
    },
    { text: "16 faders at 30 Hz", limit: {}, schedule: { faders: 16, count, gapMs: [33.5, 34] } },
  ];
}

/** Write to value, for one system. */
export async function measureLatency(
  system: EndTask["system"],
  directory: string,
  isQuick: boolean,
): Promise<Row[]> {
  const home = `${directory}/ends-${system}`;
  await Deno.mkdir(home, { recursive: true });
  const processes: DriverProcess[] = [];
  const start = async (role: EndTask["role"], address: string) => {
    const task: EndTask = { system, role, address, directory: home };
    const process = new DriverProcess(`${system} ${role}`, commandOf(task, directory), home);
    processes.push(process);
    const { address: own } = await process.next(START_MS);
    return { process, address: String(own) };
  };
  try {
    const host = await start("host", "");
    const { process: reader } = await start("reader", host.address);
    const { process: writer } = await start("writer", host.address);
    const rows: Row[] = [];
    for (const { text, limit, schedule } of plansOf(isQuick)) {
      const warmUp: Schedule = { ...schedule, count: 60 };
      await tell(writer, `play ${JSON.stringify(warmUp)}`, START_MS);
      await tell(reader, "arrivals", START_MS);
      await tell(host.process, "cost", START_MS);
      const limitMs = START_MS + schedule.count * schedule.gapMs[1] * 2;
      const sent = new Map(
        (await tell(writer, `play ${JSON.stringify(schedule)}`, limitMs))["sent"] as Pairs,
      );
      const { arrivals } = await tell(reader, "arrivals", START_MS) as { arrivals: Pairs };
      const { cpuUs, rss } = await tell(host.process, "cost", START_MS) as { cpuUs: number; rss: number };
      const took = arrivals.flatMap(([number, atUs]) => {
        const sentUs = sent.get(number);
        return sentUs === undefined ? [] : [(atUs - sentUs) / 1000];
      });
      rows.push({
        what: `${text}, write to value in another process, ${system}`,
        unit: "ms",
        figures: rounded({
          p50: percentile(took, 0.5),
          p99: percentile(took, 0.99),
          max: Math.max(...took),
          n: took.length,
          // Of values written so fast only the newest counts, by all three.
          seen: took.length / schedule.count,
          hostUs: cpuUs / schedule.count,
          hostMB: rss / 1e6,
        }),
        limit: system === "hana" ? limit : {},
      });
    }
    return rows;
  } finally {
    await Promise.all(processes.map(async (process) => {
      await process.tell("end");
      await process.end();
    }));
  }
}

type Pairs = [number, number][];

async function tell(process: DriverProcess, line: string, limitMs: number) {
  await process.tell(line);
  return await process.next(limitMs);
}

function commandOf(task: EndTask, directory: string): string[] {
  const last = JSON.stringify(task);
  if (task.system !== "hana") return ["node", `${directory}/ends_driver.mjs`, last];
  return [
    ...[Deno.execPath(), "run", "--quiet", "-A", "--no-prompt", "--frozen", "--config", CONFIG],
    HANA,
    last,
  ];
}
