// The frame around every command: parsing, help, signals, exit codes.

export { Cli } from "./cli.ts";
export { runProgram } from "./command_tree.ts";
export type { CommandEntry, CommandModule } from "./entry.ts";
export { addSettingFlags, collect, settingOf } from "./flags.ts";
export { commandPath, helpPage, twoColumns } from "./help.ts";
export { type Example, getExamples, isHiddenCommand, setExamples } from "./marks.ts";
export type { Program } from "./program.ts";
export { type EndSignal, Signals } from "./signals.ts";
