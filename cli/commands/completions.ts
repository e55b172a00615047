// `hana completions SHELL`: the script that makes a shell complete commands, flags and node names.

import { Argument, type Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { completionModel, completionScript, offerWords, SHELLS } from "../completions/mod.ts";
import { nearest } from "../config/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";

/** Declares `hana completions`. */
export function define(command: Command, cli: Cli): void {
  command.description("prints the completion script of a shell: commands, flags and the names of nodes");
  setExamples(
    command,
    { call: "source <(hana completions bash)", why: "in ~/.bashrc; zsh alike in ~/.zshrc" },
    { call: "hana completions fish | source", why: "in ~/.config/fish/config.fish" },
    { call: "hana completions pwsh | Out-String | Invoke-Expression", why: "in $PROFILE" },
  );
  const shell = new Argument("<SHELL>", SHELLS.join(", "));
  offerWords(shell, SHELLS);
  command.addArgument(shell).action(async (given) => {
    const known = SHELLS.find((name) => name === given);
    if (known === undefined) throw unknownShell(given);
    await cli.program.loadAll();
    cli.output.raw(completionScript(known, completionModel(cli.program.root)));
  });
}

function unknownShell(given: string): HanaError {
  const meant = nearest(given, SHELLS);
  return new HanaError("usage", {
    what: `no completions for ${JSON.stringify(given)}`,
    why: meant === null ? `known shells: ${SHELLS.join(", ")}` : `did you mean ${meant}?`,
    hint: `hana completions ${meant ?? "bash"}`,
  });
}
