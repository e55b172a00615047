// Names that shells offer for `hana state`: paths, stored snapshots, display groups.
// Decides which argument takes which of them; cli/completions knows how a shell is told, cli/commands/complete.ts asks.

import { offerNames } from "../completions/model.ts";

/** Offers paths for an argument or flag. */
export function offerPaths(command: { readonly registeredArguments: readonly object[] }): void {
  const last = command.registeredArguments.at(-1);
  if (last !== undefined) offerNames(last, "path");
}
