// What can stand where in a call of hana, read from the command tree: the one source of all completion scripts.
// Decides which values a placeholder stands for; never how a shell is told.

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { SETTINGS } from "../config/mod.ts";
import { commandPath, isHiddenCommand, settingOf } from "../frame/mod.ts";

/** Names that `hana complete <kind>s` tells: of the shared state. */
export type NamedKind = "path" | "snapshot" | "group" | "client";

/** What completes a value. `free` is what nobody can guess. */
export type Values =
  | { readonly kind: "node" | "program" | "scenario" | NamedKind | "file" | "directory" | "free" }
  | { readonly kind: "words"; readonly words: readonly string[] };

/** A flag as shells see it. */
export interface FlagModel {
  readonly long: string;
  readonly short: string | null;
  readonly description: string;
  /** What its value may be; null for a flag without one. */
  readonly values: Values | null;
}

/** A subcommand as shells see it. */
export interface Word {
  readonly name: string;
  readonly summary: string;
}

/** One command: what may follow it. */
export interface CommandModel {
  /** `mesh create`; empty for hana itself. */
  readonly path: string;
  readonly words: readonly Word[];
  readonly flags: readonly FlagModel[];
  readonly args: readonly Values[];
  /** The last of {@linkcode args} repeats. */
  readonly variadic: boolean;
}

const wordsOfArgument = new WeakMap<object, readonly string[]>();

/** Offers words for an argument that takes others as well. */
export function offerWords(argument: object, words: readonly string[]): void {
  wordsOfArgument.set(argument, words);
}

const kindOfArgument = new WeakMap<object, NamedKind>();

/** Offers names of the shared state for an argument or the value of a flag. */
export function offerNames(argumentOrOption: object, kind: NamedKind): void {
  kindOfArgument.set(argumentOrOption, kind);
}

/** Every visible command below and including `root`. All of them must have been loaded. */
export function completionModel(root: CommandUnknownOpts): CommandModel[] {
  const models: CommandModel[] = [];
  visit(root, models);
  return models;
}

function visit(command: CommandUnknownOpts, models: CommandModel[]): void {
  const below = command.commands.filter((child) => !isHiddenCommand(child));
  models.push({
    path: commandPath(command).split(" ").slice(1).join(" "),
    words: below.map((child) => ({ name: child.name(), summary: child.summary() })),
    flags: flagsOf(command),
    args: command.registeredArguments.map((argument) => {
      const kind = kindOfArgument.get(argument);
      if (kind !== undefined) return { kind };
      return valuesOf(argument.name(), wordsOfArgument.get(argument) ?? argument.argChoices);
    }),
    variadic: command.registeredArguments.some((argument) => argument.variadic),
  });
  for (const child of below) visit(child, models);
}

function flagsOf(command: CommandUnknownOpts): FlagModel[] {
  const flags: FlagModel[] = [];
  for (let at: CommandUnknownOpts | null = command; at !== null; at = at.parent) {
    for (const option of at.options) {
      if (option.hidden || option.long === undefined || flags.some((flag) => flag.long === option.long)) {
        continue;
      }
      const placeholder = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? null;
      const name = settingOf(option);
      const choices = name === null ? option.argChoices : SETTINGS[name].kind.choices;
      flags.push({
        long: option.long,
        short: option.short ?? null,
        description: option.description,
        values: placeholder === null ? null : namedValuesOf(option) ?? valuesOf(placeholder, choices),
      });
    }
  }
  flags.push({ long: "--help", short: "-h", description: "help page", values: null });
  return flags;
}

function namedValuesOf(option: object): Values | null {
  const kind = kindOfArgument.get(option);
  return kind === undefined ? null : { kind };
}

function valuesOf(placeholder: string, words: readonly string[] | undefined): Values {
  if (words !== undefined) return { kind: "words", words };
  const noun = placeholder.replace(/\.+$/, "").toLowerCase();
  if (noun === "node" || noun === "nodes") return { kind: "node" };
  if (noun === "program" || noun === "programs") return { kind: "program" };
  if (noun === "name|file" || noun.startsWith("name|file|")) return { kind: "scenario" };
  if (noun === "file") return { kind: "file" };
  if (noun === "dir") return { kind: "directory" };
  return { kind: "free" };
}

/** Every flag that takes a value, in both its forms: what a script skips when it counts words. */
export function valuedFlags(models: readonly CommandModel[]): string[] {
  const names = new Set<string>();
  for (const { flags } of models) {
    for (const flag of flags) {
      if (flag.values === null) continue;
      names.add(flag.long);
      if (flag.short !== null) names.add(flag.short);
    }
  }
  return [...names].sort();
}

/** Both forms of a flag. */
export function formsOf(flag: FlagModel): string[] {
  return flag.short === null ? [flag.long] : [flag.long, flag.short];
}

/** What a script asks of its value function: `node`, `program`, `scenario`, `path`, `snapshot`, `group`, `client`, `file`, `directory`, `free`, or `words a b c`. */
export function valuesText(values: Values): string {
  return values.kind === "words" ? `words ${values.words.join(" ")}` : values.kind;
}
