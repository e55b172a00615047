// `hana spawn -- CMD ARG…`: starts a program on one or more nodes, kept running there from then on.
// Decides what the words of the call mean; what a program is to be is read in cli/programs, its life is the node's.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import { programNameOf, SPAWN_PROGRAM, SPEC_DEFAULTS } from "../../lib/supervision/mod.ts";
import { nearest } from "../config/mod.ts";
import { type Cli, collect, setExamples } from "../frame/mod.ts";
import { parseDuration, shellWord } from "../output/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import { noNodeHere } from "../programs/errors.ts";
import { type Host, Hosts } from "../programs/hosts.ts";
import { checkName } from "../programs/names.ts";
import { checkOp } from "../programs/op.ts";
import type { Outcome } from "../programs/outcomes.ts";
import { type GivenSpec, type SpecFlags, specOf } from "../programs/spec_flags.ts";
import { follow, type Order } from "../programs/verbs.ts";
import { ProgramWatches } from "../programs/watched.ts";

interface SpawnOptions extends SpecFlags {
  readonly on?: string;
  readonly name?: string;
  readonly once?: true;
  /** False with `--no-wait`. */
  readonly wait?: boolean;
  readonly op?: string;
}

/** What is waited beyond a program's own start deadline. */
const MARGIN_US = 5_000_000;
const ANSWER_US = 20_000_000;

/** Declares `hana spawn`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "starts a program and keeps it running; returns when it is ready, or says how far it got (exit code 4)",
  );
  setExamples(
    command,
    { call: "hana spawn -- ./viz --scene intro", why: "here; it is called viz" },
    { call: "hana spawn --on tag:wall=north --ready tcp:7000 -- ./viz", why: "one on each of these nodes" },
    {
      call: "hana spawn --name viz --memory-max 6GiB --fallback slate -- ./viz",
      why: "ended and started anew beyond that, and a safe look while it fails",
    },
  );
  command
    .argument("[CMD...]", "the program and its arguments, behind --; no shell is used")
    .option(
      "--on <NODE>",
      "where: a node, all, tag:KEY=VALUE, gpu.vramMb>=8000, @least-loaded, a group; several with commas; here unless given",
    )
    .option("--name <NAME>", "what it is called; the file's name unless given")
    .option("--once", "leave it when it has ended well")
    .option("--restart <WHEN>", "always (the default), on-failure, never")
    .option("--env <NAME=VALUE>", "add to its environment; repeatable", collect)
    .option("--cwd <DIR>", "where it works; here this directory, elsewhere the node's unless given")
    .option("--display <DISPLAY>", "told to it as HANA_DISPLAY")
    .option("--gpu <GPU>", "told to it as HANA_GPU")
    .option("--memory-max <SIZE>", "ends and restarts it when it holds more, such as 6GiB")
    .option("--grace <DURATION>", "how long it may take to end when asked to: 5s unless given")
    .option("--start-timeout <DURATION>", "how long it may take to get ready: 15s unless given")
    .option("--ready <HOW>", "how that is known: auto, told, tcp:PORT, line:TEXT")
    .option(
      "--need <NAME=STATE>",
      "another program of that node that comes first: NAME=ready, started or done; repeatable",
      collect,
    )
    .option("--bind", "start it anew when one that it needs was")
    .option("--fallback <COMMAND>", "a safe look, shown after 3 failures in a row while it is tried on")
    .option("--give-up <N/DURATION>", "park it after so many failures within so long, such as 10/5m")
    .option("--nice <N>", "0 to 19: the higher, the more it stands back")
    .option("--no-wait", "return as soon as the node has taken it on")
    .option("--op <ID>", "the name of this demand: whoever repeats it gets its first answer")
    .allowUnknownOption()
    .action(async (argv, options) => await spawn(cli, argv, options as SpawnOptions));
  addProgramSettings(command as unknown as Command);
}

async function spawn(cli: Cli, words: readonly string[], options: SpawnOptions): Promise<void> {
  const flags = optionNames(cli);
  const argv = commandLine(words, Deno.args, flags);
  const name = options.name ?? programNameOf(argv);
  if (options.name !== undefined) checkFlagName(options.name);
  const spec = specOf(argv, options);
  const op = options.op === undefined ? undefined : checkOp(options.op);
  const startUs = options.startTimeout === undefined
    ? SPEC_DEFAULTS.startUs
    : parseDuration(options.startTimeout, "--start-timeout");
  // Without --on nothing but this machine is meant, and the network is not asked.
  const hosts = options.on === undefined ? await Hosts.openLocal(cli) : await Hosts.open(cli);
  if (hosts === null) throw noNodeHere();
  try {
    const watches = new ProgramWatches(hosts);
    const { reached, lost } = await hostsOf(hosts, options.on, name);
    const want = options.once === true ? "once" : "up";
    const orders: Order[] = reached.map((host) => ({
      host,
      name,
      give: (parts) =>
        host.session.request(SPAWN_PROGRAM, { ...parts, name, spec: specFor(host, spec), want }, {
          timeoutUs: ANSWER_US,
        }),
    }));
    await follow(cli, watches, orders, {
      goal: options.wait !== false ? "ready" : null,
      timeoutUs: cli.settings.timeout ?? startUs + MARGIN_US,
      told: "is taken on; it will be started",
      what: "spawn",
      failing: "did not get ready",
      op,
    }, lost);
  } finally {
    await hosts.close();
  }
}

/** Relative paths mean this directory where the program runs on this machine. */
function specFor(host: Host, spec: GivenSpec): GivenSpec {
  if (spec.cwd !== undefined) {
    return host.self && !isAbsolute(String(spec.cwd)) ? { ...spec, cwd: `${Deno.cwd()}/${spec.cwd}` } : spec;
  }
  return host.self ? { ...spec, cwd: Deno.cwd() } : spec;
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[A-Za-z]:[\\/]|^\\\\/.test(path);
}

