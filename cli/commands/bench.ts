// `hana bench WORKLOAD [NODE]`: how fast lanes are here, beside bare sockets in the same run.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { Ground } from "../bench/ground.ts";
import { benchLane } from "../bench/lane.ts";
import { describeMachine } from "../bench/machine.ts";
import { type BenchFlags, type BenchPlan, planOf, workloadOf } from "../bench/plan.ts";
import { benchRendering } from "../bench/rendering.ts";
import type { BenchResult } from "../bench/result.ts";
import { benchRtt } from "../bench/rtt.ts";
import { addSettingFlags, type Cli, setExamples } from "../frame/mod.ts";
import { LOOK_SETTINGS } from "../nodes/options.ts";
import { EXIT } from "../output/mod.ts";

interface BenchOptions extends BenchFlags {
  readonly inProcess?: true;
}

/** Declares `hana bench`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "measures lanes beside bare sockets in the same run: the ratio is the figure that counts",
  );
  setExamples(
    command,
    { call: "hana bench rtt", why: "round trips by every path and kind of lane" },
    { call: "hana bench lane --path udp --kind us", why: "messages a second over sealed datagrams" },
  );
  command
    .argument("<WORKLOAD>", "rtt, lane, fanout, codec or handshake")
    .argument("[NODE]", "a node that runs: its name, id or address; a process of our own unless given")
    .option("--size <SIZES>", "bytes of a message, such as 64,1KiB")
    .option("--path <PATHS>", "unix, tcp, udp or all")
    .option("--kind <KINDS>", "kinds of lanes: uu, us, ru, ro, their whole names, or all")
    .option("--rate <PER SECOND>", "messages a second, sent whether answers come or not")
    .option("--closed", "send the next message when the last one is answered")
    .option("--duration <DURATION>", "of each measurement, over all rounds")
    .option("--warmup <DURATION>", "of each measurement, before the first that counts")
    .option("--rounds <N>", "all ways are measured in turn, this many times")
    .option("--no-raw", "without the bare sockets")
    .option("--in-process", "both sides in this process")
    .action(async (workload, node, options) => await bench(cli, workload, node, options as BenchOptions));
  addSettingFlags(command as unknown as Command, LOOK_SETTINGS);
}

async function bench(
  cli: Cli,
  word: string,
  _target: string | undefined,
  options: BenchOptions,
): Promise<void> {
  const plan = planOf(workloadOf(word), options);
  const machine = describeMachine();
  const ground = await Ground.withPeer({
    platform: await cli.platform(),
    where: options.inProcess === true ? "in-process" : "process",
  });
  cli.signals.handle((signal) => {
    const code = signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    void ground.close().catch(() => {}).finally(() => Deno.exit(code));
  });
  try {
    const progress = cli.output.progress("warming up");
    const results = await run(ground, plan, (text) => progress.update(text));
    progress.done();
    await cli.output.rows(benchRendering(plan.workload, machine), results);
  } finally {
    await ground.close();
  }
}

async function run(ground: Ground, plan: BenchPlan, say: (text: string) => void): Promise<BenchResult[]> {
  switch (plan.workload) {
    case "rtt":
      return await benchRtt(ground, plan, say);
    case "lane":
      return await benchLane(ground, plan, say);
    default:
      throw new HanaError("unsupported", { what: `hana bench ${plan.workload} is not there yet` });
  }
}
