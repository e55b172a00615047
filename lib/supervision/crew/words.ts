// Plain words for what machines say: signals, exit codes, durations, amounts of memory.
// Decides which word a crew reads; a person in the dark behind a stage has no manual at hand.
// Never decides what a run's end means (lib/supervision/machine).

import type { ExitRecord } from "../model/mod.ts";

const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGSEGV: "memory access error",
  SIGBUS: "memory access error",
  SIGABRT: "it gave up on an error of its own",
  SIGFPE: "calculation error",
  SIGILL: "its file does not suit this processor",
  SIGTRAP: "it gave up on an error of its own",
  SIGSYS: "the system forbade what it tried",
  SIGKILL: "ended by force from outside",
  SIGTERM: "ended from outside",
  SIGINT: "ended from outside",
  SIGQUIT: "ended from outside",
  SIGHUP: "its terminal was closed",
  SIGPIPE: "nobody read what it wrote",
  SIGXCPU: "it used more processor time than it may",
  SIGXFSZ: "it wrote a larger file than it may",
  SIGALRM: "an alarm clock of its own",
  SIGUSR1: "a signal that it does not know",
  SIGUSR2: "a signal that it does not know",
};

/** What a signal means, in words for a crew. */
export function signalWords(signal: string | null): string {
  if (signal === null || signal === "") return "no reason is known";
  return SIGNAL_WORDS[signal] ?? `signal ${signal}`;
}

/** The shells' and the BSDs' agreements on exit codes (sysexits.h), and the system's own on Windows. */
const CODE_WORDS: Readonly<Record<number, string>> = {
  64: "wrong arguments",
  65: "its data is wrong",
  66: "a file that it needs is missing",
  69: "something that it needs is not there",
  70: "an error in the program itself",
  71: "the system refused it something",
  72: "a system file is missing",
  73: "it cannot write a file",
  74: "it cannot read or write a file",
  75: "it asked for another try",
  76: "it was answered wrongly",
  77: "it may not do what it tried",
  78: "its set-up is wrong",
  125: "it asked to stay down",
  126: "its file cannot be run",
  127: "a command was not found",
};

/** `error 3`, or `error 78: its set-up is wrong`. */
export function codeWords(code: number | null): string {
  if (code === null) return "an error";
  const words = CODE_WORDS[code];
  return words === undefined ? `error ${code}` : `error ${code}: ${words}`;
}

/** How a run ended, as a narrow column has room for it: `SIGSEGV`, `exit 3`, `silent`, `ok`. */
export function briefExit(exit: ExitRecord): string {
  switch (exit.class) {
    case "success":
      return exit.code === null || exit.code === 0 ? "ok" : `ok (${exit.code})`;
    case "failure":
    case "fatal":
    case "temporary":
    case "stay-down":
      return exit.signal ?? (exit.code === null ? exit.class : `exit ${exit.code}`);
    case "crash":
      return exit.signal ?? (exit.code === null ? "crash" : `exit ${exit.code}`);
    case "config":
    case "resources":
      return "no start";
    case "start-timeout":
      return "not ready";
    case "hang":
      return "silent";
    case "stall":
      return "frozen";
    case "oom":
      return "memory";
    case "stopped":
      return "stopped";
    case "shim-lost":
      return "unwatched";
  }
}

/** `0.9 s`, `12 s`, `3 min`, `2 h 5 min`, `3 days`. `us` in microseconds; less than nothing reads as nothing. */
export function spanWords(us: number): string {
  const s = Math.max(0, us) / 1_000_000;
  if (s < 0.0995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${Math.round(s * 10) / 10} s`;
  if (s < 99.5) return `${Math.round(s)} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} days`;
}

/** `512 MiB`, `6.0 GiB`. */
export function bytesWords(bytes: number): string {
  const mib = bytes / 2 ** 20;
  if (mib < 0.95) return `${Math.ceil(Math.max(0, bytes) / 1024)} KiB`;
  if (mib < 1000) return `${mib < 9.95 ? mib.toFixed(1) : Math.round(mib)} MiB`;
  return `${(mib / 1024).toFixed(1)} GiB`;
}

/** `1 try`, `2 tries`. */
export function times(n: number): string {
  return n === 1 ? "once" : n === 2 ? "twice" : `${n} times`;
}

/** The time of day in UTC, where nobody said which clock hangs on the wall. */
export function utcClock(wallMs: number): string {
  const second = Math.floor(wallMs / 1000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const inDay = ((second % 86_400) + 86_400) % 86_400;
  return `${two(Math.floor(inDay / 3600))}:${two(Math.floor(inDay / 60) % 60)}:${two(inDay % 60)} UTC`;
}

/** Why something could not be started, without the words of the system that says so; null where nothing is known. */
export function startWords(why: string | null | undefined): string | null {
  const words = inSentence(why);
  if (words === null) return null;
  const file = /^cannot start (.+?): /.exec(words)?.[1] ?? /Failed to spawn '(.+?)'/.exec(words)?.[1];
  const missing = /^(?:cannot start )?(.+?): there is no such program/.exec(words)?.[1];
  if (missing !== undefined) return `file ${missing} is missing`;
  const what = file === undefined ? "its file" : `file ${file}`;
  if (/no such file|cannot find|not found|os error 2\b|ENOENT/i.test(words)) return `${what} is missing`;
  if (/permission denied|access is denied|os error (13|5)\b|EACCES/i.test(words)) {
    return `${what} may not be run`;
  }
  if (/exec format|os error 8\b|not a valid win32|ENOEXEC/i.test(words)) {
    return `${what} is no program for this machine`;
  }
  return words.replace(/^cannot start /, "");
}

/** Who asked, without the words in which nodes say how they know: `anna at foh` of `anna, foh (operator)`. */
export function byWords(by: string | null): string | null {
  const words = inSentence(by, 60);
  const bare = words?.replace(/ \((?:viewer|crew|operator)\)$/, "").replace(/, observer$/, "");
  return inSentence(bare?.replace(/^([^,]+), ([^,]+)$/, "$1 at $2"));
}

/** `text` without its full stop and its line ends, so that it fits into a sentence; null where nothing is left. */
export function inSentence(text: string | null | undefined, most = 160): string | null {
  if (typeof text !== "string") return null;
  const plain = text.replace(/\s+/g, " ").trim().replace(/[.!;:,\s]+$/, "");
  if (plain === "") return null;
  return plain.length <= most ? plain : `${plain.slice(0, most - 1)}…`;
}
