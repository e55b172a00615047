// All commands as one thing that can be asked: what help and completions read.
// Decides nothing; the tree behind it is command_tree.ts. Types alone, so that who asks need not load the tree.

import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** All commands, as help and completions see them. */
export interface Program {
  readonly root: CommandUnknownOpts;
  /** Fills in every command that is not hidden. */
  loadAll(): Promise<void>;
  /** The command at `path` below hana, filled in; null when there is none. */
  find(path: readonly string[]): Promise<CommandUnknownOpts | null>;
}
