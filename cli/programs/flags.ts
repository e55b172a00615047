// The settings of every command about programs: how the mesh is found.
// Decides which of them its help lists; the others work as well, and hana help settings has all.

import type { Command } from "@commander-js/extra-typings";
import type { SettingName } from "../config/mod.ts";
import { addSettingFlags, settingOf } from "../frame/mod.ts";
import { LOOK_SETTINGS } from "../nodes/options.ts";

/** Settings that a show sets once, for all commands. */
const RARE: readonly SettingName[] = ["discoveryPort", "discoveryGroup", "lanes", "wire"];

/** Declares them; those that nobody gives at every call are kept out of help. */
export function addProgramSettings(command: Command): void {
  addSettingFlags(command, LOOK_SETTINGS);
  for (const option of command.options) {
    const name = settingOf(option);
    if (name !== null && RARE.includes(name)) option.hideHelp();
  }
}
