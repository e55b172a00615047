// A show of programs on machines of their own, as the tests have it: the host is killed in the middle of writes; eight
// clients move faders for minutes. Decides rounds and what counts; the programs are those of tests/e2e/state.

import { type Seat, Show } from "../../../tests/e2e/state/seat.ts";
import { TestNetwork } from "../../../tests/support/namespaces.ts";
import { percentile, rounded } from "../statistics.ts";
import type { Row } from "../supervision/row.ts";
import { FADERS } from "./ends/end.ts";
import { HZ } from "./edits.ts";

/** A lease has 5 s, and writing may take a second more to go on. */
const WRITABLE_MS = 6_000;
const FIND_MS = 20_000;
/** Writes one after the other, each to a path of its own; the host dies after so many. */
const WRITES = 400;
const BEFORE = 150;
const CLIENTS = 8;
/** How much more a process may keep at the end than in the beginning, in megabytes. */
const GROWTH_MB = 4;

/** A host that is killed with SIGKILL while somebody writes. */
export async function measureFailover(isQuick: boolean): Promise<Row[]> {
  const rounds = isQuick ? 1 : 5;
  const tookMs: number[] = [];
  const sum = { before: 0, after: 0, alone: 0, lost: 0 };
  for (let round = 0; round < rounds; round++) {
    await using network = TestNetwork.create();
    const found = await killHost(new Show(network));
    tookMs.push(found.ms);
    sum.before += found.before;
    sum.after += found.after;
    sum.alone += found.alone;
    sum.lost += found.lost;
  }
  return [{
    what: "host killed in the middle of writes: kill to the next write acknowledged",
    unit: "ms",
    figures: rounded({ p50: percentile(tookMs, 0.5), max: Math.max(...tookMs), n: rounds }),
    limit: { max: WRITABLE_MS },
  }, {
    what: "writes acknowledged with a copy before the kill, after it, with the host alone, and lost of all",
    unit: "",
    figures: sum,
    limit: { lost: 0 },
    atLeast: { before: rounds * BEFORE / 2 },
  }];
}

async function killHost(show: Show) {
  const parameters = Array.from({ length: WRITES }, (_, at) => ({ path: `p-${at}`, type: "f32" }));
  const seats = await show.seats(
    ["foh", { priority: 9 }],
    ["backup", { priority: 5 }],
    ["side", { priority: 1 }],
    ["wall", { role: "visualization", parameters }],
  );
  const [host, backup, writer, wall] = seats as [Seat, Seat, Seat, Seat];
  const hostedBy = (seat: Seat, id: string) => seat.do("hostedBy", { id, timeoutMs: FIND_MS }, FIND_MS * 2);
  await Promise.all(seats.map((seat) => hostedBy(seat, host.id)));
  await writer.knows([`wall/p-${WRITES - 1}`], FIND_MS);
  // Until a standby has everything.
  for (let tries = 0; (await writer.set("wall/p-0", 1)).single && tries < 50; tries++) await pause(100);

  const written: { readonly path: string; readonly value: number; readonly single: boolean }[] = [];
  let [killedMs, writableMs, before] = [0, 0, 0];
  let death: Promise<void> | null = null;
  for (let at = 0; at < WRITES; at++) {
    const path = `wall/p-${at}`;
    const value = at + 1;
    if (at === BEFORE) {
      before = written.length;
      killedMs = performance.now();
      death = host.crash();
    }
    const { single, outcome } = await writer.do<{ single: boolean; outcome: string }>(
      "set",
      { path, value, timeoutMs: 2 * FIND_MS },
      3 * FIND_MS,
    );
    if (outcome !== "stands") throw new Error(`a write ${outcome}`);
    // The write that was under way may have been answered before the host died.
    if (killedMs !== 0 && at > BEFORE && writableMs === 0) writableMs = performance.now() - killedMs;
    written.push({ path, value, single });
  }
  await death;
  const next = (await writer.do<{ epoch: { hostId: string } }>("status")).epoch.hostId;
  const left = [backup, writer, wall];
  await Promise.all(left.map((seat) => hostedBy(seat, next)));
  let lost = 0;
  for (const seat of left) {
    const values = await seat.do<Record<string, number>>("list", { prefix: "wall" });
    lost += written.filter(({ path, value, single }) => !single && values[path] !== value).length;
  }
  const alone = written.filter(({ single }) => single).length;
  return { ms: writableMs, before, after: written.length - before, alone, lost };
}

/** Eight clients move sixteen faders each, thirty times a second; what each process keeps is looked at all the time. */
export async function measureSoak(minutes: number): Promise<Row[]> {
  await using network = TestNetwork.create();
  const show = new Show(network);
  const parameters = Array.from({ length: CLIENTS * FADERS }, (_, at) => ({ path: `f-${at}`, type: "f32" }));
  const host = await show.seat("desk", { host: true, parameters });
  const others = await show.seats(...Array.from({ length: CLIENTS - 1 }, (_, at) => [`app-${at}`] as const));
  const seats = [host, ...others];
  for (const [number, seat] of seats.entries()) {
    await seat.ready();
    const paths = Array.from({ length: FADERS }, (_, fader) => `desk/f-${number * FADERS + fader}`);
    await seat.knows(paths, FIND_MS);
    await seat.do("faders", { paths, hz: HZ, priorities: [100], step: 1 });
  }
  const samples = seats.map((): { heap: number; rss: number }[] => []);
  const endMs = performance.now() + minutes * 60_000;
  const stepMs = Math.max(250, minutes * 60_000 / 240);
  while (performance.now() < endMs) {
    await pause(stepMs);
    await Promise.all(seats.map(async (seat, at) => {
      samples[at]?.push(await seat.do<{ heap: number; rss: number }>("memory"));
    }));
  }
  const moved = await Promise.all(seats.map((seat) => seat.do<{ written: number }>("stopFaders")));
  await Promise.all(seats.map((seat) => seat.synced()));
  // What is left when the collector has just been: the least of a quarter of the time.
  const least = (of: readonly { heap: number }[], quarter: number): number => {
    const part = of.slice(Math.floor(of.length * quarter / 4), Math.ceil(of.length * (quarter + 1) / 4));
    return Math.min(...part.map(({ heap }) => heap)) / 1e6;
  };
  return [["host", samples.slice(0, 1)] as const, ["seven clients, the worst", samples.slice(1)] as const]
    .map(([who, processes]): Row => {
      const growth = processes.map((of) => least(of, 3) - least(of, 1));
      const rss = (of: readonly { rss: number }[], at: number): number => (of.at(at)?.rss ?? NaN) / 1e6;
      return {
        what: `${CLIENTS} clients, ${FADERS} faders each at ${HZ} Hz for ${minutes} min: ${who}`,
        unit: "MB",
        figures: rounded({
          heapGrowth: Math.max(...growth),
          heap: Math.max(...processes.map((of) => least(of, 3))),
          rssFirst: Math.max(...processes.map((of) => rss(of, Math.floor(of.length / 4)))),
          rssLast: Math.max(...processes.map((of) => rss(of, -1))),
          writes: moved.reduce((sum, { written }) => sum + written, 0),
        }),
        limit: { heapGrowth: GROWTH_MB },
      };
    });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
