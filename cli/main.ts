// The executable. Decides between the one call that must start at once (`hana version`) and everything else.
// Loads nothing that the call does not need: start-up time is what a script pays at every line.

/** Flags that `hana version` understands without the command tree. */
const VERSION_FLAGS: readonly string[] = [
  "--json",
  "--ndjson",
  "--plain",
  "-q",
  "--quiet",
  "--header",
  "--debug",
];

const [first, ...rest] = Deno.args;
const isVersion = first === "version" || first === "--version" || first === "-V";

if (isVersion && rest.every((arg) => VERSION_FLAGS.includes(arg))) {
  const { runVersion } = await import("./commands/version.ts");
  Deno.exit(runVersion(rest));
} else {
  const [{ runProgram }, { COMMANDS }] = await Promise.all([
    import("./frame/mod.ts"),
    import("./commands/table.ts"),
  ]);
  await runProgram(COMMANDS, isVersion ? ["version", ...rest] : Deno.args);
}
