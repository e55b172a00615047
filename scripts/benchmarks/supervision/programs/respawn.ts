// respawn.ts COMMAND ARGUMENT…: starts it, waits for its end, starts it again, with nothing but `Deno.Command`.
// The baseline of the runtime itself. SIGTERM ends it and its child.

const [command = "", ...args] = Deno.args;
let child: Deno.ChildProcess | null = null;
Deno.addSignalListener("SIGTERM", () => {
  try {
    child?.kill("SIGKILL");
  } catch {
    // It has just ended.
  }
  Deno.exit(0);
});
for (;;) {
  child = new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  await child.status;
}
