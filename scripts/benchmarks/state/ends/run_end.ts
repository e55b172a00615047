// One end as a process: it opens, says that it is there, does what it is told line by line, and says what it saw.
// Decides the schedule's moments; the same for every system.

import process from "node:process";
import { createInterface } from "node:readline";
import { nowUs } from "../../peers/drivers/clock.ts";
import { type End, type EndTask, type OpenEnd, type Schedule, STEPS } from "./end.ts";

/** Runs the end that the command line tells of. */
export async function runEnd(open: (system: string) => OpenEnd | undefined): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? "{}") as EndTask;
  const opener = open(task.system);
  if (opener === undefined) throw new Error(`there is no system ${task.system}`);
  let arrivals: [number, number][] = [];
  const end = await opener({
    ...task,
    onValue: (value) => arrivals.push([Math.round(value * STEPS), nowUs()]),
  });
  const say = (what: unknown): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
  say({ address: end.address });
  let before = process.cpuUsage();
  for await (const line of createInterface({ input: process.stdin })) {
    const [word = "", rest = ""] = line.split(/ (.*)/s);
    if (word === "play") say({ sent: await play(end, JSON.parse(rest) as Schedule) });
    else if (word === "arrivals") {
      say({ arrivals });
      arrivals = [];
    } else if (word === "cost") {
      const { user, system } = process.cpuUsage(before);
      before = process.cpuUsage();
      say({ cpuUs: user + system, rss: process.memoryUsage().rss });
    } else if (word === "end") break;
  }
  await end.close();
  process.exit(0);
}

/** Writes on schedule; the first fader has the number of the write. @returns when each was written. */
async function play(
  end: End,
  { faders, count, gapMs: [least, most] }: Schedule,
): Promise<[number, number][]> {
  const sent: [number, number][] = [];
  let dueUs = nowUs() + 100_000;
  let state = 12_345;
  for (let number = 1; number <= count; number++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    dueUs += (least + (most - least) * state / 2 ** 32) * 1000;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, (dueUs - nowUs()) / 1000)));
    const values = Array.from(
      { length: faders },
      (_, fader) => fader === 0 ? number / STEPS : Math.fround(0.5 + 0.5 * Math.sin(number * 0.11 + fader)),
    );
    sent.push([number, nowUs()]);
    end.write(values);
  }
  // Whatever is on its way arrives.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return sent;
}
