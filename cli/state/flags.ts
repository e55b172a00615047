// Flags that commands of `hana state` share: how the mesh is found, priorities, `--as` and `--hold`.
// Decides what their values may be.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { MAX_PRIORITY } from "../../lib/state/mod.ts";
import { parseDuration } from "../output/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";

/** Settings of every command of `hana state`: how the mesh is found. */
export function addStateSettings(command: Command): void {
  addProgramSettings(command);
}

/** `--as NAME`: several commands are one client. */
export const AS_FLAG = "--as <NAME>";
/** What it does. */
export const AS_TEXT =
  "be the same client as other commands under this name: it keeps what it holds for 60 s between them";

/** What `--give` does. */
export const GIVE_TEXT = "give it to whoever asks; at a terminal y and n answer";

/** `--priority N`. Throws `usage`. */
export function priorityOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const priority = /^\d{1,3}$/.test(text) ? Number(text) : NaN;
  if (priority >= 1 && priority <= MAX_PRIORITY) return priority;
  throw new HanaError("usage", {
    what: `--priority ${JSON.stringify(text)} is no priority`,
    why: priority === 0
      ? "0 means that you do not control it"
      : priority > MAX_PRIORITY
      ? `clients have 1 to ${MAX_PRIORITY}; what is above is the host's own`
      : `a priority is a whole number from 1 to ${MAX_PRIORITY}; 100 unless given`,
    hint: priority === 0 ? "hana state release PATH --as NAME" : "--priority 150",
  });
}

/** `--hold DURATION`, in microseconds. Throws `usage`. */
export function holdOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const holdUs = parseDuration(text, "--hold");
  if (holdUs > 0) return holdUs;
  throw new HanaError("usage", {
    what: "--hold 0 holds nothing",
    why: "it says for how long this command stays and holds what it has",
    hint: "--hold 10m",
  });
}
