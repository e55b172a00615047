// `hana bench-peer`: hidden; the other side of `hana bench`, which starts it and talks over stdin and stdout.

import type { Command } from "@commander-js/extra-typings";
import { servePeer } from "../bench/peer_process.ts";
import type { Cli } from "../frame/mod.ts";

/** Declares `hana bench-peer`. */
export function define(command: Command, cli: Cli): void {
  command.description("the other side of hana bench").action(async () => {
    // Ctrl-C reaches all processes of a terminal: the one that started this one says when to end.
    cli.signals.handle(() => {});
    await servePeer(await cli.platform(), Deno.stdin.readable, (line) => cli.output.raw(line));
  });
}
