// Why a program could not be started, said so that whoever wrote its command line knows what to change.
// Decides which failures are mistakes (`not-found`, `refused`, `config`) and which pass by themselves (`overloaded`):
// a supervisor waits for the file in the one case and for its turn in the other. Never tries again.

import { type ErrorCode, HanaError } from "../../base/mod.ts";
import type { ProcessOptions } from "../mod.ts";
import { systemCodeOf } from "./stream_errors.ts";

/** Failures of the machine, not of the command: the same call may work a moment later. */
const PASSING: Readonly<Record<string, string>> = {
  EAGAIN: "the limit of processes is reached",
  ENOMEM: "the machine has no memory left",
  EMFILE: "this process has too many files open",
  ENFILE: "the machine has too many files open",
  ETXTBSY: "the program is being written at this moment",
};

/** The same by the system's number, where the runtime gives no name. Linux and macOS have these in common but for EAGAIN. */
const NUMBERS: Readonly<Record<string, string>> = {
  "7": "E2BIG",
  "8": "ENOEXEC",
  "12": "ENOMEM",
  "23": "ENFILE",
  "24": "EMFILE",
  "26": "ETXTBSY",
};

function codeOf(thrown: unknown, message: string): string {
  const code = systemCodeOf(thrown);
  if (code !== "") return code;
  if (thrown instanceof Deno.errors.WouldBlock) return "EAGAIN";
  if (thrown instanceof Deno.errors.NotFound) return "ENOENT";
  if (thrown instanceof Deno.errors.PermissionDenied) return "EACCES";
  return NUMBERS[/os error ([0-9]+)/.exec(message)?.[1] ?? ""] ?? "";
}

/** What stands where the program should be; null when it was left to the search path, or nothing is there. */
function programFile({ argv: [program], cwd }: ProcessOptions): Deno.FileInfo | null {
  if (!/[/\\]/.test(program)) return null;
  const isWhole = program.startsWith("/") || /^[A-Za-z]:|^\\/.test(program);
  try {
    return Deno.statSync(isWhole || cwd === undefined ? program : `${cwd}/${program}`);
  } catch {
    return null;
  }
}

/** Refuses what no system call would take. Throws `config`. */
export function checkSpawn(options: ProcessOptions): void {
  const refuse = (why: string): never => {
    throw new HanaError("config", { what: `cannot start ${JSON.stringify(options.argv[0])}`, why });
  };
  if (options.argv[0] === "") refuse("no program is named");
  if (options.argv.some((arg) => arg.includes("\0"))) refuse("an argument holds a zero byte");
  if (options.cwd?.includes("\0")) refuse("the directory's name holds a zero byte");
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (name === "" || /[=\0]/.test(name)) refuse(`no variable can be called ${JSON.stringify(name)}`);
    if (value.includes("\0")) refuse(`the value of ${name} holds a zero byte`);
  }
}

/** The error of a start that the system refused. */
export function spawnError(thrown: unknown, options: ProcessOptions): HanaError {
  if (thrown instanceof HanaError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const [program] = options.argv;
  const fail = (code: ErrorCode, why: string, hint?: string): HanaError =>
    new HanaError(code, { what: `cannot start ${program}`, why, hint, cause: thrown });
  const code = codeOf(thrown, message);
  const passing = PASSING[code];
  if (passing !== undefined) return fail("overloaded", passing, "look at what else runs: hana doctor");
  // The runtime looks at the directory first, and says so in words alone.
  if (/No such cwd/.test(message)) {
    return fail(
      "not-found",
      `its directory ${options.cwd} is missing`,
      "make the directory, or name another",
    );
  }
  if (/cwd is not a directory/.test(message)) {
    return fail("config", `${options.cwd}, its directory, is a file`, "name a directory");
  }
  if (code === "E2BIG") {
    return fail("config", "its arguments and environment are longer than the system takes");
  }
  if (code === "ENOEXEC") return fail("config", "the file is no program for this machine");
  const file = programFile(options);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return file === null
      ? fail("not-found", "there is no such program", "give the path of the program")
      : fail(
        "not-found",
        "what should run it (its first line, or its loader) is missing",
        `head -1 ${program}`,
      );
  }
  if (code === "EACCES" || code === "EPERM") {
    if (file?.isDirectory) return fail("refused", "it is a directory", "name the program in it");
    const isPlain = file !== null && file.mode !== null && (file.mode & 0o111) === 0;
    return isPlain
      ? fail("refused", "the file may not be executed", `chmod +x ${program}`)
      : fail("refused", "permission denied", `check who may run it: ls -l ${program}`);
  }
  return fail("config", message);
}
