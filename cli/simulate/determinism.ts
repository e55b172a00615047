// Plays a run twice, in two processes that played nothing before, and compares what happened.
// Decides what is compared: the world's rolling digest at the end of every simulated second. Where two runs part, both
// are played again with the events of that second written down, and the first differing one is told in both versions.

import { type Fact, factLine, identityOf, momentText } from "../../lib/simulate/mod.ts";
import type { Job, Played } from "./job.ts";
import { linesOf } from "./lines.ts";

/** Plays one run where nothing was played before. */
type PlayFresh = (job: Job, signal: AbortSignal) => Promise<Played>;

/** What a trace tells of an event. */
type SimulatedEvent = Readonly<Record<"atUs" | "kind" | "from" | "to" | "bytes", string | number>>;

/** Two runs of one identity that differ. */
export interface DeterminismReport {
  readonly identity: string;
  /** For people; the first line names the run. */
  readonly lines: readonly string[];
}

/** What two runs gave. */
export interface Comparison {
  readonly first: Played;
  /** Null when they are the same. */
  readonly report: DeterminismReport | null;
}

/** Plays `job` twice by `play` and compares. */
export async function compareTwice(job: Job, signal: AbortSignal, play: PlayFresh): Promise<Comparison> {
  const digesting: Job = { ...job, keeping: { ...job.keeping, digests: true } };
  const { traceFile: _, ...untraced } = digesting.keeping;
  const [first, second] = await Promise.all([
    play(digesting, signal),
    play({ ...digesting, keeping: untraced }, signal),
  ]);
  if (signal.aborted || first.result.digest === second.result.digest) return { first, report: null };
  const identity = identityOf(first.result);
  let at = 0;
  while (at < first.digests.length && first.digests[at] === second.digests[at]) at++;
  const lines = [
    `not deterministic: ${identity}`,
    `  both runs are the same up to ${momentText(at * 1e6)}, and differ within the second after it`,
    ...await firstDifference(job, at, signal, play),
  ];
  return { first, report: { identity, lines } };
}

/** Plays both runs once more, writes down what happens in one second, and finds where they part. */
async function firstDifference(
  job: Job,
  second: number,
  signal: AbortSignal,
  play: PlayFresh,
): Promise<string[]> {
  const directory = Deno.makeTempDirSync({ prefix: "hana-determinism-" });
  try {
    const paths = [`${directory}/a`, `${directory}/b`] as const;
    const runs = await Promise.all(paths.map((traceFile) => {
      const keeping = { frames: true, timeline: false, digests: false, eventsOfSecond: second, traceFile };
      return play({ ...job, keeping }, signal);
    }));
    const [a, b] = runs.map(({ result }) => result.digest);
    if (a === b) return ["  two further runs were the same: it comes and goes"];
    return await compareFiles(...paths);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

async function compareFiles(a: string, b: string): Promise<string[]> {
  const [left, right] = [linesOf((await Deno.open(a)).readable), linesOf((await Deno.open(b)).readable)];
  let before = "";
  try {
    for (;;) {
      const [one, other] = await Promise.all([left.next(), right.next()]);
      if (one.done === true && other.done === true) {
        return [
          "  every event has the same time, kind, ends and size in both: what differs is inside the messages",
        ];
      }
      if (one.value !== other.value) {
        return [
          ...(before === "" ? [] : [`  after      ${show(before)}`]),
          `  one run:   ${one.done === true ? "nothing more" : show(one.value)}`,
          `  the other: ${other.done === true ? "nothing more" : show(other.value)}`,
        ];
      }
      before = one.value ?? "";
    }
  } finally {
    await Promise.all([left.return(undefined), right.return(undefined)]);
  }
}

/** A line of a trace: an event of the world, or a fact with all its fields, since its sentence leaves some out. */
function show(line: string): string {
  const entry = JSON.parse(line) as Fact | { readonly kind?: undefined; readonly event: SimulatedEvent };
  if (entry.kind !== undefined) {
    return `${factLine(entry).trim()}  ${line.length > 300 ? `${line.slice(0, 300)}…` : line}`;
  }
  const { atUs, kind, from, to, bytes } = entry.event;
  return `${atUs}us ${kind} ${from} -> ${to}, ${bytes} B`;
}
