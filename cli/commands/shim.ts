// `hana __shim`, hidden: stands by one program. Started by a daemon, which writes one line to its input and may go.
// Decides how such a process begins and ends; loads nothing else of hana, since there is one a program.

import { toHanaError } from "../../lib/base/mod.ts";
import { denoShimPlatform } from "../../lib/platform/deno/shim/mod.ts";
import { readAssignment, Shim } from "../../lib/supervision/shim/mod.ts";

/** The hidden subcommand. */
export const SHIM_COMMAND = "__shim";
/** A specification with the largest command line and environment takes a fifth of it. */
const MAX_LINE_BYTES = 4 << 20;
const NEWLINE = 10;
const OF_A_SERVICE = [
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
  "LISTEN_PID",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  "INVOCATION_ID",
  "JOURNAL_STREAM",
];

/** Runs a shim until nothing is left to do. Returns the exit code. */
export async function runShim(): Promise<number> {
  // A terminal that closes, or Ctrl-C at the daemon, is no reason to leave a program alone.
  for (const signal of ignored()) Deno.addSignalListener(signal, () => {});
  // What a service manager said to the daemon is not meant for the program: it would answer in the daemon's name.
  for (const name of OF_A_SERVICE) Deno.env.delete(name);
  let note: string | null = null;
  try {
    const platform = denoShimPlatform({
      onCrash: (error) => leaveNote(note, textOf(error)),
    });
    // A spare has time until its task comes: what is loaded when it is first used, is used once before.
    const { processTable } = platform;
    processTable.descendants([processTable.self.processId]);
    const line = await readLine();
    // The daemon went before it had a task for us.
    if (line === null) return 0;
    const assignment = readAssignment(line);
    note = `${assignment.directory}/shim-error`;
    const shim = await Shim.start(platform, assignment);
    await shim.ended;
    return 0;
  } catch (thrown) {
    const error = toHanaError(thrown, "internal", "the shim failed");
    leaveNote(note, textOf(thrown));
    return error.code === "conflict" ? 7 : 70;
  }
}

function ignored(): Deno.Signal[] {
  return Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGHUP", "SIGTERM"];
}

async function readLine(): Promise<string | null> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const buffer = new Uint8Array(64 * 1024);
  while (length <= MAX_LINE_BYTES) {
    const read = await Deno.stdin.read(buffer);
    if (read === null) return null;
    const end = buffer.subarray(0, read).indexOf(NEWLINE);
    parts.push(buffer.slice(0, end < 0 ? read : end));
    length += read;
    if (end >= 0) return new TextDecoder().decode(await new Blob(parts as BlobPart[]).arrayBuffer());
  }
  return null;
}

/** Nobody reads what a shim prints: what went wrong stands beside its journal. */
function leaveNote(path: string | null, text: string): void {
  if (path === null) return;
  try {
    Deno.writeTextFileSync(path, `${new Date().toISOString()} ${text}\n`, { append: true, mode: 0o600 });
  } catch {
    // The disk may be what went wrong.
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
}
