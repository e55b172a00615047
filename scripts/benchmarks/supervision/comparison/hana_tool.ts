// hana in the comparison, with nothing set.

import { Daemon } from "../daemon.ts";
import { COMMAND_MS, type Ground, Hung, type Running, type Tool } from "./tool.ts";

/** hana as it comes. */
export const HANA: Tool = {
  name: "hana",
  settings: "defaults",
  says: "`hana serve`, `hana spawn -- …`, `hana stop`, `hana restart`",
  commands: [],
  packages: [],
  seesHangs: true,
  begin,
};

async function begin({ bench, directory, mark, programs }: Ground): Promise<Running> {
  const daemon = new Daemon({ hana: bench.hana, prefix: bench.isolated, directory, mark });
  await daemon.start();
  const console = await daemon.console();
  for (const { name, argv } of programs) await console.spawn(name, argv);
  await console.close();
  const call = async (...args: string[]): Promise<void> => {
    await daemon.call(args, COMMAND_MS).catch((thrown: unknown) => {
      throw new Hung(`hana ${args.join(" ")}`, { cause: thrown });
    });
  };
  return {
    mainProcess: () => daemon.processId,
    stop: (name) => call("stop", name),
    restart: (name) => call("restart", name),
    startAgain: () => daemon.start(),
  };
}
