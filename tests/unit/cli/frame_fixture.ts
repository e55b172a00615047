// A hana with commands that misbehave in every way that the frame has to cope with. Run as a process by
// frame_test.ts.

import { HanaError } from "../../../lib/base/mod.ts";
import { type CommandEntry, runProgram } from "../../../cli/frame/mod.ts";
import { Watch } from "../../../cli/output/mod.ts";
import type { Cli } from "../../../cli/frame/mod.ts";

function entry(name: string, act: (cli: Cli) => void | Promise<void>): CommandEntry {
  return {
    name,
    summary: name,
    load: () =>
      Promise.resolve({
        define(command, cli) {
          command.action(() => act(cli));
        },
      }),
  };
}

const RENDERING = {
  what: "things",
  row: "thing",
  columns: [{ header: "NAME", cell: (row: { name: string }) => row.name }],
  id: (row: { name: string }) => row.name,
  json: (row: { name: string }) => ({ name: row.name }),
  document: (rows: readonly { name: string }[]) => ({ things: rows.map((row) => row.name) }),
};

await runProgram([
  entry("throw", () => {
    throw new TypeError("x is not a thing");
  }),
  entry("refuse", () => {
    throw new HanaError("refused", { what: "no", why: "because", hint: "hana mesh create" });
  }),
  entry("reject", async () => {
    Promise.reject(new Error("nobody waits for this"));
    await new Promise(() => {});
  }),
  entry("partial", (cli) => cli.exitWith(3)),
  entry("flood", async (cli) => {
    for (;;) {
      cli.output.event("flood", { text: "x".repeat(1000) });
      await Promise.resolve();
    }
  }),
  entry("flood-later", async (cli) => {
    setInterval(() => cli.output.event("flood", { text: "x".repeat(1000) }), 0);
    await new Promise(() => {});
  }),
  entry("wait", async (cli) => {
    setInterval(() => {}, 1000);
    cli.output.raw("ready\n");
    await new Promise(() => {});
  }),
  entry("goodbye", async (cli) => {
    cli.signals.handle((signal) => cli.output.raw(`goodbye ${signal}\n`));
    setInterval(() => {}, 1000);
    cli.output.raw("ready\n");
    await new Promise(() => {});
  }),
  entry("watch", async (cli) => {
    const watch = await Watch.open(cli.output, RENDERING);
    watch.change("add", { name: "left" });
    watch.sync();
    watch.change("update", { name: "left" });
    watch.change("remove", { name: "left" });
    watch.close();
  }),
], Deno.args);
