// How soon two nodes of one machine see each other, by loopback alone.
// Decides the rounds: a first node that has run for a while, second ones that come and go; the world itself is
// programs/discovery_world.ts, in a network namespace of its own.

import { compiledHana } from "./executables.ts";
import { isolated } from "./isolation.ts";
import type { Benchmark, Context, Result } from "./result.ts";
import { percentile, rounded } from "./statistics.ts";
import { MeasuringProcess } from "./worker.ts";

/** A first node and its newcomers. */
const WORLDS = 4;
const NEWCOMERS = 15;
const LIMIT_MS = 200;

/** Milliseconds after the second node's ready line. */
interface Meeting {
  /** Until the first node listed the second. */
  readonly firstMs: number;
  /** Until the second node listed the first; the watcher's own connecting included. */
  readonly secondMs: number;
  /** Until a second watcher had merely connected to the second node. */
  readonly connectMs: number;
}

async function run(context: Context): Promise<Result> {
  const hana = await compiledHana();
  const prefix = isolated({ loopbackOnly: true });
  const meetings: Meeting[] = [];
  for (let world = 0; world < WORLDS; world++) {
    const directory = `${context.directory}/d${world}`;
    await Deno.mkdir(directory);
    await using process = new MeasuringProcess("discovery_world.ts", [hana, directory], { prefix });
    await process.next();
    for (let i = 0; i < NEWCOMERS; i++) meetings.push(await process.ask<Meeting>({ number: i }));
  }
  const both = meetings.map(({ firstMs, secondMs }) => Math.max(firstMs, secondMs));
  const figures = (values: readonly number[]) => ({
    p50: percentile(values, 0.5),
    p99: percentile(values, 0.99),
    max: Math.max(...values),
  });
  const measured = figures(both);
  return {
    name: "discovery",
    n: both.length,
    ms: rounded(measured),
    baseline: {
      name: "connecting to the ready node",
      ms: rounded(figures(meetings.map(({ connectMs }) => connectMs))),
    },
    beside: [
      { name: "the first lists the second", ms: rounded(figures(meetings.map(({ firstMs }) => firstMs))) },
      { name: "the second lists the first", ms: rounded(figures(meetings.map(({ secondMs }) => secondMs))) },
    ],
    ratio: {},
    limit: { p99: LIMIT_MS },
    met: measured.p99 <= LIMIT_MS,
    how:
      "two compiled `hana serve` with a mesh key, from the second's ready line until both list the other; " +
      `${WORLDS} first nodes with ${NEWCOMERS} newcomers each, loopback alone`,
  };
}

/** Two nodes finding each other. */
export const DISCOVERY: Benchmark = {
  name: "discovery",
  summary: "two serves on one machine list each other: p99 ≤ 200 ms after the second's ready line",
  run,
};
