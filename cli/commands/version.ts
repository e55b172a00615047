// `hana version`: what this hana was made from. Called by main.ts without the command tree, so that it starts at
// once; imports nothing heavy.

import type { Command } from "@commander-js/extra-typings";
import { type BuildInfo, buildInfo } from "../build_info.ts";
import type { Cli } from "../frame/cli.ts";
import { setExamples } from "../frame/marks.ts";
import { withWholeCall } from "../frame/whole_call.ts";
import { asHanaError } from "../output/errors.ts";
import { EXIT, type ExitCode, exitCodeOf } from "../output/exit_codes.ts";
import { chooseMode } from "../output/mode.ts";
import { Output } from "../output/output.ts";
import type { RecordRendering } from "../output/rendering.ts";
import { ReaderGone, systemStreams } from "../output/writer.ts";

/** Declares `hana version`. */
export function define(command: Command, cli: Cli): void {
  command.description("what this hana was made from: version, commit, Deno, target");
  setExamples(
    command,
    { call: "hana version", why: "for people" },
    { call: "hana version --json", why: "for a script; -q prints the number alone" },
  );
  command.action(() => cli.output.record(versionRecord(buildInfo())));
}

/** Prints the version without the command tree; `flags` are output flags alone. */
export function runVersion(flags: readonly string[]): ExitCode {
  const has = (...names: string[]): boolean => names.some((name) => flags.includes(name));
  const streams = systemStreams();
  const options = {
    streams,
    outColour: false,
    errColour: false,
    debug: has("--debug"),
    header: has("--header"),
  };
  try {
    const asked = {
      json: has("--json"),
      ndjson: has("--ndjson"),
      plain: has("--plain"),
      quiet: has("-q", "--quiet"),
    };
    const mode = chooseMode(asked, streams.out.isTerminal);
    new Output({ ...options, mode, modeWasAsked: true }).record(versionRecord(buildInfo()));
    return EXIT.done;
  } catch (thrown) {
    if (thrown instanceof ReaderGone) return EXIT.done;
    const error = withWholeCall(asHanaError(thrown), ["version", ...flags]);
    new Output({ ...options, mode: "plain", modeWasAsked: false }).error(error);
    return exitCodeOf(error);
  }
}

function versionRecord(build: BuildInfo): RecordRendering {
  const { version, commit, deno, target, compiled } = build;
  return {
    what: "version",
    sentences: [`hana ${version} (${commit}), Deno ${deno}, ${target}${compiled ? "" : ", from source"}`],
    fields: [
      { label: "version", value: version },
      { label: "commit", value: commit },
      { label: "deno", value: deno },
      { label: "target", value: target },
      { label: "compiled", value: compiled ? "yes" : "no", plain: String(compiled) },
    ],
    quiet: [version],
    json: { version, commit, deno, target, compiled },
  };
}
