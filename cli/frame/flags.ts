// Flags: the global ones, and those that set a setting.
// Decides their form from the table of settings, so that a setting is described once. Never reads a file.

import { type Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { checkFlag, type FlagTexts, SETTING_NAMES, type SettingName, SETTINGS } from "../config/mod.ts";

/** What the global flags say that are no settings. */
export interface GlobalFlags {
  readonly json?: boolean;
  readonly ndjson?: boolean;
  readonly plain?: boolean;
  readonly quiet?: boolean;
  readonly header?: boolean;
  readonly debug?: boolean;
  readonly config?: string;
}

// Which options set a setting. A command may have a flag of the same name that means something else.
const settingOfOption = new WeakMap<object, SettingName>();

/** Declares the flags that every command understands. */
export function addGlobalFlags(program: Command): void {
  program
    .option("--json", "one JSON document")
    .option("--ndjson", "one JSON object a line, written as it happens")
    .option("--plain", "tab-separated values; the default when piped")
    .option("-q, --quiet", "names or ids alone")
    .option("--header", "headings above --plain")
    .option("--config <FILE>", "read settings from this file too")
    .option("--debug", "stack traces with errors");
  addSettingFlags(program, SETTING_NAMES.filter((name) => SETTINGS[name].global));
}

/** Declares flags that set settings; their values are read from `cli.settings`. */
export function addSettingFlags(command: Command, names: readonly SettingName[]): void {
  for (const name of names) command.addOption(settingOption(name));
}

function settingOption(name: SettingName): Option<string> {
  const { kind, flag, description } = SETTINGS[name];
  const option = new Option(flag, description);
  if (kind.repeats === true) {
    option.argParser((text: string, before: string[] | undefined) => {
      checkFlag(name, [text]);
      return [...(before ?? []), text];
    });
  } else if (kind.isSwitch !== true) {
    option.argParser((text: string) => {
      checkFlag(name, text);
      return text;
    });
  }
  settingOfOption.set(option, name);
  return option as Option<string>;
}

/** For options that are given several times: all their values, in order. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** The setting that an option sets; null for any other option. */
export function settingOf(option: object): SettingName | null {
  return settingOfOption.get(option) ?? null;
}

/** The texts of all setting flags given to `command` and the commands above it. */
export function flagTexts(command: CommandUnknownOpts): FlagTexts {
  const texts: Partial<Record<SettingName, string | boolean | readonly string[]>> = {};
  for (let at: CommandUnknownOpts | null = command; at !== null; at = at.parent) {
    for (const option of at.options) {
      const name = settingOf(option);
      if (name === null || at.getOptionValueSource(option.attributeName()) !== "cli") continue;
      texts[name] ??= at.getOptionValue(option.attributeName()) as string | boolean | readonly string[];
    }
  }
  return texts;
}