async function hostsOf(
  hosts: Hosts,
  on: string | undefined,
  name: string,
): Promise<{ reached: Host[]; lost: Outcome[] }> {
  if (on === undefined) return { reached: [await hosts.here()], lost: [] };
  const { nodes } = await hosts.choose(on);
  const reached: Host[] = [];
  const lost: Outcome[] = [];
  await Promise.all(nodes.map(async (node) => {
    try {
      reached.push(await hosts.reach(node));
    } catch (thrown) {
      const error = toHanaError(thrown, "unreachable", `${node.name} cannot be reached`);
      lost.push({
        name,
        node: node.name,
        outcome: "error",
        words: "not reached; nothing was started",
        program: null,
        error,
        replayed: false,
        durable: true,
      });
    }
  }));
  reached.sort((a, b) => a.name < b.name ? -1 : 1);
  return { reached, lost };
}

function optionNames(cli: Cli): string[] {
  const command = cli.program.root.commands.find((child) => child.name() === "spawn");
  return [...command?.options ?? [], ...cli.program.root.options].flatMap((option) =>
    option.long === undefined ? [] : [option.long]
  );
}

/**
 * The program's own words: everything behind `--`, or all words where none looks like a flag. Throws `usage` with the call
 * that was probably meant.
 */
export function commandLine(
  words: readonly string[],
  args: readonly string[],
  flags: readonly string[],
): readonly [string, ...string[]] {
  const dashes = args.indexOf("--");
  const behind = dashes < 0 ? [] : args.slice(dashes + 1);
  const isWhole = dashes >= 0 && words.length === behind.length &&
    words.every((word, i) => word === behind[i]);
  if (!isWhole) {
    const first = words.findIndex((word) => word.startsWith("-") && word !== "-");
    const flag = words[first]?.split("=")[0] ?? "";
    if (first === 0 && flag !== "--") throw unknownFlag(flag, args, flags);
    if (first >= 0 || dashes >= 0) {
      const at = args.indexOf(words[0] ?? "");
      const ours = args.slice(0, at);
      const theirs = args.slice(at).filter((arg, i, all) => arg !== "--" || all.indexOf("--") !== i);
      throw new HanaError("usage", {
        what: dashes >= 0 ? "words of the program before --" : "-- is missing before the program",
        why: dashes >= 0
          ? "everything behind -- is the program's, everything before it hana's"
          : `${flag} could be meant for hana or for ${words[0]}`,
        hint: ["hana", ...ours, "--", ...theirs].map(shellWord).join(" "),
      });
    }
  }
  const [program, ...rest] = words;
  if (program !== undefined && program !== "") return [program, ...rest];
  throw new HanaError("usage", {
    what: "nothing to spawn",
    why: "the program and its arguments stand behind --",
    hint: ["hana", ...dashes < 0 ? args : args.slice(0, dashes), "--", "./viz"].map(shellWord).join(" "),
  });
}

function unknownFlag(flag: string, args: readonly string[], flags: readonly string[]): HanaError {
  const near = nearest(flag, flags);
  if (near === null) {
    return new HanaError("usage", { what: `hana spawn has no flag ${flag}`, hint: "hana spawn --help" });
  }
  return new HanaError("usage", {
    what: `hana spawn has no flag ${flag}`,
    why: `did you mean ${near}?`,
    hint: [
      "hana",
      ...args.map((arg) =>
        arg === flag ? near : arg.startsWith(`${flag}=`) ? near + arg.slice(flag.length) : arg
      ),
    ]
      .map(shellWord).join(" "),
  });
}

function checkFlagName(name: string): void {
  try {
    checkName(name, "--name");
  } catch (thrown) {
    if (!(thrown instanceof HanaError) || !name.includes("@")) throw thrown;
    throw new HanaError("usage", {
      what: thrown.what,
      why: "the node is said by --on",
      hint: `--name ${name.split("@")[0] ?? "viz"}`,
    });
  }
}
