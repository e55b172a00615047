// The command tree: stubs from the table, each filled in when it is called.
// Decides parsing, the order of events around a command, and how a run ends; never what a command does.

import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { type Resolved, resolveSettings } from "../config/mod.ts";
import {
  asHanaError,
  chooseMode,
  type ColourChoice,
  EXIT,
  type ExitCode,
  exitCodeOf,
  isReaderGone,
  Output,
  Palette,
  shouldColour,
  type Streams,
  systemStreams,
} from "../output/mod.ts";
import { Cli } from "./cli.ts";
import type { CommandEntry } from "./entry.ts";
import { addGlobalFlags, flagTexts, type GlobalFlags } from "./flags.ts";
import { helpPage } from "./help.ts";
import { hide, setExamples, standTogether } from "./marks.ts";
import type { Program } from "./program.ts";
import { ParseStop, usageError } from "./usage.ts";
import { withWholeCall } from "./whole_call.ts";

/** Runs one call of hana and ends the process with its exit code. */
export async function runProgram(entries: readonly CommandEntry[], args: readonly string[]): Promise<never> {
  const streams = systemStreams();
  const tree = new CommandTree(entries, streams, args);
  const { cli } = tree;
  const end = (code: ExitCode): never => {
    try {
      cli.output.endTransient();
    } catch {
      // Ending matters more than a tidy line.
    }
    Deno.exit(code);
  };
  cli.signals.install(end);
  // What no command caught is a bug, unless the reader of stdout left while a callback was writing.
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    end(report(cli, event.error, args));
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    end(report(cli, event.reason, args));
  });
  try {
    await tree.root.parseAsync([...args], { from: "user" });
    return end(cli.exitCode);
  } catch (thrown) {
    return end(report(cli, thrown, args));
  }
}

/** Says on stderr what went wrong, and gives the exit code. */
function report(cli: Cli, thrown: unknown, args: readonly string[]): ExitCode {
  if (isReaderGone(thrown)) return EXIT.done;
  if (thrown instanceof ParseStop) {
    if (thrown.isHelpShown) return EXIT.done;
    if (thrown.isHelpInstead) return EXIT.usage;
    cli.output.error(usageError(thrown, args));
    return EXIT.usage;
  }
  const error = withWholeCall(asHanaError(thrown), args);
  cli.output.error(error);
  return exitCodeOf(error);
}

class CommandTree implements Program {
  readonly root: Command;
  readonly cli: Cli;
  readonly #entries: ReadonlyMap<string, CommandEntry>;
  readonly #streams: Streams;
  readonly #filled = new Set<string>();

  constructor(entries: readonly CommandEntry[], streams: Streams, args: readonly string[]) {
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
    this.#streams = streams;
    this.cli = new Cli(this, provisionalOutput(streams, args));
    this.root = new Command("hana");
    this.root
      .description("turns the machines of a live visual show into one mesh")
      .helpCommand(false)
      .showSuggestionAfterError(false)
      .configureOutput({
        writeOut: (text) => streams.out.write(text),
        writeErr: (text) => streams.err.write(text),
        outputError: () => {},
      });
    setExamples(
      this.root,
      { call: "hana serve", why: "make this machine part of the mesh" },
      { call: "hana discover", why: "see who else is" },
      { call: "hana mesh create --name tour2026", why: "make the key that the machines share" },
    );
    addGlobalFlags(this.root);
    for (const entry of entries) {
      const stub = this.root.command(entry.name).summary(entry.summary).description(entry.summary);
      if (entry.hidden === true) hide(stub);
      if (entry.together !== undefined) standTogether(stub, entry.together);
    }
    this.#adopt(this.root);
    this.root.hook("preSubcommand", (_root, called) => this.#fill(called));
    this.root.hook("preAction", (_root, called) => this.#onFlags(called));
  }

  async loadAll(): Promise<void> {
    for (const command of this.root.commands) {
      if (this.#entries.get(command.name())?.hidden !== true) await this.#fill(command);
    }
  }

  async find(path: readonly string[]): Promise<CommandUnknownOpts | null> {
    let at: CommandUnknownOpts = this.root;
    for (const name of path) {
      const next = at.commands.find((child) => child.name() === name);
      if (next === undefined) return null;
      if (at === this.root) await this.#fill(next);
      at = next;
    }
    return at;
  }

  /** Loads the file of a command and lets it declare itself. */
  async #fill(command: CommandUnknownOpts): Promise<void> {
    const entry = this.#entries.get(command.name());
    if (entry === undefined || this.#filled.has(entry.name)) return;
    this.#filled.add(entry.name);
    const file = await entry.load();
    // A stub has neither arguments nor options yet, whatever its type has forgotten.
    file.define(command as unknown as Command, this.cli);
    this.#adopt(command);
  }

  /** Gives a command and those below it hana's help pages and errors. */
  #adopt(command: CommandUnknownOpts): void {
    const { out, err } = this.#streams;
    const env = (name: string): string | undefined => Deno.env.get(name);
    command.helpOption("-h, --help", "this page");
    command.exitOverride((reason) => {
      throw reason instanceof CommanderError ? new ParseStop(command, reason) : reason;
    });
    command.configureHelp({
      formatHelp: (asked, helper) => {
        const sink = (helper as { isError?: boolean }).isError === true ? err : out;
        return helpPage(asked, new Palette(shouldColour("auto", sink.isTerminal, env)));
      },
    });
    for (const child of command.commands) this.#adopt(child);
  }

  /** Between parsing and acting: output mode, colours and settings come to be. */
  async #onFlags(called: CommandUnknownOpts): Promise<void> {
    const flags = this.root.opts() as GlobalFlags;
    const resolved = await this.#resolve(called, flags.config);
    const choice: ColourChoice = resolved instanceof HanaError ? "auto" : resolved.settings.color;
    const env = (name: string): string | undefined => this.cli.environment.get(name);
    const { out, err } = this.#streams;
    const mode = chooseMode(flags, out.isTerminal);
    const output = new Output({
      streams: this.#streams,
      mode,
      modeWasAsked: flags[mode as keyof GlobalFlags] === true,
      outColour: shouldColour(choice, out.isTerminal, env),
      errColour: shouldColour(choice, err.isTerminal, env),
      header: flags.header === true,
      debug: flags.debug === true,
    });
    this.cli.onFlags(output, resolved, flags.config);
  }

  async #resolve(called: CommandUnknownOpts, config: string | undefined): Promise<Resolved | HanaError> {
    try {
      return await resolveSettings(this.cli.environment, flagTexts(called), config);
    } catch (thrown) {
      if (thrown instanceof HanaError) return thrown;
      throw thrown;
    }
  }
}

/** The output for errors that come before the flags are read. */
function provisionalOutput(streams: Streams, args: readonly string[]): Output {
  const at = args.indexOf("--color");
  const asked = at < 0
    ? args.find((arg) => arg.startsWith("--color="))?.slice("--color=".length)
    : args[at + 1];
  const choice: ColourChoice = asked === "always" || asked === "never" ? asked : "auto";
  return new Output({
    streams,
    mode: "plain",
    modeWasAsked: false,
    outColour: false,
    errColour: shouldColour(choice, streams.err.isTerminal, (name) => Deno.env.get(name)),
    header: false,
    debug: args.includes("--debug"),
  });
}
