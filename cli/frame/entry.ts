// What the table of commands and a command file agree on. Types alone, so that the table costs nothing to load.

import type { Command } from "@commander-js/extra-typings";
import type { Cli } from "./cli.ts";

/** A command file: declares arguments and flags on `command`, and what to do with them. */
export interface CommandModule {
  define(command: Command, cli: Cli): void;
}

/** A row of the table of commands. */
export interface CommandEntry {
  readonly name: string;
  /** A few words, for help and completions. */
  readonly summary: string;
  /** What help says of this command and its neighbours with the same words, on one line of the first page. */
  readonly together?: string;
  /** Not listed anywhere: a hook for scripts of ours. */
  readonly hidden?: boolean;
  /** Loads the command file; a static `import()`, so that the compiled executable holds it. */
  readonly load: () => Promise<CommandModule>;
}
