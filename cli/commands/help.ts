// `hana help [COMMAND…]`, and the topics: exit codes, settings, flags.

import { Argument, type Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { offerWords } from "../completions/mod.ts";
import {
  nearest,
  SETTING_NAMES,
  settingFlag,
  settingKey,
  type SettingName,
  SETTINGS,
  settingVariable,
} from "../config/mod.ts";
import { type Cli, helpPage, isHiddenCommand, setExamples } from "../frame/mod.ts";
import { EXIT_CODE_ROWS, type ExitCodeRow, type Rendering } from "../output/mod.ts";

/** A page that belongs to no command. */
interface Topic {
  readonly name: string;
  readonly summary: string;
  show(cli: Cli): Promise<void>;
}

/** Every topic. */
export const TOPICS: readonly Topic[] = [
  { name: "exit-codes", summary: "what each exit code means", show: showExitCodes },
  { name: "settings", summary: "settings by flag, variable and file", show: showSettings },
  { name: "flags", summary: "flags of every command", show: showFlags },
];

/** Declares `hana help`. */
export function define(command: Command, cli: Cli): void {
  command.description("help on a command, or on a topic: exit-codes, settings, flags");
  setExamples(
    command,
    { call: "hana help mesh create", why: "a command" },
    { call: "hana help exit-codes", why: "what a script can branch on" },
  );
  const about = new Argument("[words...]", "a command, or a topic");
  const commands = cli.program.root.commands.filter((child) => !isHiddenCommand(child));
  offerWords(about, [...commands.map((child) => child.name()), ...TOPICS.map((topic) => topic.name)]);
  command.addArgument(about).action(async (words) => {
    const topic = words.length === 1 ? TOPICS.find((each) => each.name === words[0]) : undefined;
    if (topic !== undefined) return await topic.show(cli);
    const found = await cli.program.find(words);
    if (found === null) throw await unknownTopic(cli, words);
    cli.output.raw(helpPage(found, cli.output.palette));
  });
}

async function unknownTopic(cli: Cli, words: readonly string[]): Promise<HanaError> {
  const known = TOPICS.map((topic) => topic.name);
  await cli.program.loadAll();
  for (const command of cli.program.root.commands) {
    if (isHiddenCommand(command)) continue;
    known.push(command.name(), ...command.commands.map((child) => `${command.name()} ${child.name()}`));
  }
  const asked = words.join(" ");
  const meant = nearest(asked, known);
  return new HanaError("usage", {
    what: `no help on ${JSON.stringify(asked)}`,
    ...(meant === null ? {} : { why: `did you mean ${meant}?` }),
    hint: meant === null ? "hana help" : `hana help ${meant}`,
  });
}

const EXIT_CODES: Rendering<ExitCodeRow> = {
  what: "exit-codes",
  row: "code",
  columns: [
    { header: "CODE", cell: (row) => row.code, align: "right" },
    { header: "NAME", cell: (row) => row.name },
    { header: "MEANING", cell: (row) => row.meaning },
  ],
  id: (row) => String(row.code),
  json: (row) => ({ ...row }),
  document: (rows) => ({ codes: rows.map((row) => ({ ...row })) }),
};

async function showExitCodes(cli: Cli): Promise<void> {
  await cli.output.rows(EXIT_CODES, EXIT_CODE_ROWS);
}

const SETTINGS_PAGE: Rendering<SettingName> = {
  what: "settings",
  row: "setting",
  columns: [
    { header: "SETTING", cell: settingKey },
    { header: "FLAG", cell: (name) => SETTINGS[name].flag },
    { header: "VARIABLE", cell: settingVariable },
    { header: "MEANING", cell: (name) => SETTINGS[name].description, shrinks: true },
  ],
  id: settingKey,
  json: settingJson,
  document: (names) => ({ settings: names.map(settingJson) }),
};

function settingJson(name: SettingName): Record<string, string> {
  return {
    key: settingKey(name),
    flag: settingFlag(name),
    variable: settingVariable(name),
    expects: SETTINGS[name].kind.expects,
    description: SETTINGS[name].description,
  };
}

async function showSettings(cli: Cli): Promise<void> {
  await cli.output.rows(SETTINGS_PAGE, SETTING_NAMES);
}

interface FlagRow {
  readonly flags: string;
  readonly description: string;
}

const FLAGS: Rendering<FlagRow> = {
  what: "flags",
  row: "flag",
  columns: [
    { header: "FLAG", cell: (row) => row.flags },
    { header: "MEANING", cell: (row) => row.description, shrinks: true },
  ],
  id: (row) => row.flags,
  json: (row) => ({ ...row }),
  document: (rows) => ({ flags: rows.map((row) => ({ ...row })) }),
};

async function showFlags(cli: Cli): Promise<void> {
  const rows = cli.program.root.options.filter((option) => !option.hidden)
    .map(({ flags, description }) => ({ flags, description }));
  await cli.output.rows(FLAGS, rows);
}
