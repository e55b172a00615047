// `hana why NAME[@NODE]`: why a program stands as it does, or how a run of it ended, and what to do.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import {
  type CrashBundle,
  type LogRecord,
  PROGRAM_EVENTS,
  PROGRAM_LOGS,
  type ProgramEventEntry,
  WHY_PROGRAM,
} from "../../lib/supervision/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import { ofHost } from "../programs/errors.ts";
import { type Found, Hosts } from "../programs/hosts.ts";
import { parseAddress } from "../programs/names.ts";
import { wholeOf } from "../programs/spec_flags.ts";
import { showWhy } from "../programs/why_text.ts";

interface WhyOptions {
  readonly run?: string;
  readonly lines?: string;
}

const DEFAULT_LINES = 10;
/** Events that tell how often and by whom. */
const EVENTS = 200;
const ANSWER_US = 5_000_000;

/** Declares `hana why`. */
export function define(command: Command, cli: Cli): void {
  command.description("why a program stands as it does: what happened, what was done, what to do");
  setExamples(
    command,
    { call: "hana why viz", why: "three sentences, what changed, its last lines" },
    {
      call: "hana why viz@stage-left --run 3 --json",
      why: "all that is kept of one run, to be sent to its maker",
    },
  );
  command
    .argument("<PROGRAM>", "NAME, or NAME@NODE")
    .option("--run <N>", "this run; -1 is the one before the present one")
    .option("-n, --lines <N>", "so many of its last lines", String(DEFAULT_LINES))
    .action(async (name, options) => await why(cli, name, options as WhyOptions));
  addProgramSettings(command as unknown as Command);
}

async function why(cli: Cli, name: string, options: WhyOptions): Promise<void> {
  const run = options.run === undefined ? null : wholeOf(options.run, "--run", -1_000_000, 2 ** 31);
  const lines = wholeOf(options.lines ?? String(DEFAULT_LINES), "--lines", 0, 10_000);
  const hosts = await Hosts.open(cli);
  try {
    const found = await hosts.find(parseAddress(name, "hana why"), "hana why");
    const wanted = run === null ? null : run < 0 ? Math.max(1, found.program.run + run) : run;
    if (wanted !== null && (wanted > found.program.run || wanted < 1)) {
      throw new HanaError("not-found", {
        what: `${found.program.name}@${found.host.name} has no run ${run}`,
        why: found.program.run === 0 ? "it never ran" : `the newest is ${found.program.run}`,
        hint: `hana why ${found.program.name}@${found.host.name}`,
      });
    }
    await showWhy(cli, found, await bundleOf(found, wanted, lines), { run: wanted, lines });
  } finally {
    await hosts.close();
  }
}

/** All that is kept of a run; without one, of the program as it stands, and of the run that ended last. */
async function bundleOf({ host, program }: Found, run: number | null, lines: number): Promise<CrashBundle> {
  const { name } = program;
  const options = { timeoutUs: ANSWER_US };
  try {
    if (run !== null) {
      return (await host.session.request(WHY_PROGRAM, { name, run }, options)).bundle as CrashBundle;
    }
    const [kept, page, log] = await Promise.all([
      // Of a program that never ended nothing may be kept.
      host.session.request(WHY_PROGRAM, { name }, options).catch(unlessRefused),
      host.session.request(PROGRAM_EVENTS, { program: name, limit: EVENTS }, options),
      host.session.request(PROGRAM_LOGS, { name, query: { tail: lines } }, options).catch(unlessRefused),
    ]);
    const bundle = kept === null ? null : kept.bundle as CrashBundle;
    const isWell = program.state === "running" && program.health !== "stalled" &&
      (program.lastExit === null || program.lastExit.run !== program.run - 1 ||
        program.lastExit.class === "stopped");
    return {
      snapshot: program,
      events: (page.events as ProgramEventEntry[]).map(({ event }) => event),
      // What it wrote before it ended says more than what it has written since, unless it ended as it should.
      lines: isWell || bundle === null ? (log?.records ?? []) as LogRecord[] : bundle.lines,
      samples: bundle?.samples ?? [],
      changes: bundle?.changes ?? [],
    };
  } catch (thrown) {
    throw ofHost(toHanaError(thrown, "unreachable", `${host.name} does not answer`), host.name);
  }
}

function unlessRefused(thrown: unknown): null {
  if (thrown instanceof HanaError && thrown.code !== "refused" && thrown.code !== "closed") return null;
  throw thrown;
}
