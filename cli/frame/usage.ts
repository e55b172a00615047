// What was wrong with a call, in hana's words: the parser's complaint becomes what, why and a call that works.
// Decides the guess at what was meant; never runs it.

import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { nearest } from "../config/mod.ts";
import { shellWord } from "../output/mod.ts";
import { commandPath } from "./help.ts";
import { isHiddenCommand } from "./marks.ts";

/** The parser stopped at `command`: wrong usage, or a help page that was shown. */
export class ParseStop extends Error {
  override readonly name = "ParseStop";
  readonly command: CommandUnknownOpts;
  readonly reason: CommanderError;

  constructor(command: CommandUnknownOpts, reason: CommanderError) {
    super(reason.message);
    this.command = command;
    this.reason = reason;
  }

  /** Whether help was asked for and shown: no error at all. */
  get isHelpShown(): boolean {
    return this.reason.code === "commander.helpDisplayed" || this.reason.exitCode === 0;
  }

  /** Whether help was shown because no subcommand was given. */
  get isHelpInstead(): boolean {
    return this.reason.code === "commander.help";
  }
}

/** The usage error behind a stop, for the call `args`. */
export function usageError(stop: ParseStop, args: readonly string[]): HanaError {
  const { command, reason } = stop;
  const help = `${commandPath(command)} --help`;
  const quoted = /'([^']*)'/.exec(reason.message)?.[1] ?? "";
  if (reason.code === "commander.unknownCommand" || isStrayWord(command, reason)) {
    const word = reason.code === "commander.unknownCommand" ? quoted : command.args[0] ?? quoted;
    const names = command.commands.filter((child) => !isHiddenCommand(child)).map((child) => child.name());
    return unknown(`${commandPath(command)} has no command ${JSON.stringify(word)}`, word, names, args, help);
  }
  if (reason.code === "commander.unknownOption") {
    const flag = quoted.split("=")[0] ?? quoted;
    return unknown(`${commandPath(command)} has no flag ${flag}`, flag, flagsOf(command), args, help);
  }
  if (reason.code === "commander.optionMissingArgument") {
    return new HanaError("usage", { what: `${quoted} needs a value`, hint: help });
  }
  if (reason.code === "commander.missingArgument") {
    return new HanaError("usage", { what: `${commandPath(command)} needs <${quoted}>`, hint: help });
  }
  if (reason.code === "commander.missingMandatoryOptionValue") {
    return new HanaError("usage", { what: `${commandPath(command)} needs ${quoted}`, hint: help });
  }
  if (reason.code === "commander.excessArguments") {
    const taken = command.registeredArguments.length;
    const extra = command.args.slice(taken).map(shellWord).join(" ");
    return new HanaError("usage", {
      what: `${commandPath(command)} does not take ${extra === "" ? "that many arguments" : extra}`,
      hint: help,
    });
  }
  return new HanaError("usage", { what: reason.message.replace(/^error: /, ""), hint: help });
}

// `hana mesh creat`: the parser calls a word below a group an excess argument when the group takes none.
function isStrayWord(command: CommandUnknownOpts, reason: CommanderError): boolean {
  return reason.code === "commander.excessArguments" && command.commands.length > 0;
}

function unknown(
  what: string,
  word: string,
  candidates: readonly string[],
  args: readonly string[],
  help: string,
): HanaError {
  const meant = nearest(word, candidates);
  if (meant === null) return new HanaError("usage", { what, hint: help });
  return new HanaError("usage", { what, why: `did you mean ${meant}?`, hint: corrected(args, word, meant) });
}

/** The call again, with the first occurrence of `word` replaced. */
function corrected(args: readonly string[], word: string, meant: string): string {
  let done = false;
  const words = args.map((arg) => {
    if (done) return shellWord(arg);
    if (arg === word) {
      done = true;
      return meant;
    }
    if (!arg.startsWith(`${word}=`)) return shellWord(arg);
    done = true;
    return shellWord(meant + arg.slice(word.length));
  });
  return ["hana", ...words].join(" ");
}

function flagsOf(command: CommandUnknownOpts): string[] {
  const flags: string[] = ["--help"];
  for (let at: CommandUnknownOpts | null = command; at !== null; at = at.parent) {
    for (const option of at.options) if (!option.hidden && option.long !== undefined) flags.push(option.long);
  }
  return flags;
}
