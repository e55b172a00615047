// Reading what a program left: from its shim while one answers, else from the files that it kept.
// Decides where to look; the rooms of logs and bundles know how.

import { HanaError } from "../../base/mod.ts";
import { readBundle, readLogs } from "../logs/mod.ts";
import type { CrashBundle, LogQuery, LogRecord } from "../model/mod.ts";
import type { ProgramContext } from "./context.ts";
import type { SupervisedProgram } from "./program.ts";

/** Events that stand in for a bundle while no run has ended. */
const EVENTS_WITHOUT_BUNDLE = 50;

/** Lines of a program, oldest first. */
export async function logsOf(
  { platform, places, limits }: ProgramContext,
  { name, link }: SupervisedProgram,
  query: LogQuery,
): Promise<readonly LogRecord[]> {
  if (link !== null) return (await link.demand({ t: "logs", query }, limits.answerUs)).records;
  return readLogs(platform.files, `${places.of(name).directory}/logs`, query);
}

/** What is kept of a run. Rejects with `not-found` where nothing is of the run that was asked for. */
export async function whyOf(
  { platform, places, limits, events }: ProgramContext,
  { name, link, snapshot }: SupervisedProgram,
  run: number | undefined,
): Promise<CrashBundle> {
  if (link !== null) {
    const which = run === undefined ? {} : { run };
    const { bundle } = await link.demand({ t: "why", ...which }, limits.answerUs);
    if (bundle !== null) return bundle;
  } else {
    const wanted = run !== undefined && run < 0 ? snapshot.run + run : run;
    try {
      return readBundle(platform.files, places.of(name).directory, wanted);
    } catch (thrown) {
      if (!(thrown instanceof HanaError) || run !== undefined) throw thrown;
    }
  }
  // No run has ended yet: what happened so far says why.
  const page = events.page({ program: name, limit: EVENTS_WITHOUT_BUNDLE });
  return { snapshot, events: page.events.map(({ event }) => event), lines: [], samples: [], changes: [] };
}
