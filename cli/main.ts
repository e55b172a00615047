// The executable. Decides between the calls that must start at once or stay small (`hana version`, the shim of a
// program) and everything else.
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

if (first === "__shim") {
  const { runShim } = await import("./commands/shim.ts");
  Deno.exit(await runShim());
} else if (isVersion && rest.every((arg) => VERSION_FLAGS.includes(arg))) {
  const { runVersion } = await import("./commands/version.ts");
  Deno.exit(runVersion(rest));
} else {
  const [{ runProgram }, { COMMANDS }] = await Promise.all([
    import("./frame/mod.ts"),
    import("./commands/table.ts"),
  ]);
  await runProgram(COMMANDS, isVersion ? ["version", ...rest] : Deno.args);
}
