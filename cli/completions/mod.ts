// Tab completion for four shells, all made from the command tree.

import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import type { CommandModel } from "./model.ts";
import { pwshScript } from "./pwsh.ts";
import { zshScript } from "./zsh.ts";

export {
  type CommandModel,
  completionModel,
  type FlagModel,
  offerWords,
  valuedFlags,
  type Values,
  type Word,
} from "./model.ts";

/** Shells that hana completes in. */
export type Shell = "bash" | "zsh" | "fish" | "pwsh";

/** All shells. */
export const SHELLS: readonly Shell[] = ["bash", "zsh", "fish", "pwsh"];

const SCRIPTS: Readonly<Record<Shell, (models: readonly CommandModel[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  pwsh: pwshScript,
};

/** The completion script of a shell. */
export function completionScript(shell: Shell, models: readonly CommandModel[]): string {
  return SCRIPTS[shell](models);
}
