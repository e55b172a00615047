// scripts/bench simulator-goals [NAME…]: what `hana simulate` was asked for, each in a process of its own.
// Decides the rows; the worlds are programs/simulated_worlds.ts. Figures are processor time, since others may be busy on
// the machine: that of all threads, so that collecting garbage and compiling count too. Promises nothing.

import { MeasuringProcess } from "./worker.ts";

/** The largest world may take so long on a slow machine. */
const STUCK_MS = 3_600_000;

interface Timed {
  readonly joinCpuMs: number;
  readonly joinVirtualS: number;
  readonly joinEvents: number;
  readonly quietCpuMs: number;
  readonly events: number;
  readonly residentMb: number;
}

interface Streamed {
  readonly cpuMs: number;
  readonly events: number;
  readonly residentMb: number;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
}

async function ask<T>(command: Readonly<Record<string, unknown>>): Promise<T> {
  await using process = new MeasuringProcess("simulated_worlds.ts", [], { stuckMs: STUCK_MS });
  return await process.ask<T>(command);
}

async function join(nodes: number): Promise<string> {
  const it = await ask<Timed>({ what: "nodes", nodes, seconds: 0 });
  return `${seconds(it.joinCpuMs)} | ${it.joinEvents} events, met by ${it.joinVirtualS} s, ${
    it.residentMb.toFixed(0)
  } MB`;
}

async function quiet(nodes: number, quietSeconds: number): Promise<string> {
  const it = await ask<Timed>({ what: "nodes", nodes, seconds: quietSeconds });
  const usPerEvent = (it.quietCpuMs * 1000 / it.events).toFixed(2);
  const usPerNodeSecond = (it.quietCpuMs * 1000 / (nodes * quietSeconds)).toFixed(0);
  return `${seconds(it.quietCpuMs)} | join ${
    seconds(it.joinCpuMs)
  }, ${it.events} events, ${usPerEvent} µs each, ` +
    `${usPerNodeSecond} µs a node and second, ${it.residentMb.toFixed(0)} MB`;
}

async function stream(nodes: number, streamSeconds: number): Promise<string> {
  const it = await ask<Streamed>({ what: "stream", nodes, seconds: streamSeconds });
  const usPerEvent = (it.cpuMs * 1000 / it.events).toFixed(2);
  return `${seconds(it.cpuMs)} | ${it.events} events, ${usPerEvent} µs each, ${it.residentMb.toFixed(0)} MB`;
}

const ROWS: readonly (readonly [string, string, () => Promise<string>])[] = [
  ["join-100", "≤ 1 s", () => join(100)],
  ["join-500", "≤ 20 s", () => join(500)],
  ["quiet-100", "≤ 2 s", () => quiet(100, 600)],
  ["stream-100", "≤ 15 s", () => stream(100, 600)],
  ["hour-8", "≤ 4 s", () => quiet(8, 3_600)],
  ["curve-10", "flat", () => quiet(10, 600)],
  ["curve-30", "flat", () => quiet(30, 300)],
  ["curve-100", "flat", () => quiet(100, 60)],
  ["curve-300", "flat", () => quiet(300, 20)],
  ["curve-1000", "flat", () => quiet(1_000, 10)],
];

const wanted = Deno.args;
for (const name of wanted) {
  if (ROWS.some(([row]) => row === name)) continue;
  say(`no row ${name}; there are ${ROWS.map(([row]) => row).join(", ")}`);
  Deno.exit(2);
}
say("row | asked | processor time | more");
for (const [name, asked, measure] of ROWS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  say(`${name} | ${asked} | ${await measure()}`);
}
