// `hana why NAME[@NODE]`: why a program stands as it does, or how a run of it ended, and what to do.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import { type CrashBundle, WHY_PROGRAM } from "../../lib/supervision/mod.ts";
import { addSettingFlags, type Cli, setExamples } from "../frame/mod.ts";
import { LOOK_SETTINGS } from "../nodes/options.ts";
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
  addSettingFlags(command as unknown as Command, LOOK_SETTINGS);
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
    await showWhy(cli, found, await bundleOf(found, wanted), { run: wanted, lines });
  } finally {
    await hosts.close();
  }
}

/** All that is kept; what the list says alone where nobody has more. */
async function bundleOf({ host, program }: Found, run: number | null): Promise<CrashBundle> {
  try {
    const body = { name: program.name, ...(run === null ? {} : { run }) };
    const { bundle } = await host.session.request(WHY_PROGRAM, body, { timeoutUs: ANSWER_US });
    return bundle as CrashBundle;
  } catch (thrown) {
    const error = toHanaError(thrown, "unreachable", `${host.name} does not answer`);
    if (error.code === "refused" || run !== null) throw ofHost(error, host.name);
    return { snapshot: program, events: [], lines: [], samples: [], changes: [] };
  }
}
