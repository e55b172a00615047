// `hana simulate-worker`: hidden; plays runs for `hana simulate`, which starts it and talks over stdin and stdout.

import type { Command } from "@commander-js/extra-typings";
import type { Cli } from "../frame/mod.ts";
import { serveJobs } from "../simulate/worker.ts";

/** Declares `hana simulate-worker`. */
export function define(command: Command, cli: Cli): void {
  command.description("plays runs for hana simulate").action(async () => {
    // Ctrl-C reaches all processes of a terminal: the one that started this one says what to do.
    cli.signals.handle(() => {});
    await serveJobs(Deno.stdin.readable, (line) => cli.output.raw(line));
  });
}
