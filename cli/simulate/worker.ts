// A worker process: plays runs that it is told over stdin, answers on stdout, one JSON line each.
// A process and no thread: a run that exhausts its memory or never ends takes nobody with it, and starting one costs
// 90 ms where a thread costs 70 ms (both from source, two cores).
// Decides what of a run's facts is kept; never which runs are played.

import { HanaError } from "../../lib/base/mod.ts";
import { ExcerptKeeper, type Fact, runScenario } from "../../lib/simulate/mod.ts";
import type { FromWorker, Job, Played, ToWorker } from "./job.ts";
import { linesOf } from "./lines.ts";
import { TimelineKeeper } from "./timeline_keeper.ts";
import { TraceFile } from "./trace_file.ts";

/** Serves until stdin ends: then whoever asked is gone, and the run under way is for nobody. */
export async function serveJobs(
  stdin: ReadableStream<Uint8Array>,
  write: (line: string) => void,
): Promise<void> {
  const say = (message: FromWorker): void => write(JSON.stringify(message) + "\n");
  let running = new AbortController();
  say({ kind: "ready" });
  for await (const line of linesOf(stdin)) {
    const message = JSON.parse(line) as ToWorker;
    if (message.kind === "abort") running.abort();
    else {
      running = new AbortController();
      // Not awaited: an abort must be heard while the run goes on.
      void play(message.job, running.signal).then(
        (played) => say({ kind: "played", id: message.id, played }),
        (thrown) => say(threw(message.id, thrown)),
      );
    }
  }
}

/** What plays a scenario: the simulator, or real processes. */
export type Runner = (
  scenario: Job["scenario"],
  options: Parameters<typeof runScenario>[1],
) => Promise<Played["result"]>;

/** Plays one job in this process. */
export async function play(job: Job, signal: AbortSignal, runner: Runner = runScenario): Promise<Played> {
  const { keeping } = job;
  const excerpt = new ExcerptKeeper();
  const timeline = keeping.timeline ? new TimelineKeeper() : null;
  const digests: string[] = [];
  const trace = keeping.traceFile === undefined ? null : new TraceFile(keeping.traceFile);
  const startedMs = performance.now();
  try {
    const result = await runner(job.scenario, {
      seed: job.seed,
      software: job.software,
      onFact(fact: Fact): void {
        excerpt.onFact(fact);
        timeline?.onFact(fact);
        trace?.add(fact);
      },
      frames: keeping.frames,
      ...(keeping.digests ? { onSecond: (_second: number, digest: string) => digests.push(digest) } : {}),
      ...(trace === null || keeping.eventsOfSecond === undefined
        ? {}
        : { onEvent: eventsInto(trace, keeping.eventsOfSecond) }),
      stopAtFirst: job.stopAtFirst,
      signal,
      ...(job.maxEvents === undefined ? {} : { maxEvents: job.maxEvents }),
    });
    return {
      result,
      wallMs: performance.now() - startedMs,
      excerpt: excerpt.excerpt(result.violations[0]),
      timeline: timeline?.finish() ?? null,
      digests,
    };
  } finally {
    trace?.close();
  }
}

function eventsInto(trace: TraceFile, second: number): (event: { readonly atUs: number }) => void {
  return (event) => {
    if (Math.floor(event.atUs / 1e6) === second) trace.add({ event });
  };
}

function threw(id: number, thrown: unknown): FromWorker {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    kind: "threw",
    id,
    text: error instanceof HanaError ? error.message : `${error.name}: ${error.message}`,
    stack: error.stack ?? "",
    isOurs: error instanceof HanaError && error.code !== "internal",
  };
}
