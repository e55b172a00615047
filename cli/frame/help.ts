// Help pages: what it is, how it is called, two examples, then the flags; each fits one screen.
// Decides their form; the words stand with the commands.

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Palette } from "../output/mod.ts";
import { getExamples, getTogether, isHiddenCommand } from "./marks.ts";
import { settingOf } from "./flags.ts";
import { SETTINGS } from "../config/mod.ts";

/** The flags of a command that help lists. */
export function visibleFlags(command: CommandUnknownOpts): { flags: string; description: string }[] {
  return command.options.filter((option) => !option.hidden).map((option) => {
    const name = settingOf(option);
    const choices = name === null ? undefined : SETTINGS[name].kind.choices;
    const known = choices !== undefined && !option.description.includes(choices[0] ?? "");
    return {
      flags: option.flags,
      description: known ? `${option.description}: ${choices.join(", ")}` : option.description,
    };
  });
}

/** `mesh create`: the path of a command below hana. */
export function commandPath(command: CommandUnknownOpts): string {
  const names: string[] = [];
  for (let at: CommandUnknownOpts | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return names.join(" ");
}

/** `<CODE> [flags]` and the like. */
function callOf(command: CommandUnknownOpts): string {
  const parts = [commandPath(command)];
  if (command.commands.length > 0) parts.push("<command>");
  for (const argument of command.registeredArguments) {
    const name = argument.name() + (argument.variadic ? "..." : "");
    parts.push(argument.required ? `<${name}>` : `[${name}]`);
  }
  return [...parts, "[flags]"].join(" ");
}

/** The help page of `command`. */
export function helpPage(command: CommandUnknownOpts, palette: Palette): string {
  const isRoot = command.parent === null;
  const title = (text: string): string => palette.paint("strong", text);
  const lines: string[] = [
    `${title(commandPath(command))}: ${command.description() || command.summary()}`,
    "",
  ];
  lines.push(`${title("usage")}  ${callOf(command)}`, "");
  const examples = getExamples(command);
  if (examples.length > 0) {
    lines.push(title("examples"), ...twoColumns(examples.map((e) => [e.call, e.why]), palette), "");
  }
  const below = command.commands.filter((child) => !isHiddenCommand(child));
  if (below.length > 0) {
    lines.push(title("commands"), ...twoColumns(commandRows(below)), "");
  }
  const args = command.registeredArguments.filter((argument) => argument.description !== "");
  if (args.length > 0) {
    lines.push(title("arguments"), ...twoColumns(args.map((a) => [a.name(), a.description])), "");
  }
  const flags = visibleFlags(command);
  if (isRoot) {
    const names = flags.map((flag) => flag.flags.replace(/ <.*$/, "").replace(/^-\w, /, ""));
    lines.push(title("flags of every command"), `  ${names.join(" ")}`, "");
  } else if (flags.length > 0) {
    lines.push(title("flags"), ...twoColumns(flags.map((flag) => [flag.flags, flag.description])), "");
  }
  lines.push(
    isRoot
      ? "more: hana help <command>, hana help flags, hana help exit-codes, hana help settings"
      : `output, settings and --timeout: hana help flags`,
  );
  return lines.join("\n") + "\n";
}

/** A row a command; neighbours that stand together share one. */
function commandRows(commands: readonly CommandUnknownOpts[]): [string, string][] {
  const rows: [string, string][] = [];
  let before: string | null = null;
  for (const command of commands) {
    const together = getTogether(command);
    const last = rows.at(-1);
    if (together !== null && together === before && last !== undefined) last[0] += `, ${command.name()}`;
    else rows.push([command.name(), together ?? command.summary()]);
    before = together;
  }
  return rows;
}

/** Lines of two columns; a first column that is too wide puts its second one on the next line. */
export function twoColumns(rows: readonly (readonly [string, string])[], palette?: Palette): string[] {
  const most = 34;
  const width = Math.min(most, Math.max(...rows.map(([first]) => first.length)));
  return rows.flatMap(([first, second]) => {
    const dim = palette === undefined ? second : palette.paint("dim", second);
    if (first.length > width) return [`  ${first}`, `  ${" ".repeat(width)}  ${dim}`];
    return [`  ${first.padEnd(width)}  ${dim}`.trimEnd()];
  });
}
